// SPDX-License-Identifier: GPL-3.0-or-later

// How a node becomes active.
//
// A proven death, a resignation and an agreed vacancy are followed at once. Silence is only a suspicion: the
// network is asked first, one ARP or ND probe. Whoever answers it may be the active, cut off on the HA paths
// only, or a router with proxy ARP; then the service itself is asked (SIP OPTIONS to the VIP). If it answers,
// the node stays standby and asks again; if it does not, nobody serves, and it takes over.

#include "control/ha/invariant.hh"
#include "control/ha/node.hh"

#include <algorithm>

namespace tandem::ha {

void Node::evaluate_init(Instant now) {
    if (view_.peer == PeerState::up || now >= started_ + policy_.lone_wait)
        become_standby(now, Event::settled);
    if (view_.role == Role::standby)
        evaluate_standby(now);
}

void Node::evaluate_standby(Instant now) {
    if (isolated()) {
        probing_.reset();
        if (yielding_ && port_usable_)
            return; // the witness may be wrong: stragglers are redirected for as long as they come
        fall(now, Role::fault, port_usable_ ? Event::isolated : Event::unfit);
        return;
    }
    if (probing_) {
        // A peer that is heard again refutes its own death; a vacancy that was filled is none.
        const bool refuted = view_.peer == PeerState::up && peer_is_active();
        if (!refuted)
            return; // the tick decides, see Node::on
        probing_.reset();
    }
    switch (view_.peer) {
    case PeerState::up:
        // What was read after a pause may be as old as the pause: it counts when the peer says so again.
        if (tick_owed_ || heard_ < woke_ + policy_.interval / 2)
            return;
        if (peer_is_active()) {
            vacancy_since_ = end_of_time;
            restarted_active_ = false;
            if (view_.peer_said->resigning)
                become_active(now, Event::took_over_resigned, now);
            return;
        }
        if (restarted_active_)
            return become_active(now, Event::took_over_gone, now);
        return evaluate_vacancy(now);
    case PeerState::gone:
        if (!eligible())
            return;
        // Old news: the peer may be back under an epoch not yet heard of. And after a lost conflict somebody
        // has the addresses, whatever became of the process that was proven dead.
        if (now != proven_at_ || now < woke_ + policy_.interval || now < unserved_again_)
            return consider_takeover(now, Event::took_over_gone, policy_.probe_wait);
        become_active(now, Event::took_over_gone, now);
        return;
    case PeerState::silent:
        if (eligible())
            consider_takeover(now, Event::took_over_silence, policy_.probe_wait);
        return;
    case PeerState::left:
    case PeerState::unknown:
        if (eligible())
            consider_takeover(now, Event::took_over_vacant, start_wait());
        return;
    }
}

void Node::evaluate_vacancy(Instant now) {
    const PeerBeat& peer = *view_.peer_said;
    if (!eligible() || peer.role == Role::init) {
        vacancy_since_ = end_of_time; // a peer in `init` is about to decide; it hears us
        return;
    }
    if (peer.role == Role::fault || peer.role == Role::disabled || peer.leaving)
        return become_active(now, peer.role == Role::fault ? Event::took_over_unfit : Event::took_over_vacant,
                             now);
    // Both are standby. Each has to have heard the other before one of them concludes.
    if (vacancy_since_ == end_of_time)
        vacancy_since_ = now;
    const bool peer_contends = peer.configured == ConfiguredRole::primary || peer.epoch > 0;
    if (now < vacancy_since_ + policy_.detection())
        return;
    if (!peer_contends || arbitrate_vacancy(self_claim(), peer_claim()) == Winner::self)
        consider_takeover(now, Event::took_over_vacant, start_wait());
}

void Node::evaluate_fault(Instant now) {
    if (isolated() || now < fault_until_)
        return;
    become_standby(now, view_.reason == Event::isolated ? Event::reachable : Event::fit);
    evaluate_standby(now);
}

void Node::evaluate_probe(Instant now) {
    Probing& probing = *probing_;
    if (probing.look_until != end_of_time) {
        if (now >= probing.look_until)
            return become_active(now, Event::took_over_unserved, probing.detected);
        if (now >= probing.look_more)
            look(now);
        return;
    }
    if (now < probing.until)
        return;
    if (!probing.answered)
        return become_active(now, Event{probing.cause}, Instant{probing.detected});
    // Something answers for the VIP although its owner is not heard: two holders would be worse than waiting.
    probing.answered = false;
    if (now >= probing.look_at && now >= unserved_again_)
        return look(now);
    probing.until = now + std::max(policy_.probe_again, probing.wait);
    put({.effect = Effect::probe});
}

/// Asks the service, up to three times within `look_wait`: datagrams get lost.
void Node::look(Instant now) {
    constexpr unsigned questions = 3;
    Probing& probing = *probing_;
    if (probing.look_until == end_of_time) {
        probing.look_until = now + policy_.look_wait;
        probing.looks = 0;
    }
    ++probing.looks;
    probing.look_more = probing.looks < questions ? now + policy_.look_wait / questions : end_of_time;
    put({.effect = Effect::look});
}

void Node::on_looked(Instant now, const Looked& looked) {
    if (!probing_ || probing_->look_until == end_of_time)
        return;
    Probing& probing = *probing_;
    if (!looked.served) {
        probing.look_until = now;
        if (!tick_owed_) // else the answer may still wait: the tick decides
            evaluate_probe(now);
        return;
    }
    probing.served = true;
    probing.look_until = end_of_time;
    probing.look_more = end_of_time;
    probing.look_at = now + policy_.look_again;
    if (!probing.told)
        report(Event::serving_elsewhere);
    probing.told = true;
    // From here on the next probe that stays unanswered decides.
    probing.answered = false;
    probing.until = now + std::max(policy_.probe_again, probing.wait);
    put({.effect = Effect::probe});
}

void Node::consider_takeover(Instant now, Event cause, Duration probe_wait) {
    require(view_.role == Role::standby);
    if (probing_)
        return;
    probing_ = Probing{.cause = cause, .detected = now, .wait = probe_wait, .until = now + probe_wait};
    // Asked already. An answer that came before the silence says nothing of what became of its sender since.
    const bool asked = ahead_ && !ahead_->answered && cause == Event::took_over_silence;
    if (asked)
        probing_->until = std::max(now, ahead_->sent + probe_wait);
    ahead_.reset();
    if (asked)
        return;
    put({.effect = Effect::probe});
}

/// A standby that does not hear the active asks the network so early that the answer is due in the very
/// moment in which the silence is established: the wait for it costs nothing. A heartbeat makes the question
/// moot.
Instant Node::ask_ahead_at() const {
    if (policy_.probe_ahead == Duration::zero() || view_.role != Role::standby || ahead_ || probing_ ||
        isolated() || view_.peer != PeerState::up || !peer_is_active() || !eligible())
        return end_of_time;
    Instant silent{};
    for (std::size_t i = 0; i < policy_.paths; ++i)
        if (view_.paths[i].is_up())
            silent = std::max(silent, view_.paths[i].deadline(policy_.detection()));
    return silent - policy_.probe_ahead;
}

/// Two nodes that start at the same moment and do not hear each other ask one after the other: the second
/// sees the first one's announcement as the answer to its own probe.
Duration Node::start_wait() const {
    const bool met = view_.peer != PeerState::unknown; // then their vacancy is agreed or told
    return policy_.probe_wait_start * (policy_.node_id > 1 && !met ? 2 : 1);
}

void Node::become_active(Instant now, Event cause, Instant detected) {
    require(view_.role == Role::standby);
    require(!isolated() && !leaving_);
    Instant last_heard{};
    for (std::size_t i = 0; i < policy_.paths; ++i)
        last_heard = std::max(last_heard, view_.paths[i].last_heard());
    const std::uint64_t peer_epoch = view_.peer_said ? view_.peer_said->epoch : 0;
    view_.epoch = std::max(view_.epoch, peer_epoch) + 1;
    require(view_.epoch > granted_); // a term never comes twice
    granted_ = view_.epoch;
    yielding_.reset();
    probing_.reset();
    restarted_active_ = false;
    conflict_ = false;
    doubt_until_ = now;
    raised_ = false;
    set_role(now, Role::active, cause);
    put({.effect = Effect::keep_epoch});
    put({.effect = Effect::raise});
    put({.effect = Effect::grant_active});
    announcements_.begin(now);
    announcements_.take(now);
    put({.effect = Effect::announce});
    put({.effect = Effect::beat});
    put({.effect = Effect::report, .event = cause, .last_heard = last_heard, .detected = detected});
}

void Node::become_standby(Instant now, Event cause) {
    require(view_.role != Role::active);
    set_role(now, Role::standby, cause);
    put({.effect = Effect::beat});
    report(cause);
}

} // namespace tandem::ha
