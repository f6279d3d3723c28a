// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/status_report.hh"

#include "control/app/calendar.hh"
#include "control/app/clock.hh"
#include "control/app/policy.hh"
#include "control/app/version.hh"

#include <algorithm>

namespace tandem::app {
namespace {

/// What a node lacks, in the order of importance.
struct LackWord {
    ha::Lack lack;
    const char* word;
    const char* sentence;
};
constexpr LackWord lack_words[] = {
    {ha::lack_reach, "the outside network", "not ready: cut off from the outside network"},
    {ha::lack_engine, "the packet engine",
     "not ready: the packet engine is not attached (is tandem-fast running?)"},
    {ha::lack_config, "the same configuration", "not ready: the two nodes are configured differently"},
    {ha::lack_server, "an answering SIP server", "not ready: the SIP server of this node does not answer"},
    {ha::lack_yield, "the end of the last hand-over",
     "not ready: what still arrives here after the last hand-over is redirected"},
    {ha::lack_mirror, "mirrored messages", "not ready: the mirror is not in sync with the active"},
    {ha::lack_state, "state", "not ready: registrations or dialogs are known to be incomplete"},
};

/// Nothing is mirrored to a node that is active.
unsigned lacks_of(const ha::View& view) {
    return view.role == ha::Role::active ? view.lacks & ~unsigned{ha::lack_mirror} : view.lacks;
}

std::string reason_of(const ha::View& view) {
    if (view.role != ha::Role::standby || view.ready)
        return std::string{ha::to_sentence(view.reason)};
    if (view.yielding)
        return "handing over: redirecting what still arrives here";
    if (view.serving_elsewhere)
        return "the other node is not heard, but the service answers at the VIP: not taking over";
    if (view.peer != ha::PeerState::up && (view.lacks & ha::lack_engine) == 0)
        return "not ready: the peer is not heard";
    for (const LackWord& word : lack_words)
        if ((view.lacks & word.lack) != 0)
            return word.sentence;
    return "not ready";
}

std::uint64_t milliseconds(ha::Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::ceil<std::chrono::milliseconds>(std::max(duration, ha::Duration::zero())).count());
}

status::WallClock::time_point wall_time(const StatusSources& from, ha::Instant at) {
    return status::WallClock::now() - std::chrono::duration_cast<status::WallClock::duration>(from.now - at);
}

status::Failback failback_status(const StatusSources& from, std::size_t index) {
    const config::Failback& failback = from.config.groups[index].failback;
    const ha::View& view = from.snapshot.groups[index];
    status::Failback out;
    out.policy = describe(failback);
    if (view.failback_at != ha::end_of_time)
        out.in_ms = milliseconds(view.failback_at - from.now);
    if (failback.policy == config::FailbackPolicy::window)
        if (const auto minutes = minutes_until_open(failback, local_minute(from.wall_clock)))
            out.window_in_ms = *minutes * std::uint64_t{60'000};
    return out;
}

/// Health and what follows from it.
void add_health(const StatusSources& from, std::size_t index, status::Group& out) {
    const ha::View& view = from.snapshot.groups[index];
    out.score = view.score;
    for (const LackWord& word : lack_words)
        if ((lacks_of(view) & word.lack) != 0)
            out.lacks.emplace_back(word.word);
    out.isolated = view.isolated;
    out.hysteresis = from.config.groups[index].hysteresis;
    out.damper.factor = view.damper_factor;
    if (from.now < view.damped_until)
        out.damper.remaining_ms = milliseconds(view.damped_until - from.now);
    out.failback = failback_status(from, index);
    if (from.engine == EngineState::running && view.role == ha::Role::active)
        out.calls = from.page.traffic[index].calls.load();
    for (const watch::Line& line : from.lines[index])
        out.monitors.push_back(
            {line.monitor, std::string{watch::to_string(line.state)}, line.detail,
             line.since == ha::Instant{} ? wall_time(from, from.started) : wall_time(from, line.since),
             line.failures});
    out.checks = from.checks[index];
}

status::Group group_status(const StatusSources& from, std::size_t index) {
    const config::Group& group = from.config.groups[index];
    const ha::View& view = from.snapshot.groups[index];
    status::Group out;
    out.name = group.name;
    out.configured_role = ha::to_string(view.configured);
    out.file_role = ha::to_string(to_ha(group.role));
    out.role = ha::to_string(view.role);
    out.epoch = view.epoch;
    out.interface = group.interface;
    out.priority = group.priority;
    out.readiness = view.ready ? status::Readiness::ready : status::Readiness::not_ready;
    out.mirroring = group.mirroring == config::Mirroring::on ? status::Mirroring::on : status::Mirroring::off;
    out.pattern = group.request_pattern.to_string();
    out.reason = reason_of(view);
    out.since = wall_time(from, view.since);
    add_health(from, index, out);
    out.transitions = view.transitions;
    const auto placement = [&](const wire::IpAddress& vip, const std::string& name) {
        const bool present = std::ranges::any_of(from.interfaces, [&](const netlink::Interface& interface) {
            return interface.name == name &&
                   std::ranges::any_of(interface.addresses,
                                       [&](const wire::Prefix& have) { return have.address == vip; });
        });
        return present ? status::Placement::on_outside : status::Placement::absent;
    };
    for (std::size_t i = 0; i < group.vips.size(); ++i) {
        const wire::IpAddress& vip = group.vips[i].address;
        out.vips.push_back({vip.to_string(), placement(vip, group.interface)});
        const std::string server =
            group.servers.empty() ? std::string{} : config::server_of(group, i).to_string();
        if (!server.empty() && std::ranges::find(out.servers, server) == out.servers.end())
            out.servers.push_back(server);
    }
    for (const wire::Prefix& vip : group.inside_vips)
        out.inside_vips.push_back(
            {vip.address.to_string(), placement(vip.address, from.config.engine.inside.kernel_interface)});
    out.forwarding = group.forwarding == contract::Forwarding::transparent ? "transparent"
                     : group.forwarding == contract::Forwarding::nat       ? "nat"
                                                                           : "host";
    return out;
}

status::PathState path_state(ha::PathState state) {
    switch (state) {
    case ha::PathState::never:
        return status::PathState::never;
    case ha::PathState::up:
        return status::PathState::up;
    case ha::PathState::silent:
    case ha::PathState::gone:
        return status::PathState::down;
    }
    return status::PathState::never;
}

status::MirrorWay mirror_way(const config::Config& config, const std::string& path) {
    const auto& ports = config.engine.ha;
    const auto port = std::ranges::find(ports, path, &config::EngineHaPort::path);
    if (!config.engine.is_appliance() || port == ports.end())
        return status::MirrorWay::kernel;
    return port->mirror == contract::MirrorSeal::clear ? status::MirrorWay::port_clear
                                                       : status::MirrorWay::port;
}

status::Path path_status(const StatusSources& from, std::size_t index) {
    const config::Path& path = from.config.paths[index];
    const ha::PathWatch& watch = from.snapshot.groups[0].paths[index];
    const PulseSnapshot::Path& seen = from.snapshot.paths[index];
    status::Path out;
    out.name = path.name;
    out.local = path.local.to_string();
    out.peer = path.peer.to_string();
    out.state = path_state(watch.state());
    out.mirror = mirror_way(from.config, path.name);
    out.stream = from.peer_line.connected(index) ? status::StreamState::up : status::StreamState::down;
    if (seen.rtt_ns != 0) {
        out.rtt_us_last = static_cast<std::uint64_t>(seen.rtt_ns / 1000);
        out.rtt_us_min = static_cast<std::uint64_t>(seen.rtt_min_ns / 1000);
    }
    if (watch.heard_ever())
        out.last_heard_ms = static_cast<double>((from.now - watch.last_heard()).count()) / 1e6;
    const link::BeatCounters& beats = seen.counters;
    const link::StreamCounters& streams = from.peer_line.counters(index);
    // Only what went wrong: the people's view shows every number here that is not zero.
    out.counters = {{"beats_send_failed", beats.send_failed},
                    {"beats_truncated", beats.truncated},
                    {"beats_version", beats.version},
                    {"beats_association", beats.association},
                    {"beats_unauthentic", beats.unauthentic},
                    {"beats_replayed", beats.replayed},
                    {"beats_malformed", beats.malformed},
                    {"beats_foreign", beats.foreign},
                    {"stream_refused_address", streams.refused_address.load()},
                    {"stream_refused_handshake", streams.refused_handshake.load()},
                    {"stream_refused_message", streams.refused_message.load()}};
    return out;
}

status::Mirror mirror_status(const StatusSources& from) {
    const contract::MirrorProgress& progress = from.page.mirror;
    status::Mirror out;
    out.sent = progress.sent.load();
    out.confirmed = progress.confirmed.load();
    out.received = progress.received.load();
    out.lost = from.page.count(contract::Counter::mirror_lost);
    const bool active = std::any_of(from.snapshot.groups.begin(), from.snapshot.groups.end(),
                                    [](const ha::View& view) { return view.role == ha::Role::active; });
    if (from.snapshot.groups[0].peer != ha::PeerState::up || from.engine != EngineState::running)
        return out;
    constexpr std::uint64_t under_way = 64;
    const bool synced = active
                            ? out.confirmed + under_way >= out.sent
                            : in_sync(to_ns(from.now), {.received = out.received,
                                                        .announced = progress.announced.load(),
                                                        .announced_at_ns = progress.announced_at_ns.load()});
    out.sync = synced ? status::Sync::in_sync : status::Sync::behind;
    return out;
}

status::EngineState engine_state(EngineState state) {
    switch (state) {
    case EngineState::absent:
        return status::EngineState::absent;
    case EngineState::starting:
    case EngineState::stalled:
        return status::EngineState::running;
    case EngineState::running:
        return status::EngineState::attached;
    }
    return status::EngineState::absent;
}

/// Those that are not 0.
status::Numbers counters_of(const contract::Counters& counters) {
    status::Numbers out;
    for (std::size_t i = 0; i < contract::counter_count; ++i)
        if (const std::uint64_t count = counters.get(static_cast<contract::Counter>(i)); count != 0)
            out.emplace_back(std::string{contract::counter_texts[i].name}, count);
    return out;
}

status::Port port_status(const contract::PortStatus& port, std::string name, const std::string& interface) {
    status::Port out{std::move(name), interface, port.link.load() != 0, port.speed_mbps.load(), {}, {}};
    out.counters = {{"received", port.received.load()},   {"received_octets", port.received_octets.load()},
                    {"sent", port.sent.load()},           {"sent_octets", port.sent_octets.load()},
                    {"missed", port.missed.load()},       {"receive_errors", port.receive_errors.load()},
                    {"no_buffer", port.no_buffer.load()}, {"transmit_errors", port.transmit_errors.load()}};
    for (std::size_t i = 0; i < std::min<std::size_t>(port.queues.load(), port.queue.size()); ++i) {
        const contract::QueueStatus& queue = port.queue[i];
        out.queues.push_back({{"received", queue.received.load()},
                              {"sent", queue.sent.load()},
                              {"full", queue.full.load()},
                              {"handed", queue.handed.load()},
                              {"handed_full", queue.handed_full.load()}});
    }
    return out;
}

/// What an appliance's engine says of its workers and ports.
void add_ports_and_workers(const StatusSources& from, status::Engine& out) {
    const config::Engine& engine = from.config.engine;
    const contract::Page& page = from.page;
    out.workers.push_back(counters_of(page.counters));
    for (std::size_t i = 1; i < std::min<std::size_t>(page.engine.workers.load(), contract::workers_max); ++i)
        out.workers.push_back(counters_of(page.workers[i - 1].counters));
    const auto add = [&](std::size_t place, const std::string& name, const std::string& interface) {
        if (page.ports[place].present.load() != 0)
            out.ports.push_back(port_status(page.ports[place], name, interface));
    };
    add(static_cast<std::size_t>(contract::PortPlace::outside), "outside", engine.outside.kernel_interface);
    add(static_cast<std::size_t>(contract::PortPlace::inside), "inside", engine.inside.kernel_interface);
    for (std::size_t i = 0; i < from.config.paths.size(); ++i)
        for (const config::EngineHaPort& ha : engine.ha)
            if (ha.path == from.config.paths[i].name)
                add(static_cast<std::size_t>(contract::PortPlace::ha) + i, ha.path, ha.port.kernel_interface);
}

status::Beats beats_of(const Lateness& lateness) {
    status::Beats out{lateness.beats(), {}, lateness.max_us(), lateness.recent_max_us()};
    for (std::size_t i = 0; i < Lateness::bounds_us.size(); ++i)
        out.later_than_us.emplace_back(std::to_string(Lateness::bounds_us[i]), lateness.later(i));
    return out;
}

status::Peer peer_status(const StatusSources& from) {
    const ha::View& view = from.snapshot.groups[0];
    status::Peer out;
    out.name = from.peer_name;
    out.node_id = view.peer_said ? view.peer_said->node_id : 0U;
    out.state = view.peer == ha::PeerState::unknown ? status::PeerState::unknown
                : view.peer == ha::PeerState::up    ? status::PeerState::up
                                                    : status::PeerState::down;
    return out;
}

} // namespace

status::NodeStatus report_status(const StatusSources& from) {
    status::NodeStatus out;
    out.node_id = from.config.node.id;
    out.name = from.config.node.name;
    out.version = version;
    out.incarnation = from.incarnation;
    out.uptime = std::chrono::duration_cast<std::chrono::milliseconds>(from.now - from.started);
    out.now = status::WallClock::now();
    out.pair_id = from.config.pair.id;
    out.config_digest = from.config.digest;
    for (std::size_t i = 0; i < from.config.groups.size(); ++i)
        out.groups.push_back(group_status(from, i));
    out.peer = peer_status(from);
    for (std::size_t i = 0; i < from.config.paths.size(); ++i)
        out.paths.push_back(path_status(from, i));
    out.mirror = mirror_status(from);
    out.engine.state = engine_state(from.engine);
    out.engine.pid = from.engine == EngineState::absent ? 0 : from.page.engine.pid.load();
    out.engine.backend = from.config.engine.is_appliance() ? "dpdk" : "nfqueue";
    if (from.config.engine.is_appliance())
        add_ports_and_workers(from, out.engine);
    out.detection.interval_ms = static_cast<double>(from.config.pair.interval.count()) / 1000.0;
    out.detection.multiplier = from.config.pair.multiplier;
    out.detection.worst_case_ms = static_cast<double>(from.config.detection_worst_case().count()) / 1000.0;
    out.beats = beats_of(from.snapshot.beats);
    for (std::size_t i = 0; i < contract::counter_count; ++i)
        out.counters.emplace_back(std::string{contract::counter_texts[i].name},
                                  from.page.count(static_cast<contract::Counter>(i)));
    out.counters.emplace_back("pulse_late_max_us", from.snapshot.late_max_us);
    out.counters.emplace_back("errands_refused", from.snapshot.errands_refused);
    out.counters.emplace_back("events_lost", from.events_lost);
    out.counters.emplace_back("groups_unknown", from.snapshot.groups_unknown);
    out.warnings = from.warnings;
    for (const Alarm& alarm : from.alarms) {
        if (alarm.state == ledger::AlarmState::ended)
            ++out.alarms_ended;
        if (alarm.state != ledger::AlarmState::active)
            continue;
        out.alarms.push_back({alarm.condition.code, alarm.condition.group, alarm.condition.subject,
                              alarm.condition.sentence, wall_time(from, alarm.since),
                              std::to_string(from.config.node.id) + "." + std::to_string(alarm.number),
                              std::string{to_string(alarm.severity)},
                              alarm.acknowledged ? alarm.acknowledged->by : std::string{}});
    }
    return out;
}

} // namespace tandem::app
