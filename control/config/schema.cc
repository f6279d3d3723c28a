// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/schema.hh"

#include <algorithm>
#include <array>
#include <cmath>

namespace tandem::config {
namespace {

constexpr std::size_t name_length_max = 32;
constexpr std::size_t file_name_length_max = 4095;
/// A Unix socket's path has at most 107 characters; the names behind the folder need the rest.
constexpr std::size_t run_dir_length_max = 80;
constexpr Range port_range{1, 65535};

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= name_length_max && std::ranges::all_of(text, [](char c) {
        return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
    });
}

bool is_interface_name(std::string_view text) {
    return !text.empty() && text.size() < contract::interface_name_max && text != "." && text != ".." &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '/' && c != ':'; });
}

template <class T>
void take_integer(Section& section, std::string_view key, Range range, T& out, Place* place = nullptr,
                  Presence presence = Presence::optional) {
    if (const auto found = section.integer(key, range, presence)) {
        out = static_cast<T>(found->value);
        if (place != nullptr)
            *place = found->place;
    }
}

void take_name(Section& section, std::string_view key, Presence presence, std::string& out,
               Place* place = nullptr) {
    const auto found = section.text(key, presence);
    if (!found)
        return;
    if (place != nullptr)
        *place = found->place;
    if (is_name(found->value))
        out = found->value;
    else
        section.complain(found->place, "\"" + std::string{key} + "\" cannot be " + quoted(found->value),
                         "a name has 1 to 32 characters: letters, digits, \"-\", \"_\", \".\"");
}

void take_interface(Section& section, std::string_view key, Presence presence, std::string& out,
                    Place& place) {
    const auto found = section.text(key, presence);
    if (!found)
        return;
    place = found->place;
    if (is_interface_name(found->value))
        out = found->value;
    else
        section.complain(
            found->place, quoted(found->value) + " cannot be the name of an interface",
            "an interface name has 1 to 15 characters, without blanks, \"/\" and \":\"; see ip link");
}

void take_file_name(Section& section, std::string_view key, std::size_t length_max, std::string& out,
                    Place* place = nullptr) {
    const auto found = section.text(key, Presence::optional);
    if (!found)
        return;
    if (place != nullptr)
        *place = found->place;
    const std::string& text = found->value;
    if (!text.starts_with('/') || text.find('\0') != std::string::npos)
        section.complain(found->place, "\"" + std::string{key} + "\" is not an absolute path",
                         "it must begin with \"/\"");
    else if (text.size() > length_max)
        section.complain(found->place, "\"" + std::string{key} + "\" is too long",
                         "at most " + std::to_string(length_max) + " characters");
    else
        out = text;
}

/// Addresses that no service and no HA path can have.
std::string_view unusable(const wire::IpAddress& address) {
    const auto& o = address.octets;
    if (address.is_v4()) {
        if (o[0] == 0)
            return "is not the address of a host";
        if (o[0] >= 224)
            return o[0] < 240 ? "is a multicast address" : "is reserved";
        return {};
    }
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (o == std::array<std::uint8_t, 16>{})
        return "is not the address of a host";
    if (o[0] == 0xff)
        return "is a multicast address";
    if (o[0] == 0xfe && (o[1] & 0xc0) == 0x80)
        return "is link-local, which needs an interface beside it";
    if (std::equal(mapped.begin(), mapped.end(), o.begin()))
        return "is an IPv4 address written as IPv6";
    return {};
}

bool is_loopback(const wire::IpAddress& address) {
    std::array<std::uint8_t, 16> one{};
    one[15] = 1;
    return address.is_v4() ? address.octets[0] == 127 : address.octets == one;
}

std::optional<wire::Prefix> read_prefix(Section& section, const Placed<std::string>& text) {
    const auto prefix = wire::Prefix::parse(text.value);
    if (!prefix) {
        section.complain(text.place, quoted(text.value) + " is not an IP address",
                         "write it in figures, for example \"10.0.0.10\" or \"2001:db8::10\"");
        return std::nullopt;
    }
    if (const auto why = unusable(prefix->address); !why.empty()) {
        section.complain(text.place, quoted(text.value) + " " + std::string{why}, "use a unicast address");
        return std::nullopt;
    }
    return prefix;
}

/// The first and the last address of an IPv4 network are no host's (RFC 1122 section 3.2.1.3), unless the
/// network has but two or one.
bool is_edge_of_network(const wire::Prefix& prefix) {
    if (!prefix.address.is_v4() || prefix.length > 30)
        return false;
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i)
        number = number << 8U | prefix.address.octets[i];
    const std::uint32_t host_bits = 0xffffffffU >> prefix.length;
    return (number & host_bits) == 0 || (number & host_bits) == host_bits;
}

std::optional<wire::Prefix> read_vip(Section& section, const Placed<std::string>& text) {
    const auto prefix = read_prefix(section, text);
    if (!prefix)
        return std::nullopt;
    if (is_loopback(prefix->address)) {
        section.complain(text.place, quoted(text.value) + " is a loopback address",
                         "a VIP must be reachable from the network");
        return std::nullopt;
    }
    if (prefix->length == 0 || is_edge_of_network(*prefix)) {
        section.complain(text.place, quoted(text.value) + " is not an address of a host in its network",
                         "check the prefix length, or leave it out");
        return std::nullopt;
    }
    return prefix;
}

wire::IpAddress read_address(Section& section, std::string_view key, Place& place) {
    const auto found = section.text(key, Presence::required);
    if (!found)
        return {};
    place = found->place;
    if (found->value.find('/') != std::string::npos) {
        section.complain(found->place, quoted(found->value) + " is a network, not an address",
                         "write the address without \"/\" and prefix length");
        return {};
    }
    const auto prefix = read_prefix(section, *found);
    return prefix ? prefix->address : wire::IpAddress{};
}

void read_node(Section section, Node& node, Places& places) {
    take_integer(section, "id", {1, 2}, node.id, nullptr, Presence::required);
    take_name(section, "name", Presence::optional, node.name);
    take_file_name(section, "run_dir", run_dir_length_max, node.run_dir);
    take_file_name(section, "state_dir", file_name_length_max, node.state_dir);
    take_interface(section, "shadow_interface", Presence::optional, node.shadow_interface,
                   places.shadow_interface);
    Place table;
    take_integer(section, "route_table", {1, 0xffffffffLL}, node.route_table, &table);
    if (node.route_table >= 253 && node.route_table <= 255)
        section.complain(table, "\"route_table\" is one of the kernel's own tables (253 to 255)",
                         "use a table that nothing else uses, for example 7100");
    // The kernel's own rules stand at 0, 32766 and 32767.
    take_integer(section, "rule_priority", {1, 32765}, node.rule_priority);
    section.finish();
}

void read_pair(Section section, Pair& pair, Places& places) {
    take_name(section, "id", Presence::required, pair.id);
    take_file_name(section, "key_file", file_name_length_max, pair.key_file, &places.key_file);
    places.interval = section.place();
    if (const auto found = section.number("interval_ms", {1, 1000}, Presence::optional)) {
        pair.interval = std::chrono::microseconds{std::llround(found->value * 1000)};
        places.interval = found->place;
    }
    take_integer(section, "multiplier", {3, 50}, pair.multiplier);
    take_integer(section, "stream_port", port_range, pair.stream_port, &places.stream_port);
    take_integer(section, "heartbeat_port", port_range, pair.heartbeat_port, &places.heartbeat_port);
    take_integer(section, "mirror_port", port_range, pair.mirror_port, &places.mirror_port);
    section.finish();
}

void read_path(Section section, Draft& draft) {
    Path path;
    Places::PathPlaces places;
    take_name(section, "name", Presence::required, path.name, &places.name);
    path.local = read_address(section, "local", places.local);
    path.peer = read_address(section, "peer", places.peer);
    section.finish();
    draft.config.paths.push_back(std::move(path));
    draft.places.paths.push_back(places);
}

void read_mirror(Section section, Group& group) {
    if (const auto enabled = section.boolean("enabled", Presence::optional))
        group.mirroring = enabled->value ? Mirroring::on : Mirroring::off;
    if (const auto text = section.text("request_pattern", Presence::optional)) {
        if (auto pattern = contract::RequestPattern::parse(text->value))
            group.request_pattern = *pattern;
        else
            section.complain(text->place, "\"request_pattern\": " + pattern.error(),
                             "for example \"INVITE|CANCEL|BYE\", \"!REGISTER\", or \"\" for all");
    }
    section.finish();
}

void read_group(Section section, Draft& draft, Complaints& complaints) {
    Group group;
    Places::GroupPlaces places;
    take_name(section, "name", Presence::required, group.name, &places.name);
    if (const auto role = section.word("role", {"secondary", "primary"}, Presence::optional))
        group.role = role->value == 1 ? ConfiguredRole::primary : ConfiguredRole::secondary;
    take_integer(section, "priority", {1, 254}, group.priority);
    take_interface(section, "interface", Presence::required, group.interface, places.interface);
    if (const auto vips = section.texts("vips", contract::vips_max, Presence::required)) {
        for (const auto& text : *vips) {
            if (const auto vip = read_vip(section, text)) {
                group.vips.push_back(*vip);
                places.vips.push_back(text.place);
            }
        }
    }
    if (const auto ports =
            section.integers("sip_ports", port_range, contract::sip_ports_max, Presence::optional)) {
        group.sip_ports.clear();
        for (const auto& port : *ports) {
            group.sip_ports.push_back(static_cast<std::uint16_t>(port.value));
            places.sip_ports.push_back(port.place);
        }
    }
    if (const auto mirror = section.table("mirror", Presence::optional))
        read_mirror({"[group.mirror]", mirror->place, *mirror->value, complaints}, group);
    section.finish();
    draft.config.groups.push_back(std::move(group));
    draft.places.groups.push_back(std::move(places));
}

void read_engine(Section section, Engine& engine) {
    section.word("type", {"nfqueue"}, Presence::optional);
    take_integer(section, "queue", {0, 65535}, engine.queue);
    section.finish();
}

void read_log(Section section, Log& log) {
    if (const auto target = section.word("target", {"stderr", "syslog"}, Presence::optional))
        log.target = target->value == 1 ? LogTarget::syslog : LogTarget::standard_error;
    section.finish();
}

} // namespace

Draft read_schema(const Table& root, Complaints& complaints) {
    Draft draft;
    Config& config = draft.config;
    Section file{"the file", Place{}, root, complaints};
    if (const auto node = file.table("node", Presence::required))
        read_node({"[node]", node->place, *node->value, complaints}, config.node, draft.places);
    if (const auto pair = file.table("pair", Presence::required))
        read_pair({"[pair]", pair->place, *pair->value, complaints}, config.pair, draft.places);
    for (const auto& path : file.tables("path", contract::paths_max, Presence::required))
        read_path({"[[path]]", path.place, *path.value, complaints}, draft);
    for (const auto& group : file.tables("group", contract::groups_max, Presence::required))
        read_group({"[[group]]", group.place, *group.value, complaints}, draft, complaints);
    if (const auto engine = file.table("engine", Presence::optional))
        read_engine({"[engine]", engine->place, *engine->value, complaints}, config.engine);
    if (const auto log = file.table("log", Presence::optional))
        read_log({"[log]", log->place, *log->value, complaints}, config.log);
    file.finish();
    return draft;
}

} // namespace tandem::config
