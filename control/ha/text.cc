// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/node.hh"

#include <iterator>

namespace tandem::ha {

namespace {

struct EventText {
    Event event;
    std::string_view name;
    std::string_view sentence;
};

/// In the order of the enumeration.
constexpr EventText event_texts[]{
    {Event::started, "group.started", "listening before deciding"},
    {Event::settled, "group.standby", "has listened, and stands by"},
    {Event::took_over_silence, "takeover",
     "took over: the active node was silent on every path and nothing answered for the VIP"},
    {Event::took_over_gone, "takeover", "took over: the active node's process was proven dead"},
    {Event::took_over_resigned, "takeover", "took over: the active node handed over"},
    {Event::took_over_unfit, "takeover", "took over: the other node declared itself unfit"},
    {Event::took_over_vacant, "takeover", "took over: nobody was active"},
    {Event::took_over_operator, "takeover", "took over: an operator asked for it"},
    {Event::took_over_unserved, "takeover",
     "took over: the active node was silent, and what answered for the VIP on the network served no SIP"},
    {Event::yielded, "group.released",
     "handed over; what still arrives here is redirected to the new active"},
    {Event::yield_ended, "group.yield_ended",
     "nothing arrives here any more; the shadow server's answers are held back"},
    {Event::lost_conflict, "conflict.lost",
     "two nodes were active; the other one stays, this one has released"},
    {Event::won_conflict, "conflict.won", "two nodes are active; this one stays and announces again"},
    {Event::unfit, "group.unfit", "the outside interface is not usable"},
    {Event::fit, "group.fit", "fit again"},
    {Event::resigning, "group.resigning", "asking the peer to take over"},
    {Event::resign_failed, "group.resign_failed",
     "the peer did not take over in time; this node stays active"},
    {Event::disabled, "group.disabled", "disabled"},
    {Event::enabled, "group.enabled", "enabled"},
    {Event::peer_up, "peer.up", "the peer is heard"},
    {Event::peer_silent, "peer.silent", "the peer is silent on every path"},
    {Event::peer_gone, "peer.process_gone", "the peer's process is proven dead"},
    {Event::peer_left, "peer.left", "the peer stopped in order"},
    {Event::path_up, "path.up", "heartbeats arrive on the path"},
    {Event::path_down, "path.down", "no heartbeats on the path"},
    {Event::claim_seen, "vip.claimed_by_other",
     "another station claimed a VIP of this node; announced again"},
    {Event::serving_elsewhere, "peer.unreachable_but_serving",
     "the peer is not heard, but something still answers for the VIP; not taking over"},
    {Event::stalled, "node.stalled", "this node was not scheduled"},
    {Event::raise_failed, "vip.add_failed", "the kernel refused the VIP"},
    {Event::paused, "node.paused", "did not run for so long that the peer must have taken over; released"},
    {Event::isolated, "group.isolated", "no witness answers: this node has lost the outside network"},
    {Event::reachable, "group.reachable", "a witness answers again"},
    {Event::resigning_health, "group.resigning", "asking the peer to take over: its health is better"},
    {Event::resigning_unserved, "group.resigning",
     "asking the peer to take over: nothing is served from here"},
    {Event::failing_back, "group.resigning", "asking the configured primary to take over again"},
    {Event::damped, "group.damped",
     "the peer's health is better, but the last hand-over did not help; waiting"},
    {Event::proven, "service.proven", "service is proven; the damper is reset"},
    {Event::role_followed, "role.followed", "the configured role has changed to what the role is"},
    {Event::forced, "operator.forced", "an operator overrode a refusal"},
    {Event::health_changed, "health.changed", "the health score has changed"},
    {Event::dual_active, "conflict.dual_active",
     "two nodes are active and see each other on the data LAN only"},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < std::size(event_texts); ++i)
        if (static_cast<std::size_t>(event_texts[i].event) != i)
            return false;
    return true;
}
static_assert(in_order());

} // namespace

std::string_view to_string(Event event) {
    const auto index = static_cast<std::size_t>(event);
    return index < std::size(event_texts) ? event_texts[index].name : "unknown";
}

std::string_view to_sentence(Event event) {
    const auto index = static_cast<std::size_t>(event);
    return index < std::size(event_texts) ? event_texts[index].sentence : std::string_view{};
}

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
    case Refusal::none:
        return "accepted";
    case Refusal::not_active:
        return "this node is not active: only the active node can hand over";
    case Refusal::already_active:
        return "this node is active already";
    case Refusal::already_home:
        return "the configured primary has the group already";
    case Refusal::no_primary:
        return "neither node is configured as primary, so there is nowhere to fail back to; use failover";
    case Refusal::peer_absent:
        return "the peer is not heard: there is nobody to hand over to";
    case Refusal::peer_not_ready:
        return "the peer is not ready to take over (see tandemctl status there); --force overrides readiness";
    case Refusal::self_not_ready:
        return "this node is not ready to take over (see tandemctl status); --force overrides readiness";
    case Refusal::self_unfit:
        return "this node is not fit to serve the group (disabled, in fault, or just started)";
    case Refusal::not_disabled:
        return "the group is not disabled on this node";
    case Refusal::already_disabled:
        return "the group is disabled on this node already";
    case Refusal::not_followed:
        return "the peer did not take over in time; this node stays active";
    case Refusal::busy:
        return "another switchover is under way";
    case Refusal::peer_unfit:
        return "the peer is not fit to serve: it is in fault or has lost the outside network";
    case Refusal::peer_disabled:
        return "the group is disabled on the peer; enable it there first";
    case Refusal::peer_engine:
        return "the peer's packet path does not run, so it gets no mirror; --force overrides";
    case Refusal::peer_mirror:
        return "the peer has not yet handled everything that was mirrored; try again, or --force";
    case Refusal::peer_server:
        return "the SIP server behind the peer does not answer; --force overrides";
    case Refusal::peer_config:
        return "the two nodes' configurations differ; --force overrides";
    case Refusal::peer_yielding:
        return "the peer still redirects stragglers of the last switchover; try again in a second, or "
               "--force";
    case Refusal::peer_state:
        return "the peer's registrations or dialogs are incomplete; --force overrides";
    case Refusal::last_fit:
        return "no other node could serve the group; --force ends the service";
    case Refusal::serving_elsewhere:
        return "the peer is not heard, but the service answers at the VIP; --force makes two nodes active";
    case Refusal::peer_worse:
        return "the peer's health is worse than this node's; --force overrides";
    }
    return "unknown";
}

std::string_view to_string(PeerState state) {
    switch (state) {
    case PeerState::unknown:
        return "unknown";
    case PeerState::up:
        return "up";
    case PeerState::silent:
        return "silent";
    case PeerState::gone:
        return "gone";
    case PeerState::left:
        return "left";
    }
    return "unknown";
}

} // namespace tandem::ha
