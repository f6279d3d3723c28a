// SPDX-License-Identifier: GPL-3.0-or-later

// The operator's words: what each asks for, and when it is refused.

#include "control/ha/node.hh"

namespace tandem::ha {

void Node::on_operator(Instant now, const Operator& command) {
    switch (command.verb) {
    case Verb::failover:
        fail_over(now, command, Purpose::failover);
        return;
    case Verb::failback:
        fail_back(now, command);
        return;
    case Verb::disable:
        disable(now, command);
        return;
    case Verb::enable:
        if (view_.role != Role::disabled)
            return answer(command.ticket, Refusal::not_disabled);
        if (view_.peer == PeerState::unknown) { // never heard: listen before deciding, as after a start
            started_ = now;
            set_role(now, Role::init, Event::enabled);
            put({.effect = Effect::beat});
            report(Event::enabled);
        } else {
            become_standby(now, Event::enabled);
        }
        return answer(command.ticket, Refusal::none);
    case Verb::leave:
        leave(now, command);
        return;
    }
}

void Node::fail_over(Instant now, const Operator& command, Purpose purpose) {
    const bool forced = command.force == Force::yes;
    if (resigning_)
        return answer(command.ticket, Refusal::busy);
    if (view_.role == Role::standby && !(view_.peer == PeerState::up && peer_is_active())) {
        if (!port_usable_)
            return answer(command.ticket, Refusal::self_unfit);
        if (!ready_ && !forced)
            return answer(command.ticket, Refusal::self_not_ready);
        answer(command.ticket, Refusal::none);
        return consider_takeover(now, Event::took_over_operator, policy_.probe_wait_start);
    }
    if (view_.role != Role::active)
        return answer(command.ticket,
                      view_.role == Role::standby ? Refusal::not_active : Refusal::self_unfit);
    if (view_.peer != PeerState::up || view_.peer_said->leaving)
        return answer(command.ticket, Refusal::peer_absent);
    if (view_.peer_said->role != Role::standby || (!view_.peer_said->ready && !forced))
        return answer(command.ticket, Refusal::peer_not_ready);
    resigning_ = Resigning{now + policy_.resign_wait, purpose, command.ticket};
    update_view();
    put({.effect = Effect::beat});
    report(Event::resigning);
}

void Node::fail_back(Instant now, const Operator& command) {
    const bool self_primary = policy_.configured == ConfiguredRole::primary;
    const bool peer_primary = view_.peer_said && view_.peer_said->configured == ConfiguredRole::primary;
    if (!self_primary && !peer_primary)
        return answer(command.ticket, Refusal::no_primary);
    if (view_.role == Role::active && self_primary)
        return answer(command.ticket, Refusal::already_home);
    if (view_.role == Role::standby && peer_is_active() && peer_primary && !self_primary)
        return answer(command.ticket, Refusal::already_home);
    fail_over(now, command, Purpose::failover);
}

void Node::disable(Instant now, const Operator& command) {
    if (view_.role == Role::disabled)
        return answer(command.ticket, Refusal::already_disabled);
    if (view_.role != Role::active) {
        probing_.reset();
        set_role(now, Role::disabled, Event::disabled);
        put({.effect = Effect::beat});
        report(Event::disabled);
        return answer(command.ticket, Refusal::none);
    }
    const bool peer_fit = view_.peer == PeerState::up && view_.peer_said->role == Role::standby;
    if (command.force == Force::yes && !peer_fit) {
        fall(now, Role::disabled, Event::disabled);
        return answer(command.ticket, Refusal::none);
    }
    fail_over(now, command, Purpose::disable);
}

void Node::leave(Instant now, const Operator& command) {
    leaving_ = true;
    if (resigning_) { // the hand-over that is under way becomes the farewell
        answer(resigning_->ticket, Refusal::busy);
        resigning_->purpose = Purpose::leave;
        resigning_->ticket = command.ticket;
        return;
    }
    if (view_.role == Role::active) {
        fail_over(now, {Verb::failover, Force::yes, command.ticket}, Purpose::leave);
        if (resigning_)
            return;
        fall(now, Role::disabled, Event::disabled); // nobody to hand over to: the service ends here
        return;                                     // fail_over has answered
    }
    probing_.reset();
    if (view_.role != Role::disabled)
        set_role(now, Role::disabled, Event::disabled);
    put({.effect = Effect::beat});
    answer(command.ticket, Refusal::none);
}

} // namespace tandem::ha
