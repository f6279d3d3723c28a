// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/alarms.hh"

#include <algorithm>

namespace tandem::app {
namespace {

/// A path that was never heard is not an alarm while the other node may still be starting.
constexpr ha::Duration first_word = std::chrono::seconds{10};
/// A stall is shown for so long after it.
constexpr ha::Duration stall_shown = std::chrono::seconds{60};
/// Likewise a refused datagram in clear; a node that mirrors sends several in a second.
constexpr ha::Duration clear_shown = std::chrono::seconds{10};

void of_group(const AlarmFacts& facts, std::size_t index, std::vector<Condition>& out) {
    const ha::View& view = facts.snapshot.groups[index];
    const std::string& group = facts.config.groups[index].name;
    const auto add = [&](const char* code, std::string sentence, Gravity gravity = Gravity::error,
                         std::string subject = {}) {
        out.push_back({code, group, std::move(subject), std::move(sentence), gravity});
    };
    if (view.serving_elsewhere)
        add("peer.unreachable_but_serving",
            "the other node is not heard, but the service answers at the VIP: not taking over; check the HA "
            "paths");
    if (view.dual_active)
        add("dual_active", "both nodes are active", Gravity::critical);
    if (view.isolated)
        add("isolated", "this node is cut off from the outside network: no carrier, or no witness answers",
            Gravity::critical);
    if (view.role == ha::Role::fault)
        add("role.fault", "this node is unfit to serve: " + std::string{ha::to_sentence(view.reason)});
    if (facts.now < view.damped_until)
        add("damped",
            "hand-overs for want of health are held back until service is proven or the time is over",
            Gravity::warning);
    for (const watch::Line& line : facts.lines[index])
        if (line.state == watch::State::failed || line.state == watch::State::degraded) {
            const bool failed = line.state == watch::State::failed;
            add(failed ? "monitor.failed" : "monitor.degraded",
                "monitor " + line.monitor + (failed ? " has failed" : " is degraded") +
                    (line.detail.empty() ? "" : ": " + line.detail),
                failed ? Gravity::error : Gravity::warning, line.monitor);
        }
}

void of_paths(const AlarmFacts& facts, std::vector<Condition>& out) {
    for (std::size_t i = 0; i < facts.config.paths.size(); ++i) {
        const ha::PathState state = facts.snapshot.groups[0].paths[i].state();
        const bool never = state == ha::PathState::never;
        if (state == ha::PathState::up || (never && facts.now < facts.started + first_word))
            continue;
        const std::string& name = facts.config.paths[i].name;
        out.push_back(
            {"path.down", "", name,
             "HA path " + name +
                 (never ? " has not been heard since the start" : " is down: the peer is not heard on it"),
             Gravity::warning});
    }
}

void of_node(const AlarmFacts& facts, std::vector<Condition>& out) {
    const auto add = [&](const char* code, std::string sentence, Gravity gravity) {
        out.push_back({code, "", "", std::move(sentence), gravity});
    };
    const auto active_alone = [](const ha::View& view) {
        return view.role == ha::Role::active && view.peer != ha::PeerState::up;
    };
    const auto* const first = facts.snapshot.groups.begin();
    if (std::any_of(first, first + facts.config.groups.size(), active_alone))
        add("peer.down", "active without a peer: nothing would take over", Gravity::error);
    const char* effect = facts.config.engine.is_appliance() ? ": nothing passes this node"
                                                            : ": SIP goes on, mirroring does not";
    if (facts.engine == EngineState::stalled)
        add("engine.absent", std::string{"the packet engine hangs"} + effect, Gravity::error);
    else if (facts.engine != EngineState::running)
        add("engine.absent", std::string{"the packet engine is not attached"} + effect, Gravity::error);
    if (facts.config_differs)
        add("config.differs",
            "the two nodes are configured differently: a planned switchover is refused until they agree",
            Gravity::error);
    if (!facts.not_kept.empty())
        add("state.not_kept",
            facts.not_kept + " (roles and takeovers are not affected; the peer knows the epochs)",
            Gravity::error);
    if (!facts.journal_not_kept.empty())
        add("journal.not_kept",
            facts.journal_not_kept + " (events and alarms go on in memory; roles are not affected)",
            Gravity::warning);
    if (facts.clear_at != ha::Instant{} && facts.now < facts.clear_at + clear_shown)
        add("mirror.clear_refused",
            "mirror datagrams come in clear on a path whose mirror is sealed here, and are refused: "
            "\"mirror\" "
            "of [[engine.ha]] differs between the two files, or somebody else sends them",
            Gravity::error);
    if (facts.stalled_at != ha::Instant{} && facts.now < facts.stalled_at + stall_shown)
        add("stalled", "this node was not scheduled in time within the last minute", Gravity::warning);
}

} // namespace

std::vector<Condition> conditions(const AlarmFacts& facts) {
    std::vector<Condition> out;
    for (std::size_t i = 0; i < facts.config.groups.size(); ++i)
        of_group(facts, i, out);
    out.insert(out.end(), facts.checks.begin(), facts.checks.end());
    of_paths(facts, out);
    of_node(facts, out);
    return out;
}

} // namespace tandem::app
