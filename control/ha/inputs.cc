// SPDX-License-Identifier: GPL-3.0-or-later

// What the role engine learns: each input, and what follows from it for paths and peer.

#include "control/ha/invariant.hh"
#include "control/ha/node.hh"

#include <algorithm>

namespace tandem::ha {

void Node::on_tick(Instant now, const Tick& tick) {
    if (tick.late <= policy_.interval)
        return;
    const bool fell = paused(now, tick.late); // before anything else
    for (std::size_t i = 0; i < policy_.paths; ++i)
        view_.paths[i].excuse(tick.late, now);
    ahead_.reset();                        // its answer may be late too
    if (probing_ && !probing_->repeated) { // the answers may be late too, or lost with the pause: once more
        probing_->repeated = true;
        if (probing_->look_until != end_of_time) {
            probing_->look_until = end_of_time;
            look(now);
        } else {
            probing_->until = now + probing_->wait;
            put({.effect = Effect::probe});
        }
    }
    if (fell || tick.late < policy_.lease())
        return;
    report(Event::stalled, static_cast<std::uint64_t>(
                               std::chrono::duration_cast<std::chrono::microseconds>(tick.late).count()));
    if (view_.role != Role::active)
        return;
    // The peer may have taken over meanwhile; its next heartbeat tells. The network is told again in either
    // case.
    if (view_.peer == PeerState::up)
        doubt_until_ = now + policy_.detection();
    announcements_.begin(now);
}

/// An active node that did not run for so long that a living peer has taken over gives up first and asks
/// then. True when it did. Without anybody who could have taken over it stays.
bool Node::paused(Instant now, Duration late) {
    if (view_.role != Role::active || late < policy_.pause_limit || !view_.peer_said)
        return false;
    const PeerBeat& peer = *view_.peer_said;
    // A peer that has left listens for `lone_wait` after its next start; it may have begun just before the
    // pause.
    if (peer.leaving && late < policy_.lone_wait / 2)
        return false;
    // A disabled peer that was silent before the pause may have been enabled unheard.
    if (!peer.leaving && view_.peer == PeerState::up && peer.role == Role::disabled)
        return false;
    fall(now, Role::standby, Event::paused,
         static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(late).count()));
    return true;
}

void Node::on_beat(Instant now, const PeerBeat& beat) {
    require(beat.path < policy_.paths);
    const bool was_active = peer_is_active();
    const bool reborn = view_.peer_said && view_.peer_said->incarnation != beat.incarnation;
    if (!view_.paths[beat.path].is_up())
        report(Event::path_up, beat.path);
    view_.paths[beat.path].heard(now);
    for (std::size_t i = 0; i < policy_.paths; ++i)
        view_.paths[i].refute_gone(); // on whichever path: a process that speaks is not dead
    if (reborn && was_active && beat.role != Role::active &&
        (view_.role == Role::init || view_.role == Role::standby))
        restarted_active_ = true;
    view_.peer_said = beat;
    heard_ = now;
    ahead_.reset();
    if (probing_)
        probing_->served = false; // it is not unreachable any more
    rival_.reset();               // whoever else claims: from here on the two nodes talk
    follow_peer(beat);
    doubt_until_ = std::min(doubt_until_, now);
    // Epochs only grow: whatever the peer used must not be used for something else here.
    if (view_.role != Role::active && beat.epoch > view_.epoch) {
        view_.epoch = beat.epoch;
        put({.effect = Effect::keep_epoch});
    }
    // The peer was active under a later epoch and is no longer, unseen from here: this node stays, under an
    // epoch of its own, and corrects what the peer told the network.
    if (view_.role == Role::active && beat.role != Role::active && beat.epoch > view_.epoch) {
        view_.epoch = beat.epoch + 1;
        put({.effect = Effect::keep_epoch});
        put({.effect = Effect::grant_active});
        announcements_.begin(now);
    }
}

/// The later word on the configured roles counts; serial numbers are compared as RFC 1982 does.
void Node::follow_peer(const PeerBeat& beat) {
    if (static_cast<std::int8_t>(static_cast<std::uint8_t>(beat.role_serial - view_.role_serial)) <= 0)
        return;
    set_configured(beat.configured == ConfiguredRole::primary ? ConfiguredRole::secondary
                                                              : ConfiguredRole::primary,
                   beat.role_serial);
}

void Node::on_port(Instant now, const Port& port) {
    // What was announced while the carrier was away reached nobody.
    if (port.usable && !port_usable_ && view_.role == Role::active)
        announcements_.begin(now);
    port_usable_ = port.usable;
}

void Node::on_gone(const PeerGone& gone) {
    require(gone.path < policy_.paths);
    if (view_.paths[gone.path].is_up())
        report(Event::path_down, gone.path);
    view_.paths[gone.path].proven_gone();
    proven_at_ = now_;
}

void Node::on_witness(Instant now, const Witness& witness) {
    if (witness.reachable == witness_reachable_)
        return;
    witness_reachable_ = witness.reachable;
    if (view_.role != Role::active)
        return; // then the change of role tells
    report(witness.reachable ? Event::reachable : Event::isolated);
    if (witness.reachable)
        announcements_.begin(now);
}

void Node::on_health(const Health& health) {
    const std::uint16_t score = std::min(health.score, score_max);
    if (score == score_)
        return;
    fell_ = fell_ || score < score_;
    score_ = score;
    report(Event::health_changed, score);
    put({.effect = Effect::beat}); // the peer compares
}

void Node::on_service(const Service& service) {
    require(service.working || service.patience > Duration::zero());
    service_ = service;
}

/// A flap must not prove itself: only a term that has lasted counts.
void Node::on_proof(Instant now) {
    if (view_.role != Role::active || dampener_.idle() || now < view_.since + policy_.damper_base)
        return;
    dampener_.reset();
    report(Event::proven);
}

void Node::on_raised(Instant now, const Raised& raised) {
    // The answer to an earlier term says nothing; within this one the epoch may have grown since the
    // question.
    if (view_.role != Role::active || raised.epoch < granted_)
        return;
    if (raised.succeeded) {
        raised_ = true;
        update_view();
        put({.effect = Effect::beat}); // an active that hands over waits for this
        return;
    }
    fault_until_ = now + policy_.fault_wait;
    fall(now, Role::fault, Event::raise_failed);
}

void Node::judge_paths(Instant now) {
    for (std::size_t i = 0; i < policy_.paths; ++i) {
        PathWatch& path = view_.paths[i];
        const bool was_up = path.is_up();
        path.judge(now, policy_.detection());
        if (was_up && !path.is_up())
            report(Event::path_down, i);
    }
}

void Node::judge_peer(Instant now) {
    bool up = false;
    bool gone = false;
    for (std::size_t i = 0; i < policy_.paths; ++i) {
        up = up || view_.paths[i].is_up();
        gone = gone || view_.paths[i].state() == PathState::gone;
    }
    const PeerState before = view_.peer;
    if (up)
        view_.peer = PeerState::up;
    else if (before == PeerState::up)
        view_.peer = view_.peer_said->leaving ? PeerState::left : gone ? PeerState::gone : PeerState::silent;
    else if (before == PeerState::silent && gone)
        view_.peer = PeerState::gone;
    if (view_.peer == before)
        return;
    switch (view_.peer) {
    case PeerState::up:
        report(Event::peer_up);
        // What it told the network while it was not heard is unknown; a node that stays corrects it in any
        // case.
        if (view_.role == Role::active)
            announcements_.begin(now);
        break;
    case PeerState::silent:
        report(Event::peer_silent);
        break;
    case PeerState::gone:
        report(Event::peer_gone);
        break;
    case PeerState::left:
        report(Event::peer_left);
        break;
    case PeerState::unknown:
        break;
    }
    if (view_.peer != PeerState::up) {
        if (view_.peer != PeerState::silent) // silence was judged with what is left from before the pause
            doubt_until_ = std::min(doubt_until_, now);
        if (conflict_ && view_.role == Role::active)
            announcements_.begin(now); // the other one is gone; its word to the network is not
        conflict_ = false;
    }
}

} // namespace tandem::ha
