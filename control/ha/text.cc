// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/node.hh"

namespace tandem::ha {

std::string_view to_string(Event event) {
    switch (event) {
    case Event::started:
        return "group.started";
    case Event::settled:
        return "group.standby";
    case Event::took_over_silence:
    case Event::took_over_gone:
    case Event::took_over_resigned:
    case Event::took_over_unfit:
    case Event::took_over_vacant:
    case Event::took_over_operator:
        return "takeover";
    case Event::yielded:
        return "group.released";
    case Event::yield_ended:
        return "group.yield_ended";
    case Event::lost_conflict:
        return "conflict.lost";
    case Event::won_conflict:
        return "conflict.won";
    case Event::unfit:
        return "group.unfit";
    case Event::fit:
        return "group.fit";
    case Event::resigning:
        return "group.resigning";
    case Event::resign_failed:
        return "group.resign_failed";
    case Event::disabled:
        return "group.disabled";
    case Event::enabled:
        return "group.enabled";
    case Event::peer_up:
        return "peer.up";
    case Event::peer_silent:
        return "peer.silent";
    case Event::peer_gone:
        return "peer.process_gone";
    case Event::peer_left:
        return "peer.left";
    case Event::path_up:
        return "path.up";
    case Event::path_down:
        return "path.down";
    case Event::claim_seen:
        return "vip.claimed_by_other";
    case Event::serving_elsewhere:
        return "peer.unreachable_but_serving";
    case Event::stalled:
        return "node.stalled";
    case Event::raise_failed:
        return "vip.add_failed";
    }
    return "unknown";
}

std::string_view to_sentence(Event event) {
    switch (event) {
    case Event::started:
        return "listening before deciding";
    case Event::settled:
        return "has listened, and stands by";
    case Event::took_over_silence:
        return "took over: the active node was silent on every path and nothing answered for the VIP";
    case Event::took_over_gone:
        return "took over: the active node's process was proven dead";
    case Event::took_over_resigned:
        return "took over: the active node handed over";
    case Event::took_over_unfit:
        return "took over: the other node declared itself unfit";
    case Event::took_over_vacant:
        return "took over: nobody was active";
    case Event::took_over_operator:
        return "took over: an operator asked for it";
    case Event::yielded:
        return "handed over; what still arrives here is redirected to the new active";
    case Event::yield_ended:
        return "nothing arrives here any more; the shadow server's answers are held back";
    case Event::lost_conflict:
        return "two nodes were active; the other one stays, this one has released";
    case Event::won_conflict:
        return "two nodes are active; this one stays and announces again";
    case Event::unfit:
        return "the outside interface is not usable";
    case Event::fit:
        return "fit again";
    case Event::resigning:
        return "asking the peer to take over";
    case Event::resign_failed:
        return "the peer did not take over in time; this node stays active";
    case Event::disabled:
        return "disabled";
    case Event::enabled:
        return "enabled";
    case Event::peer_up:
        return "the peer is heard";
    case Event::peer_silent:
        return "the peer is silent on every path";
    case Event::peer_gone:
        return "the peer's process is proven dead";
    case Event::peer_left:
        return "the peer stopped in order";
    case Event::path_up:
        return "heartbeats arrive on the path";
    case Event::path_down:
        return "no heartbeats on the path";
    case Event::claim_seen:
        return "another station claimed a VIP of this node; announced again";
    case Event::serving_elsewhere:
        return "the peer is not heard, but something still answers for the VIP; not taking over";
    case Event::stalled:
        return "this node was not scheduled";
    case Event::raise_failed:
        return "the kernel refused the VIP";
    }
    return "";
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
    case Refusal::busy:
        return "another switchover is under way";
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
