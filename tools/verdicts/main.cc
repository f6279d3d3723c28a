// SPDX-License-Identifier: GPL-3.0-or-later
// tandem-replay: what the packet path does with each packet of a capture file. See tools/replay.
#include "control/app/policy.hh"
#include "control/config/load.hh"
#include "dataplane/io/pcap/replay.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/sip.hh"
#include "dataplane/wire/udp.hh"
#include "tools/tandemctl/escape.hh"

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>

namespace {

using namespace tandem;
namespace json = boost::json;

enum class Form : std::uint8_t { text, json };
enum Exit : int { done = 0, refused = 1, usage = 2 };

/// Far from 0, so that no time of the path becomes negative.
constexpr std::chrono::hours begin_of_time{1};

/// What a packet says of itself.
struct Face {
    std::string source{"-"};
    std::string destination{"-"};
    std::string method; ///< of a response `200 INVITE`
};

std::string endpoint(const wire::IpAddress& address, std::uint16_t port) {
    const std::string text = address.to_string();
    return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

Face face_of(std::span<const std::uint8_t> packet) {
    Face face;
    const auto ip = wire::parse_ip(packet);
    if (!ip)
        return face;
    face.source = ip->source.to_string();
    face.destination = ip->destination.to_string();
    const bool ports = ip->fragment == wire::Fragment::whole && ip->payload.size() >= 4 &&
                       (ip->protocol == wire::protocol_udp || ip->protocol == wire::protocol_tcp);
    if (!ports)
        return face;
    const auto port = [&](std::size_t at) {
        return static_cast<std::uint16_t>(ip->payload[at] << 8U | ip->payload[at + 1]);
    };
    face.source = endpoint(ip->source, port(0));
    face.destination = endpoint(ip->destination, port(2));
    const auto udp = ip->protocol == wire::protocol_udp ? wire::parse_udp(ip->payload)
                                                        : std::unexpected(wire::PacketError::truncated);
    if (!udp)
        return face;
    const std::string_view text{reinterpret_cast<const char*>(udp->payload.data()), udp->payload.size()};
    if (const auto summary = wire::summarize(text)) {
        face.method = ctl::shown(summary->method_name, 32);
        if (summary->kind == wire::SipKind::response) {
            const auto message = wire::parse_sip(text);
            face.method = (message ? std::to_string(message->status) : "response") + " " + face.method;
        }
    }
    return face;
}

std::string time_text(path::Instant at) {
    const auto since = at.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06d}Z", fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                       std::chrono::duration_cast<std::chrono::microseconds>(since - seconds).count());
}

class Printer : public pcap::Observer {
public:
    explicit Printer(Form form)
        : form_(form) {
        if (form_ == Form::json)
            fmt::print("{{\"packets\":[");
    }

    void on_packet(const pcap::Captured& captured, const pcap::Outcome& outcome) override {
        const bool ip = !captured.packet.empty();
        const Face face = face_of(captured.packet);
        const std::string_view kind = ip ? path::to_string(outcome.judgement.kind) : "not_ip";
        const std::string_view counter = ip ? contract::to_string(outcome.judgement.reason) : "-";
        const bool mirrored = !outcome.mirrored.empty();
        ++packets_;
        if (form_ == Form::json)
            return add({{"packet", packets_},
                        {"time", time_text(captured.at)},
                        {"source", face.source},
                        {"destination", face.destination},
                        {"method", ctl::json_text(face.method)},
                        {"kind", kind},
                        {"action", path::to_string(outcome.action)},
                        {"counter", counter},
                        {"mirrored", mirrored}});
        fmt::print("{:>5}  {}  {} > {}  {}  {}  {}  {}{}\n", packets_, time_text(captured.at), face.source,
                   face.destination, face.method.empty() ? "-" : face.method, kind,
                   path::to_string(outcome.action), counter, mirrored ? "  mirrored" : "");
    }

    void on_released(std::uint32_t packet, path::Action action, bool mirrored) override {
        if (form_ == Form::json)
            return add(
                {{"packet", packet + 1}, {"released", path::to_string(action)}, {"mirrored", mirrored}});
        fmt::print("{:>5}  was held: {}{}\n", packet + 1, path::to_string(action),
                   mirrored ? "  mirrored" : "");
    }

    void finish(const contract::Page& page) {
        json::object counters;
        std::string text;
        for (std::size_t i = 0; i < contract::counter_count; ++i) {
            const auto counter = static_cast<contract::Counter>(i);
            const std::uint64_t count = page.counters.get(counter);
            if (count == 0)
                continue;
            counters[contract::to_string(counter)] = count;
            text += fmt::format(", {} {}", contract::to_string(counter), count);
        }
        if (form_ == Form::json)
            fmt::print("\n],\"counters\":{}}}\n", json::serialize(counters));
        else
            fmt::print("{} packets{}\n", packets_, text);
    }

private:
    void add(const json::object& object) {
        fmt::print("{}{}", first_ ? "\n" : ",\n", json::serialize(object));
        first_ = false;
    }

    Form form_;
    bool first_{true};
    std::uint64_t packets_{0};
};

void set_roles(contract::Page& page, std::size_t groups, contract::Standing standing) {
    for (std::size_t i = 0; i < groups; ++i) {
        page.grants[i].role.write({1, standing, {}});
        page.grants[i].expires_ns = std::numeric_limits<std::int64_t>::max();
    }
}

int complain(const std::string& what) {
    std::fflush(stdout);
    fmt::print(stderr, "tandem-replay: {}\n", ctl::shown(what, 1000));
    return refused;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"Says what the packet path does with each packet of a capture file.", "tandem-replay"};
    std::string file;
    std::string policy_file;
    std::string role;
    bool as_json = false;
    app.add_option("FILE", file, "pcap or pcapng: Ethernet, raw IP or Linux cooked")->required();
    app.add_option("--policy", policy_file, "The configuration, as for tandemd")->required();
    app.add_option("--role", role, "What the node is")
        ->required()
        ->check(CLI::IsMember({"active", "standby"}));
    app.add_flag("--json", as_json, "Write JSON");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) {
        return app.exit(end) == 0 ? done : usage;
    }
    const auto text = config::read_text(policy_file);
    if (!text)
        return complain(text.error().to_string());
    const auto configuration = config::parse(*text, policy_file);
    if (!configuration) {
        for (const auto& problem : configuration.error())
            complain(problem.to_string());
        return refused;
    }
    const auto page = std::make_unique<contract::Page>();
    page->policy.write(tandem::app::packet_policy(*configuration));
    set_roles(*page, configuration->groups.size(),
              role == "active" ? contract::Standing::active : contract::Standing::standby);
    if (const auto capture = pcap::Capture::open(file); !capture)
        return complain(capture.error());
    Printer printer{as_json ? Form::json : Form::text};
    const auto replayed = pcap::replay(file, *page, path::Instant{begin_of_time}, printer);
    printer.finish(*page);
    return replayed ? done : complain(replayed.error());
}
