// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets behind TLS: one answer for each request or the end, and nothing reaches the brain unless whoever
// asks was somebody who may.
//
// The first octet says what the brain answers, whether there is a certificate, and how the octets are cut.
#include "control/https/conversation.hh"

#include <boost/json/parse.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tandem;
using namespace tandem::https;

void require(bool holds) {
    if (!holds)
        std::abort();
}

const std::string reader = "tdm_reader";
const std::string actor = "tdm_actor";

std::shared_ptr<const config::Api> settings() {
    config::Api out;
    out.rate_per_minute = 60'000;
    out.burst = 10'000;
    out.body_max = 4096;
    out.header_max = 2048;
    out.tokens = {{"reader", digest_of(reader), config::ApiScope::read},
                  {"actor", digest_of(actor), config::ApiScope::act}};
    out.clients = {{"looker", config::ApiScope::read}};
    return std::make_shared<const config::Api>(out);
}

/// Whole answers and nothing else; how many.
std::size_t require_answers(std::string_view octets) {
    std::size_t count = 0;
    while (!octets.empty()) {
        require(octets.starts_with("HTTP/1.1 "));
        const auto end = octets.find("\r\n\r\n");
        require(end != std::string_view::npos);
        const std::string head{octets.substr(0, end)};
        octets.remove_prefix(end + 4);
        if (head == "HTTP/1.1 100 Continue")
            continue;
        const auto at = head.find("\r\nContent-Length: ");
        require(at != std::string::npos);
        const std::size_t size = std::stoul(head.substr(at + 18));
        require(size <= octets.size());
        boost::json::error_code failure;
        boost::json::parse(boost::json::string_view{octets.data(), size}, failure);
        require(!failure);
        octets.remove_prefix(size);
        ++count;
    }
    return count;
}

struct World {
    std::string_view input;
    bool certificate{false};
    std::string sent;
    std::size_t calls{0};

    /// Not more is asked than whoever asks may, and in a form that the brain reads.
    void check_call(const Call& call) {
        ++calls;
        const bool acts = call.caller == "actor";
        const bool has_actor = input.find(actor) != std::string_view::npos;
        const bool has_reader = input.find(reader) != std::string_view::npos;
        require((acts && has_actor) || (call.caller == "reader" && has_reader) ||
                (call.caller == "looker" && certificate));
        bool known = false;
        for (const Route& route : routes())
            known = known || (route.method == call.method && (acts || route.scope == config::ApiScope::read));
        require(known);
        std::string line = api::write_request({1, call.method, call.params, call.caller});
        require(line.size() <= api::request_size_max && line.find('\n') == line.size() - 1);
        line.pop_back();
        const auto read = api::read_request(line);
        require(read && read->caller == call.caller && read->params == call.params);
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    static const auto shared = settings();
    const auto gate = Gate::make(shared, [](const std::string& line) {
        for (const char c : line)
            require(c >= ' ' && c <= '~');
    });
    require(gate.has_value());
    World world{{reinterpret_cast<const char*>(data) + 1, size - 1}, (data[0] & 1U) != 0, {}, 0};
    Peer peer{wire::IpAddress::v4({192, 0, 2, 1}), std::nullopt, 0};
    if (world.certificate)
        peer.certificate = {"looker"};
    const ha::Instant now{std::chrono::hours{1}};
    Conversation conversation{**gate, peer};
    const std::size_t piece = (data[0] & 2U) != 0 ? 1U : (data[0] & 4U) != 0 ? 7U : world.input.size();

    Conversation::Step step = conversation.start();
    std::size_t at = 0;
    for (;;) {
        world.sent += step.send;
        if (step.wants == Conversation::Wants::end)
            break;
        if (step.wants == Conversation::Wants::brain) {
            require(step.call.has_value());
            world.check_call(*step.call);
            const api::Error error{api::Code::refused, "no", nullptr};
            Outcome outcome{api::Outcome{boost::json::object{{"fine", true}}}};
            if ((data[0] & 8U) != 0)
                outcome = api::Outcome{std::unexpected(error)};
            else if ((data[0] & 16U) != 0)
                outcome = std::unexpected(Away::unreachable);
            step = conversation.on_outcome(std::move(outcome), now);
            continue;
        }
        require(!step.call);
        if (at >= world.input.size()) {
            world.sent += conversation.on_deadline(now).send;
            break;
        }
        step = conversation.on_octets(world.input.substr(at, piece), now);
        at += piece;
    }
    require(require_answers(world.sent) >= world.calls);
    return 0;
}
