// SPDX-License-Identifier: GPL-3.0-or-later

// How a node ceases to be active.
//
// A planned hand-over is make-before-break: the node asks (`resigning`), the peer takes the addresses and
// says so, and only then this node lets go, redirecting what still arrives. It is asked for by an operator,
// by the health of the two nodes, by want of service, or by the failback policy; all but the first go through
// the damper. Without anybody who could take over, an unfit node keeps the group: a bad service beats none.

#include "control/ha/invariant.hh"
#include "control/ha/node.hh"

#include <algorithm>

namespace tandem::ha {
namespace {

/// After a peer did not follow: not again by itself before then.
constexpr Duration resign_pause = std::chrono::seconds{5};

} // namespace

void Node::evaluate_active(Instant now) {
    if (lost_to_heard_peer(now))
        return;
    if (!port_usable_ && peer_could_serve())
        return fall(now, Role::fault, Event::unfit);
    forget_rival(now);
    evaluate_resignation(now);
    if (view_.role != Role::active)
        return;
    if (!resigning_)
        evaluate_hand_over(now);
    if (!tick_owed_ && now >= doubt_until_ && announcements_.take(now))
        put({.effect = Effect::announce});
}

/// Ends a resignation that nobody followed. When the peer went silent meanwhile, but announced the addresses,
/// it did follow.
void Node::evaluate_resignation(Instant now) {
    if (!resigning_)
        return;
    if (resigning_->claimed && view_.peer != PeerState::up)
        return yield(now, resigning_->purpose == Purpose::failover ? Role::standby : Role::disabled);
    if (now < resigning_->until)
        return;
    report(Event::resign_failed);
    announcements_.begin(now);
    resign_again_ = now + resign_pause;
    end_resignation(now, Refusal::not_followed);
}

/// What makes the active node ask the peer by itself.
void Node::evaluate_hand_over(Instant now) {
    watch_failback(now);
    watch_scores(now);
    if (now < resign_again_ || !peer_could_serve())
        return;
    const auto ask = [&](Trigger trigger, Event event, std::uint64_t value) {
        resign(now,
               {.until = now + policy_.resign_wait,
                .purpose = Purpose::failover,
                .trigger = trigger,
                .ticket = std::nullopt},
               event, value);
    };
    const PeerBeat& peer = *view_.peer_said;
    const std::uint64_t scores = static_cast<std::uint64_t>(own_score()) << 16U | peer.score;
    // Whom no client reaches has nothing to lose: counted by the damper, but not held back.
    if (isolated())
        return ask(Trigger::isolation, Event::resigning_health, scores);
    if (peer_is_better()) {
        const Instant until = dampener_.held_until(policy_.damper_base);
        if (now >= std::max(until, better_at()))
            return ask(Trigger::health, Event::resigning_health, scores);
        if (!damped_told_ && now < until)
            report(Event::damped,
                   static_cast<std::uint64_t>(
                       std::chrono::duration_cast<std::chrono::milliseconds>(until - now).count()));
        damped_told_ = damped_told_ || now < until;
    } else {
        damped_told_ = false;
    }
    if (now >= unserved_until() && peer.score + policy_.hysteresis >= own_score())
        return ask(Trigger::service, Event::resigning_unserved, dampener_.factor());
    if (now >= failback_at())
        ask(Trigger::failback, Event::failing_back, 0);
}

/// When an active node that does not serve hands over, also to a peer that is no better.
Instant Node::unserved_until() const {
    if (view_.role != Role::active || service_.working)
        return end_of_time;
    return std::max(service_.since, view_.since) + service_.patience * dampener_.factor();
}

/// Since when the peer is better, and whether because this node became worse. That counts at once. A rise of
/// the peer has to last: where both nodes' servers become well within moments, as after a start, nothing is
/// gained.
void Node::watch_scores(Instant now) {
    if (!peer_could_serve() || !peer_is_better()) {
        better_since_ = end_of_time;
        fell_ = false;
    } else if (better_since_ == end_of_time) {
        better_since_ = now;
    }
}

/// When the peer has been better for long enough.
Instant Node::better_at() const {
    return fell_ || better_since_ == end_of_time ? better_since_ : better_since_ + policy_.better_wait;
}

/// The primary has to be as good as this node for `failback_hold` without a break.
void Node::watch_failback(Instant now) {
    const bool home = policy_.failback != Failback::manual && view_.configured == ConfiguredRole::secondary &&
                      peer_could_serve() && view_.peer_said->configured == ConfiguredRole::primary &&
                      view_.peer_said->ready && view_.peer_said->score >= own_score();
    if (!home)
        failback_since_ = end_of_time;
    else if (failback_since_ == end_of_time)
        failback_since_ = now;
}

Instant Node::failback_at() const {
    if (failback_since_ == end_of_time || (policy_.failback == Failback::window && !window_open_))
        return end_of_time;
    return std::max(failback_since_ + policy_.failback_hold, dampener_.held_until(policy_.damper_base));
}

void Node::resign(Instant now, const Resigning& how, Event event, std::uint64_t value) {
    require(view_.role == Role::active && !resigning_ && how.until > now);
    resigning_ = how;
    update_view();
    put({.effect = Effect::beat});
    report(event, value);
}

void Node::evaluate_yield(Instant now) {
    if (!yielding_)
        return;
    const bool quiet =
        now >= yielding_->began + policy_.yield_min && now >= yielding_->straggler + policy_.yield_quiet;
    if (!quiet && now < yielding_->began + policy_.yield_max)
        return;
    yielding_.reset();
    put({.effect = Effect::seal});
    put({.effect = Effect::grant_standby});
    report(Event::yield_ended);
}

void Node::fall(Instant now, Role to, Event cause, std::uint64_t value) {
    const bool was_active = view_.role == Role::active;
    require(to != Role::active);
    set_role(now, to, cause);
    announcements_.stop();
    if (was_active || yielding_) {
        yielding_.reset();
        put({.effect = Effect::revoke});
        put({.effect = Effect::lower});
        put({.effect = Effect::grant_standby});
        if (cause == Event::lost_conflict)
            put({.effect = Effect::keep_epoch}); // the winner's is in use
    }
    put({.effect = Effect::beat});
    report(cause, value);
    if (resigning_)
        end_resignation(now, Refusal::self_unfit);
}

void Node::yield(Instant now, Role to) {
    require(view_.role == Role::active && resigning_);
    // A peer that follows does so under the next epoch; if it is not heard any more, that is assumed.
    view_.epoch = std::max(peer_is_active() ? view_.epoch : view_.epoch + 1, view_.peer_said->epoch);
    const Trigger trigger = resigning_->trigger;
    if (trigger == Trigger::health || trigger == Trigger::isolation || trigger == Trigger::service)
        dampener_.count(now);
    yielding_ = Yielding{now, now};
    announcements_.stop();
    set_role(now, to, to == Role::disabled ? Event::disabled : Event::yielded);
    put({.effect = Effect::keep_epoch});
    put({.effect = Effect::revoke});
    put({.effect = Effect::grant_yielding});
    put({.effect = Effect::vacate});
    put({.effect = Effect::beat});
    report(to == Role::disabled ? Event::disabled : Event::yielded);
    end_resignation(now, Refusal::none);
}

void Node::end_resignation(Instant now, Refusal refusal) {
    const Resigning done = *resigning_;
    resigning_.reset();
    if (done.ticket)
        answer(*done.ticket, refusal);
    // However the hand-over ended: a node that leaves has no part in what follows.
    if (done.purpose == Purpose::leave && view_.role != Role::disabled)
        fall(now, Role::disabled, Event::disabled);
}

} // namespace tandem::ha
