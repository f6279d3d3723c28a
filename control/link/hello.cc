// SPDX-License-Identifier: GPL-3.0-or-later

#include "control/link/hello.hh"

#include <boost/json.hpp>

#include <limits>
#include <optional>

namespace tandem::link {

namespace json = boost::json;

namespace {

/// A whole number from 1 to `max` under `name`, or nothing.
std::optional<std::uint64_t> number(const json::object& object, std::string_view name, std::uint64_t max) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_int64() || value->get_int64() < 1)
        return std::nullopt;
    const auto n = static_cast<std::uint64_t>(value->get_int64());
    return n <= max ? std::optional(n) : std::nullopt;
}

} // namespace

std::string to_json(const Hello& hello) {
    return json::serialize(
        json::object{{"tandem", hello.version}, {"node", hello.node_id}, {"pair", hello.pair_id}});
}

std::expected<Hello, std::string> read_hello(std::string_view text, const Hello& own) {
    if (text.size() > hello_max)
        return std::unexpected("the peer's hello is too long");
    json::error_code error;
    json::parse_options options;
    options.max_depth = 4;
    const json::value value = json::parse(text, error, {}, options);
    if (error || !value.is_object())
        return std::unexpected("the peer's hello is not a JSON object");
    const json::object& object = value.get_object();
    const auto version = number(object, "tandem", std::numeric_limits<std::uint16_t>::max());
    const auto node = number(object, "node", std::numeric_limits<std::uint8_t>::max());
    const json::value* pair = object.if_contains("pair");
    if (!version || !node || pair == nullptr || !pair->is_string())
        return std::unexpected("the peer's hello lacks its version, node id or pair");
    // Each speaks its own version and the one before: neighbours understand each other.
    if (*version > own.version + 1 || *version + 1 < own.version)
        return std::unexpected("the peer speaks version " + std::to_string(*version) +
                               " of the HA link, this node " + std::to_string(own.version) +
                               "; upgrade one version at a time");
    if (*node == own.node_id)
        return std::unexpected("the peer has the same node id as this node (" + std::to_string(own.node_id) +
                               "); give one of them another");
    if (std::string_view(pair->get_string()) != own.pair_id)
        return std::unexpected("the peer belongs to another pair than \"" + own.pair_id +
                               "\"; compare pair.id on both nodes");
    return Hello{static_cast<unsigned>(*version), static_cast<std::uint8_t>(*node), own.pair_id};
}

} // namespace tandem::link
