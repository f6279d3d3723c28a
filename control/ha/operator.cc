// SPDX-License-Identifier: GPL-3.0-or-later

// The operator's words: what each asks for, when it is refused, and what force overrides.

#include "control/ha/node.hh"

#include <utility>

namespace tandem::ha {

void Node::on_operator(Instant now, const Operator& command) {
    switch (command.verb) {
    case Verb::failover:
        return fail_over(now, command, Purpose::failover);
    case Verb::failback:
        return fail_back(now, command);
    case Verb::disable:
        return disable(now, command);
    case Verb::enable:
        return enable(now, command);
    case Verb::leave:
        return leave(now, command);
    case Verb::follow:
        return follow(command);
    }
}

/// What speaks against a hand-over to the peer; `none` when it would be without loss.
Refusal Node::peer_refusal() const {
    if (view_.peer != PeerState::up || view_.peer_said->leaving)
        return Refusal::peer_absent;
    const PeerBeat& peer = *view_.peer_said;
    if (peer.role == Role::disabled)
        return Refusal::peer_disabled;
    if (peer.role == Role::fault || (peer.lacks & lack_reach) != 0)
        return Refusal::peer_unfit;
    if (peer.role != Role::standby)
        return Refusal::peer_not_ready;
    constexpr std::pair<Lack, Refusal> reasons[]{
        {lack_server, Refusal::peer_server}, {lack_engine, Refusal::peer_engine},
        {lack_config, Refusal::peer_config}, {lack_mirror, Refusal::peer_mirror},
        {lack_state, Refusal::peer_state},   {lack_yield, Refusal::peer_yielding},
    };
    for (const auto& [lack, refusal] : reasons)
        if ((peer.lacks & lack) != 0)
            return refusal;
    if (!peer.ready)
        return Refusal::peer_not_ready;
    return peer.score + policy_.hysteresis < own_score() ? Refusal::peer_worse : Refusal::none;
}

/// True when the command may go on: nothing speaks against it, or it is forced, which is an event.
bool Node::overridden(const Operator& command, Refusal refusal) {
    if (refusal == Refusal::none)
        return true;
    if (command.force == Force::no)
        return false;
    report(Event::forced, static_cast<std::uint64_t>(refusal));
    return true;
}

void Node::fail_over(Instant now, const Operator& command, Purpose purpose) {
    if (resigning_)
        return answer(command.ticket, Refusal::busy);
    if (view_.role == Role::standby && !(view_.peer == PeerState::up && peer_is_active()))
        return take_over_by_order(now, command);
    if (view_.role != Role::active)
        return answer(command.ticket,
                      view_.role == Role::standby ? Refusal::not_active : Refusal::self_unfit);
    const Refusal refusal = peer_refusal();
    // Only a standby that is heard can follow; no force changes that.
    if (refusal != Refusal::none && !peer_could_serve())
        return answer(command.ticket, refusal);
    if (!overridden(command, refusal))
        return answer(command.ticket, refusal);
    dampener_.reset();
    resign(now,
           {.until = now + policy_.resign_wait,
            .purpose = purpose,
            .trigger = Trigger::command,
            .ticket = command.ticket},
           Event::resigning);
}

/// A standby without an active peer is told to take the group. Forced, it does not ask the network first.
void Node::take_over_by_order(Instant now, const Operator& command) {
    if (isolated())
        return answer(command.ticket, Refusal::self_unfit);
    const Refusal refusal = view_.serving_elsewhere ? Refusal::serving_elsewhere
                            : own_lacks() != 0      ? Refusal::self_not_ready
                                                    : Refusal::none;
    const bool forced = command.force == Force::yes;
    if (refusal != Refusal::none && !forced)
        return answer(command.ticket, refusal);
    dampener_.reset();
    answer(command.ticket, Refusal::none);
    if (forced) { // not to ask the network is an override of its own, also where nothing was refused
        report(Event::forced, static_cast<std::uint64_t>(refusal));
        return become_active(now, Event::took_over_operator, now);
    }
    consider_takeover(now, Event::took_over_operator, policy_.probe_wait_start);
}

void Node::fail_back(Instant now, const Operator& command) {
    const bool self_primary = view_.configured == ConfiguredRole::primary;
    const bool peer_primary = view_.peer_said && view_.peer_said->configured == ConfiguredRole::primary;
    if (!self_primary && !peer_primary)
        return answer(command.ticket, Refusal::no_primary);
    if (view_.role == Role::active && self_primary)
        return answer(command.ticket, Refusal::already_home);
    if (view_.role == Role::standby && peer_is_active() && peer_primary && !self_primary)
        return answer(command.ticket, Refusal::already_home);
    fail_over(now, command, Purpose::failover);
}

void Node::enable(Instant now, const Operator& command) {
    if (view_.role != Role::disabled)
        return answer(command.ticket, Refusal::not_disabled);
    if (leaving_) // it has said goodbye
        return answer(command.ticket, Refusal::self_unfit);
    if (view_.peer == PeerState::unknown) { // never heard: listen before deciding, as after a start
        started_ = now;
        set_role(now, Role::init, Event::enabled);
        put({.effect = Effect::beat});
        report(Event::enabled);
    } else {
        become_standby(now, Event::enabled);
    }
    answer(command.ticket, Refusal::none);
}

void Node::disable(Instant now, const Operator& command) {
    if (view_.role == Role::disabled)
        return answer(command.ticket, Refusal::already_disabled);
    if (view_.role == Role::active) {
        if (peer_could_serve() && view_.peer_said->score != 0)
            return fail_over(now, command, Purpose::disable);
        if (resigning_)
            return answer(command.ticket, Refusal::busy);
        if (!overridden(command, Refusal::last_fit))
            return answer(command.ticket, Refusal::last_fit);
        fall(now, Role::disabled, Event::disabled);
        return answer(command.ticket, Refusal::none);
    }
    const bool other_serves = view_.peer == PeerState::up && view_.peer_said->score != 0 &&
                              (peer_is_active() || peer_could_serve());
    if (view_.role == Role::standby && !other_serves && !overridden(command, Refusal::last_fit))
        return answer(command.ticket, Refusal::last_fit);
    probing_.reset();
    set_role(now, Role::disabled, Event::disabled);
    put({.effect = Effect::beat});
    report(Event::disabled);
    answer(command.ticket, Refusal::none);
}

/// The process is told to stop; that is never refused.
void Node::leave(Instant now, const Operator& command) {
    leaving_ = true;
    if (resigning_) { // the hand-over that is under way becomes the farewell
        if (resigning_->ticket)
            answer(*resigning_->ticket, Refusal::busy);
        resigning_->purpose = Purpose::leave;
        resigning_->trigger = Trigger::command;
        resigning_->ticket = command.ticket;
        return;
    }
    if (view_.role == Role::active) {
        if (peer_could_serve())
            return resign(now,
                          {.until = now + policy_.resign_wait,
                           .purpose = Purpose::leave,
                           .trigger = Trigger::command,
                           .ticket = command.ticket},
                          Event::resigning);
        // Nobody to hand over to: the service ends here.
        fall(now, Role::disabled, Event::disabled);
        return answer(command.ticket, peer_refusal());
    }
    probing_.reset();
    if (view_.role != Role::disabled)
        set_role(now, Role::disabled, Event::disabled);
    put({.effect = Effect::beat});
    answer(command.ticket, Refusal::none);
}

void Node::follow(const Operator& command) {
    const bool standby = view_.role == Role::standby && view_.peer == PeerState::up && peer_is_active();
    if (view_.role != Role::active && !standby)
        return answer(command.ticket, Refusal::not_active);
    set_configured(standby ? ConfiguredRole::secondary : ConfiguredRole::primary,
                   static_cast<std::uint8_t>(view_.role_serial + 1));
    answer(command.ticket, Refusal::none);
}

} // namespace tandem::ha
