// SPDX-License-Identifier: GPL-3.0-or-later

// What the service finds out for the role engine: the packet engine, readiness, monitors, the calendar; and
// what is wrong.

#include "control/app/calendar.hh"
#include "control/app/clock.hh"
#include "control/app/service.hh"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <fstream>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

/// A process id may have been given to somebody else meanwhile.
bool is_packet_engine(std::int32_t pid) {
    std::string name;
    std::getline(std::ifstream{"/proc/" + std::to_string(pid) + "/comm"}, name);
    return name == "tandem-fast";
}

/// By a descriptor, so that a process that got the number a moment ago is not meant.
void end_packet_engine(std::int32_t pid) {
    const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (process < 0)
        return;
    if (is_packet_engine(pid))
        ::syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0);
    ::close(process);
}

Severity severity_of(watch::State state) {
    switch (state) {
    case watch::State::failed:
        return Severity::error;
    case watch::State::degraded:
    case watch::State::repairing:
        return Severity::warning;
    default:
        return Severity::info;
    }
}

} // namespace

/// Whether this process is the packet engine and lives. Its end is told at once.
bool Service::engine_lives(std::int32_t pid) {
    EngineProcess& process = engine_process_;
    if (process.pid != pid || !process.descriptor) {
        process.end.reset();
        process.pid = pid;
        process.descriptor = watch::Descriptor{
            pid > 0 && is_packet_engine(pid) ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1};
        if (process.descriptor)
            process.end.emplace(io_, process.descriptor.get(), [this] {
                engine_process_.end.reset();
                look_at_engine(now());
            });
    }
    pollfd ended{process.descriptor.get(), POLLIN, 0};
    return process.descriptor && ::poll(&ended, 1, 0) == 0;
}

void Service::look_at_engine(ha::Instant at) {
    const contract::EnginePulse& engine = parts_.page.engine;
    const std::int32_t pid = engine.pid.load();
    const EngineState state = engine_watch_.look(at, {.beats = contract::beats_of(parts_.page),
                                                      .workers = engine.workers.load(),
                                                      .pid = pid,
                                                      .attached = engine.attached.load() != 0,
                                                      .process_exists = engine_lives(pid)});
    if (state == engine_)
        return;
    const EngineState before = std::exchange(engine_, state);
    status_due_ = at;
    const bool appliance = parts_.config.engine.is_appliance();
    if (state == EngineState::running)
        parts_.journal.add(Severity::info, "engine.running", "",
                           appliance ? "the packet engine has its ports"
                                     : "the packet engine is attached; mirroring works");
    else if (state == EngineState::stalled)
        parts_.journal.add(
            Severity::error, "engine.stalled", "",
            appliance
                ? "the packet engine does not turn; ending it: nothing passes this node until it is back"
                : "the packet engine does not turn; ending it, so that the kernel passes SIP on");
    else if (before == EngineState::running || before == EngineState::stalled)
        parts_.journal.add(
            Severity::error, "engine.lost", "",
            appliance
                ? "the packet engine is gone; nothing passes this node until it is back"
                : "the packet engine is gone; the kernel passes SIP on, mirroring pauses until it is back");
    // In host mode, an engine that hangs keeps the kernel's queue bound, and SIP would wait in it; dead, it
    // is bypassed. On an appliance it keeps the carrier of its TAPs.
    if (state == EngineState::stalled)
        end_packet_engine(pid);
    for (std::size_t group = 0; appliance && group < groups_.size(); ++group)
        judge_port(group);
}

void Service::read_notices() {
    contract::Notice notice;
    while (parts_.page.notices.pop(notice)) {
        switch (notice.kind) {
        case contract::NoticeKind::engine_started:
            parts_.journal.add(notice.value > 0 ? Severity::warning : Severity::info, "engine.started", "",
                               notice.value > 0 ? "the packet engine has started; the kernel passed on " +
                                                      std::to_string(notice.value) +
                                                      " SIP packets unmirrored while it was away"
                                                : std::string{"the packet engine has started"},
                               {{"missed", notice.value}});
            break;
        case contract::NoticeKind::mirror_gap:
            parts_.journal.add(Severity::warning, "mirror.gap", "",
                               "mirrored packets were lost and could not be repaired",
                               {{"lost", notice.value}});
            break;
        default:
            break;
        }
    }
}

// ---- the monitors ----

/// The interfaces that hold the HA paths' own addresses: what `nic` watches beside the outside interface.
std::vector<std::string> Service::interfaces_of_paths() const {
    std::vector<std::string> names;
    const auto interfaces = netlink::list_interfaces();
    if (!interfaces)
        return names;
    for (const config::Path& path : parts_.config.paths)
        for (const netlink::Interface& interface : *interfaces)
            if (std::any_of(interface.addresses.begin(), interface.addresses.end(),
                            [&](const wire::Prefix& have) { return have.address == path.local; }))
                names.push_back(interface.name);
    return names;
}

void Service::open_monitors() {
    const std::vector<std::string> path_interfaces = interfaces_of_paths();
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        watch::Handlers handlers;
        handlers.facts = [this, i] { return facts(i); };
        handlers.input = [this, i](const ha::Input& input) { tell(i, input); };
        handlers.lacks = [this, i](std::uint8_t lacks) {
            groups_[i].monitor_lacks = lacks;
            PulseSnapshot snapshot;
            if (parts_.pulse.snapshot(snapshot))
                judge_readiness(snapshot, now());
        };
        handlers.change = [this, i](const watch::Change& change) {
            status_due_ = now();
            parts_.journal.add(severity_of(change.state), change.code, parts_.config.groups[i].name,
                               change.detail);
        };
        handlers.repair = [this, i] { door_.tell(Repair{i}); };
        groups_[i].monitors = std::make_unique<watch::Group>(
            io_, parts_.config.groups[i], parts_.interface_indices[i], std::move(handlers), path_interfaces,
            parts_.config.engine.inside.kernel_interface);
    }
}

watch::Facts Service::facts(std::size_t group) {
    watch::Facts out;
    PulseSnapshot snapshot;
    GroupState& state = groups_[group];
    if (parts_.pulse.snapshot(snapshot)) {
        out.peer_heard = snapshot.groups[group].peer == ha::PeerState::up;
        out.active = snapshot.groups[group].role == ha::Role::active;
        out.claimed = std::exchange(state.claims, snapshot.claims[group]) != snapshot.claims[group];
    }
    out.carrier = state.port_usable;
    out.arrived = parts_.page.arrived(group);
    out.vip_outside = state.vip_present;
    return out;
}

void Service::follow_roles(const PulseSnapshot& snapshot) {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const bool active = snapshot.groups[i].role == ha::Role::active;
        if (std::exchange(groups_[i].active, active) != active)
            groups_[i].monitors->on_role(active);
    }
    actions_->look(snapshot);
}

// ---- readiness ----

void Service::judge_readiness(const PulseSnapshot& snapshot, ha::Instant at) {
    compare_configurations(snapshot);
    choose_mirror_path(snapshot);
    const auto& mirror = parts_.page.mirror;
    const bool synced = in_sync(to_ns(at), {.received = mirror.received.load(),
                                            .announced = mirror.announced.load(),
                                            .announced_at_ns = mirror.announced_at_ns.load()});
    parts_.page.peer_present.store(snapshot.groups[0].peer == ha::PeerState::up ? 1U : 0U);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const bool mirroring = parts_.config.groups[i].mirroring == config::Mirroring::on;
        unsigned lacks = groups_[i].monitor_lacks;
        const auto add = [&lacks](ha::Lack lack, bool so) { lacks |= so ? unsigned{lack} : 0U; };
        add(ha::lack_engine, engine_ != EngineState::running);
        add(ha::lack_config, differing_digest_ != 0);
        add(ha::lack_mirror, mirroring && !synced);
        const SetReadiness readiness{i, static_cast<std::uint8_t>(lacks), synced};
        std::optional<SetReadiness>& told = groups_[i].readiness_told;
        if (told && told->lacks == readiness.lacks && told->in_sync == synced)
            continue;
        told = readiness;
        door_.tell(readiness);
    }
}

void Service::compare_configurations(const PulseSnapshot& snapshot) {
    const std::uint64_t theirs = snapshot.peer_config_digest;
    const std::uint64_t differing = theirs != 0 && theirs != parts_.config.digest ? theirs : 0;
    if (differing == differing_digest_)
        return;
    differing_digest_ = differing;
    if (differing != 0)
        parts_.journal.add(
            Severity::error, "config.differs", "",
            "the two nodes are configured differently (pair, group names, VIPs, ports, patterns, or a "
            "mirror in clear); "
            "compare the files: a planned switchover is refused until they agree");
    else
        parts_.journal.add(Severity::info, "config.agrees", "", "the two nodes are configured alike");
}

/// The first path that is up, in the order of the configuration.
void Service::choose_mirror_path(const PulseSnapshot& snapshot) {
    for (std::size_t i = 0; i < parts_.config.paths.size(); ++i)
        if (snapshot.groups[0].paths[i].is_up())
            return parts_.page.mirror_path.store(static_cast<std::uint32_t>(i));
}

/// Whether the calendar and the number of calls permit the group to return now.
void Service::judge_window(ha::Instant at) {
    if (at < window_due_)
        return;
    window_due_ = at + std::chrono::seconds{1};
    const LocalMinute minute = local_minute(std::time(nullptr));
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const config::Failback& failback = parts_.config.groups[i].failback;
        if (failback.policy != config::FailbackPolicy::window)
            continue;
        const bool quiet = !failback.calls_max || parts_.page.traffic[i].calls.load() <= *failback.calls_max;
        const bool open = window_open(failback, minute) && quiet;
        if (groups_[i].window_told == open)
            continue;
        groups_[i].window_told = open;
        tell(i, ha::FailbackWindow{open});
    }
}

// ---- alarms ----

std::vector<std::vector<watch::Line>> Service::monitor_lines() const {
    std::vector<std::vector<watch::Line>> lines;
    for (const GroupState& group : groups_)
        lines.push_back(group.monitors->lines());
    return lines;
}

void Service::judge_alarms(const PulseSnapshot& snapshot, ha::Instant at) {
    const auto lines = monitor_lines();
    checks_->tick();
    auto down = checks_->conditions();
    for (Condition& condition : mail_->conditions())
        down.push_back(std::move(condition));
    const std::uint64_t refused = parts_.page.counters.get(contract::Counter::link_clear);
    if (clear_refused_ && refused != *clear_refused_)
        clear_at_ = at;
    clear_refused_ = refused;
    const bool changed =
        alarms_->update({at, wall_us()}, conditions({.config = parts_.config,
                                                     .snapshot = snapshot,
                                                     .lines = lines,
                                                     .checks = down,
                                                     .engine = engine_,
                                                     .config_differs = differing_digest_ != 0,
                                                     .not_kept = not_kept_,
                                                     .journal_not_kept = ledger_->not_kept(),
                                                     .stalled_at = stalled_at_,
                                                     .clear_at = clear_at_,
                                                     .started = started_,
                                                     .now = at}));
    if (changed)
        status_due_ = at;
}

} // namespace tandem::app
