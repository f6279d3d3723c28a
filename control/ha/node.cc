// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/node.hh"

#include <algorithm>
#include <cstdlib>

namespace tandem::ha {
namespace {

/// A broken invariant ends the process, in release builds too: the guard takes the addresses away.
void require(bool holds) {
    if (!holds)
        std::abort();
}

constexpr Duration claim_spacing = std::chrono::milliseconds{100};

} // namespace

Node::Node(const Policy& policy, Instant now)
    : policy_(policy)
    , now_(now)
    , started_(now) {
    require(policy.paths >= 1 && policy.paths <= paths_max);
    require(policy.lease() < policy.detection() && policy.lease() > Duration::zero());
    view_.epoch = policy.known_epoch;
    view_.since = now;
    if (policy.initial == InitialState::disabled)
        view_.role = Role::disabled;
    put({.effect = Effect::grant_standby});
    report(Event::started);
}

void Node::on(Instant now, const Input& input) {
    require(now >= now_);
    if (now - now_ > policy_.lease())
        woke_ = now; // what is read now may have waited for as long
    now_ = now;
    std::visit(
        [&](const auto& value) {
            using T = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<T, Tick>)
                on_tick(now, value);
            else if constexpr (std::is_same_v<T, PeerBeat>)
                on_beat(now, value);
            else if constexpr (std::is_same_v<T, PeerGone>)
                on_gone(value);
            else if constexpr (std::is_same_v<T, Port>)
                on_port(now, value);
            else if constexpr (std::is_same_v<T, Readiness>)
                ready_ = value.ready;
            else if constexpr (std::is_same_v<T, Claim>)
                on_claim(now);
            else if constexpr (std::is_same_v<T, Raised>)
                on_raised(now, value);
            else if constexpr (std::is_same_v<T, Operator>)
                on_operator(now, value);
            else if (yielding_) // Straggler
                yielding_->straggler = now;
        },
        input);
    // Only a tick says how late this node was, so only a tick may take silence for a sign.
    if (std::holds_alternative<Tick>(input))
        judge_paths(now);
    judge_peer(now);
    evaluate(now);
    update_view();
}

std::optional<Output> Node::next() {
    if (outputs_head_ == outputs_tail_)
        return std::nullopt;
    return outputs_[outputs_head_++ % outputs_max];
}

Instant Node::deadline() const {
    Instant soonest = announcements_.due();
    for (std::size_t i = 0; i < policy_.paths; ++i)
        soonest = std::min(soonest, view_.paths[i].deadline(policy_.detection()));
    if (probing_)
        soonest = std::min(soonest, probing_->until);
    if (resigning_)
        soonest = std::min(soonest, resigning_->until);
    if (yielding_) {
        const Instant quiet =
            std::max(yielding_->began + policy_.yield_min, yielding_->straggler + policy_.yield_quiet);
        soonest = std::min({soonest, quiet, yielding_->began + policy_.yield_max});
    }
    if (view_.role == Role::init)
        soonest = std::min(soonest, started_ + policy_.lone_wait);
    if (vacancy_since_ != end_of_time)
        soonest = std::min(soonest, std::max(vacancy_since_ + policy_.detection(), now_ + policy_.interval));
    if (view_.role == Role::fault && port_usable_)
        soonest = std::min(soonest, std::max(fault_until_, now_ + policy_.interval));
    return soonest;
}

bool Node::may_renew(Instant now) const {
    return yielding_.has_value() || (view_.role == Role::active && now >= doubt_until_);
}

// ---- inputs ----

void Node::on_tick(Instant now, const Tick& tick) {
    if (tick.late <= policy_.interval)
        return;
    for (std::size_t i = 0; i < policy_.paths; ++i)
        view_.paths[i].excuse(tick.late, now);
    if (probing_ &&
        !probing_->repeated) { // the answer may be late too, or lost with the pause: ask once more
        probing_->repeated = true;
        probing_->until = now + probing_->wait;
        put({.effect = Effect::probe});
    }
    if (tick.late < policy_.lease())
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
}

void Node::on_claim(Instant now) {
    if (probing_) {
        probing_->answered = true;
        return;
    }
    if (view_.role != Role::active ||
        resigning_) // asked to take over, the peer announces: do not contradict it
        return;
    if (now < claim_answered_ + claim_spacing) {
        announcements_.hasten(claim_answered_ + claim_spacing); // the last word must be ours
        return;
    }
    claim_answered_ = now;
    put({.effect = Effect::announce});
    report(Event::claim_seen);
}

void Node::on_raised(Instant now, const Raised& raised) {
    if (view_.role != Role::active || raised.epoch != view_.epoch)
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

// ---- judgement ----

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
        doubt_until_ = std::min(doubt_until_, now);
        if (conflict_ && view_.role == Role::active)
            announcements_.begin(now); // the other one is gone; its word to the network is not
        conflict_ = false;
    }
}

void Node::evaluate(Instant now) {
    evaluate_yield(now);
    switch (view_.role) {
    case Role::init:
        evaluate_init(now);
        break;
    case Role::standby:
        evaluate_standby(now);
        break;
    case Role::active:
        evaluate_active(now);
        break;
    case Role::fault:
        if (port_usable_ && now >= fault_until_)
            become_standby(now, Event::fit);
        if (view_.role == Role::standby)
            evaluate_standby(now);
        break;
    case Role::disabled:
        break;
    }
    if (view_.role != Role::standby)
        vacancy_since_ = end_of_time;
}

void Node::evaluate_init(Instant now) {
    if (view_.peer == PeerState::up || now >= started_ + policy_.lone_wait)
        become_standby(now, Event::settled);
    if (view_.role == Role::standby)
        evaluate_standby(now);
}

void Node::evaluate_standby(Instant now) {
    if (!port_usable_) {
        probing_.reset();
        fall(now, Role::fault, Event::unfit);
        return;
    }
    if (probing_) {
        // A peer that is heard again refutes its own death; a vacancy that was filled is none.
        const bool refuted = view_.peer == PeerState::up && peer_is_active();
        if (!refuted)
            return evaluate_probe(now);
        probing_.reset();
    }
    switch (view_.peer) {
    case PeerState::up:
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
        if (now < woke_ + policy_.interval) // old news: the peer may be back under an epoch not yet heard of
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
            consider_takeover(now, Event::took_over_vacant, policy_.probe_wait_start);
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
        consider_takeover(now, Event::took_over_vacant, policy_.probe_wait_start);
}

void Node::evaluate_active(Instant now) {
    if (view_.peer == PeerState::up && peer_is_active()) {
        const bool stays = arbitrate_actives(self_claim(), peer_claim()) == Winner::self;
        // Make before break: until the other one has the addresses, the one that hands over goes on serving.
        const bool too_early = resigning_ && !view_.peer_said->holds && now < resigning_->until;
        if (!stays && !too_early) {
            if (resigning_)
                return yield(now, resigning_->purpose == Purpose::failover ? Role::standby : Role::disabled);
            view_.epoch = std::max(view_.epoch, view_.peer_said->epoch);
            return fall(now, Role::standby, Event::lost_conflict);
        }
        if (stays && !conflict_) {
            conflict_ = true;
            if (!view_.peer_said->resigning) { // else it has not yet seen that this node followed
                report(Event::won_conflict);
                announcements_.begin(now);
            }
        }
    } else if (conflict_) {
        // The other one has released: whatever it told the network last is corrected now.
        conflict_ = false;
        announcements_.begin(now);
    }
    const bool peer_could = view_.peer == PeerState::up && view_.peer_said->role == Role::standby;
    if (!port_usable_ && peer_could)
        return fall(now, Role::fault, Event::unfit);
    if (resigning_ && now >= resigning_->until) {
        report(Event::resign_failed);
        announcements_.begin(now);
        end_resignation(now, Refusal::peer_not_ready);
    }
    if (announcements_.take(now))
        put({.effect = Effect::announce});
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

void Node::evaluate_probe(Instant now) {
    if (now < probing_->until)
        return;
    if (!probing_->answered) {
        const Probing probing = *probing_;
        probing_.reset();
        return become_active(now, probing.cause, probing.detected);
    }
    // Something answers for the VIP although its owner is not heard: two holders would be worse than waiting.
    if (!probing_->told)
        report(Event::serving_elsewhere);
    probing_->told = true;
    probing_->answered = false;
    probing_->until = now + std::max(policy_.probe_again, probing_->wait);
    put({.effect = Effect::probe});
}

// ---- transitions ----

void Node::consider_takeover(Instant now, Event cause, Duration probe_wait) {
    require(view_.role == Role::standby);
    if (probing_)
        return;
    probing_ = Probing{cause, now + probe_wait, now, probe_wait};
    put({.effect = Effect::probe});
}

void Node::become_active(Instant now, Event cause, Instant detected) {
    require(view_.role == Role::standby);
    require(port_usable_);
    Instant last_heard{};
    for (std::size_t i = 0; i < policy_.paths; ++i)
        last_heard = std::max(last_heard, view_.paths[i].last_heard());
    const std::uint64_t peer_epoch = view_.peer_said ? view_.peer_said->epoch : 0;
    view_.epoch = std::max(view_.epoch, peer_epoch) + 1;
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

void Node::fall(Instant now, Role to, Event cause) {
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
    report(cause);
    if (resigning_)
        end_resignation(now, Refusal::self_unfit);
}

void Node::yield(Instant now, Role to) {
    require(view_.role == Role::active && resigning_);
    view_.epoch = std::max(view_.epoch, view_.peer_said->epoch);
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
    answer(done.ticket, refusal);
    if (done.purpose == Purpose::leave && view_.role == Role::active)
        fall(now, Role::disabled, Event::disabled);
}

void Node::set_role(Instant now, Role role, Event cause) {
    if (view_.role != role)
        ++view_.transitions;
    view_.role = role;
    raised_ = raised_ && role == Role::active;
    view_.since = now;
    view_.reason = cause;
    update_view();
}

void Node::update_view() {
    view_.resigning = resigning_.has_value();
    view_.yielding = yielding_.has_value();
    view_.probing = probing_.has_value();
    view_.leaving = leaving_;
    view_.holds = view_.role == Role::active && raised_;
    view_.ready = view_.role == Role::standby && ready_ && port_usable_ && !leaving_ && !yielding_;
}

// ---- facts ----

bool Node::peer_is_active() const {
    return view_.peer_said && view_.peer_said->role == Role::active;
}

/// A secondary whose group never served does not claim it unasked (requirement B14).
bool Node::eligible() const {
    const std::uint64_t peer_epoch = view_.peer_said ? view_.peer_said->epoch : 0;
    return !leaving_ && (policy_.configured == ConfiguredRole::primary || view_.epoch > 0 || peer_epoch > 0);
}

Claimant Node::self_claim() const {
    return {view_.epoch, policy_.configured, policy_.priority, policy_.node_id};
}

Claimant Node::peer_claim() const {
    const PeerBeat& peer = *view_.peer_said;
    return {peer.epoch, peer.configured, peer.priority, peer.node_id};
}

// ---- outputs ----

void Node::put(const Output& output) {
    require(outputs_tail_ - outputs_head_ < outputs_max);
    Output stamped = output;
    stamped.epoch = view_.epoch;
    stamped.decided = now_;
    outputs_[outputs_tail_++ % outputs_max] = stamped;
}

void Node::report(Event event, std::uint64_t value) {
    put({.effect = Effect::report, .event = event, .value = value});
}

void Node::answer(std::uint32_t ticket, Refusal refusal) {
    put({.effect = Effect::answer, .refusal = refusal, .ticket = ticket});
}

} // namespace tandem::ha
