// SPDX-License-Identifier: GPL-3.0-or-later

// The frame of the role engine: the two doors, the clock, the facts, the outputs.

#include "control/ha/node.hh"

#include "control/ha/invariant.hh"

#include <algorithm>

namespace tandem::ha {

Node::Node(const Policy& policy, Instant now)
    : policy_(policy)
    , now_(now)
    , started_(now) {
    require(policy.paths >= 1 && policy.paths <= paths_max);
    require(policy.lease() < policy.detection() && policy.lease() > Duration::zero());
    view_.epoch = policy.known_epoch;
    view_.since = now;
    view_.configured = policy.configured;
    view_.role_serial = policy.role_serial;
    if (policy.initial == InitialState::disabled)
        view_.role = Role::disabled;
    put({.effect = Effect::grant_standby});
    report(Event::started);
    update_view();
}

void Node::on(Instant now, const Input& input) {
    require(now >= now_);
    const auto* tick = std::get_if<Tick>(&input);
    if (now - now_ > policy_.lease()) {
        woke_ = now; // what is read now may have waited for as long
        tick_owed_ = true;
    }
    if (tick != nullptr) {
        if (tick_owed_ && tick->late <= policy_.interval)
            woke_ = {}; // nobody had anything to say, and it was no pause
        tick_owed_ = false;
    }
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
            else if constexpr (std::is_same_v<T, Witness>)
                on_witness(now, value);
            else if constexpr (std::is_same_v<T, Readiness>)
                lacks_ = value.lacks;
            else if constexpr (std::is_same_v<T, Health>)
                on_health(value);
            else if constexpr (std::is_same_v<T, Service>)
                on_service(value);
            else if constexpr (std::is_same_v<T, Proof>)
                on_proof(now);
            else if constexpr (std::is_same_v<T, FailbackWindow>)
                window_open_ = value.open;
            else if constexpr (std::is_same_v<T, Claim>)
                on_claim(now, value);
            else if constexpr (std::is_same_v<T, Looked>)
                on_looked(now, value);
            else if constexpr (std::is_same_v<T, Raised>)
                on_raised(now, value);
            else if constexpr (std::is_same_v<T, Operator>)
                on_operator(now, value);
            else if (yielding_) // Straggler
                yielding_->straggler = now;
        },
        input);
    // Only a tick says how late this node was, so only a tick may take silence for a sign.
    if (tick != nullptr)
        judge_paths(now);
    judge_peer(now);
    evaluate(now);
    // The silence after a probe or a look is a sign of the same kind.
    if (tick != nullptr && probing_)
        evaluate_probe(now);
    if (tick != nullptr && now >= ask_ahead_at()) {
        ahead_ = Ahead{.sent = now};
        solicited_until_ = now + policy_.probe_again;
        put({.effect = Effect::probe});
    }
    update_view();
}

std::optional<Output> Node::next() {
    if (outputs_head_ == outputs_tail_)
        return std::nullopt;
    return outputs_[outputs_head_++ % outputs_max];
}

Instant Node::deadline() const {
    Instant soonest = std::max(announcements_.due(), doubt_until_); // nothing is said while in doubt
    for (std::size_t i = 0; i < policy_.paths; ++i)
        soonest = std::min(soonest, view_.paths[i].deadline(policy_.detection()));
    soonest = std::min(soonest, ask_ahead_at());
    if (probing_)
        soonest = std::min({soonest, probing_->look_until, probing_->look_more,
                            probing_->look_until == end_of_time ? probing_->until : end_of_time});
    if (resigning_)
        soonest = std::min(soonest, resigning_->until);
    if (yielding_) {
        const Instant quiet =
            std::max(yielding_->began + policy_.yield_min, yielding_->straggler + policy_.yield_quiet);
        soonest = std::min({soonest, quiet, yielding_->began + policy_.yield_max});
    }
    const Instant next_look = now_ + policy_.interval; // for what can only be looked at again and again
    if (view_.role == Role::init)
        soonest = std::min(soonest, started_ + policy_.lone_wait);
    if (vacancy_since_ != end_of_time)
        soonest = std::min(soonest, std::max(vacancy_since_ + policy_.detection(), next_look));
    if (view_.role == Role::fault && !isolated())
        soonest = std::min(soonest, std::max(fault_until_, next_look));
    if (view_.role == Role::active && !resigning_) {
        // What is due already waits for the peer, and the peer's heartbeat comes by itself.
        for (const Instant at :
             {unserved_until(), failback_at(), view_.damped_until, resign_again_, better_at()})
            if (at > now_)
                soonest = std::min(soonest, at);
    }
    if (rival_)
        soonest = std::min(soonest, rival_->last + rival_silence);
    return soonest;
}

bool Node::may_renew(Instant now) const {
    return yielding_.has_value() || (view_.role == Role::active && now >= doubt_until_);
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
        evaluate_fault(now);
        break;
    case Role::disabled:
        break;
    }
    if (view_.role != Role::standby) {
        vacancy_since_ = end_of_time;
        probing_.reset();
        ahead_.reset();
    }
    if (view_.role != Role::active) {
        failback_since_ = end_of_time;
        better_since_ = end_of_time;
        fell_ = false;
        damped_told_ = false;
        rival_.reset();
    }
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

/// The configured role changes while the node runs; the new one is kept on disk with its serial number.
void Node::set_configured(ConfiguredRole configured, std::uint8_t serial) {
    view_.configured = configured;
    view_.role_serial = serial;
    const unsigned primary = configured == ConfiguredRole::primary ? 1 : 0;
    put({.effect = Effect::keep_role, .value = serial | primary << 8U});
    report(Event::role_followed, primary);
    put({.effect = Effect::beat});
}

void Node::update_view() {
    view_.resigning = resigning_.has_value();
    view_.yielding = yielding_.has_value();
    view_.probing = probing_.has_value();
    view_.leaving = leaving_;
    view_.holds = view_.role == Role::active && raised_;
    view_.isolated = isolated();
    view_.score = own_score();
    view_.lacks = own_lacks();
    view_.ready = view_.role == Role::standby && view_.lacks == 0 && !leaving_;
    view_.serving_elsewhere = probing_ && probing_->served;
    // In a planned switchover both are active for a moment, and mean it.
    const bool planned = resigning_ || (view_.peer_said && view_.peer_said->resigning);
    view_.dual_active =
        view_.role == Role::active && ((conflict_ && !planned) || (rival_ && rival_->decided));
    view_.damper_factor = dampener_.factor();
    view_.damped_until = dampener_.held_until(policy_.damper_base);
    view_.failback_at = failback_at();
}

// ---- facts ----

bool Node::peer_is_active() const {
    return view_.peer_said && view_.peer_said->role == Role::active;
}

/// The peer would follow a resignation, and can reach the clients.
bool Node::peer_could_serve() const {
    return view_.peer == PeerState::up && view_.peer_said->role == Role::standby &&
           !view_.peer_said->leaving && (view_.peer_said->lacks & lack_reach) == 0;
}

/// Better by more than the hysteresis. A node that does not work at all does not insist on a complete mirror.
bool Node::peer_is_better() const {
    const PeerBeat& peer = *view_.peer_said;
    const unsigned insisted =
        own_score() == 0 ? static_cast<unsigned>(lack_reach | lack_server | lack_engine) : 0xffU;
    return peer.score > own_score() + policy_.hysteresis && (peer.lacks & insisted) == 0;
}

/// A secondary whose group never served does not claim it unasked (requirement B14).
bool Node::eligible() const {
    const std::uint64_t peer_epoch = view_.peer_said ? view_.peer_said->epoch : 0;
    return !leaving_ && (view_.configured == ConfiguredRole::primary || view_.epoch > 0 || peer_epoch > 0);
}

std::uint16_t Node::own_score() const {
    return isolated() || view_.role == Role::fault ? std::uint16_t{0} : score_;
}

std::uint8_t Node::own_lacks() const {
    return static_cast<std::uint8_t>(lacks_ | (yielding_ ? lack_yield : 0) | (isolated() ? lack_reach : 0));
}

Claimant Node::self_claim() const {
    return {view_.epoch, view_.configured, policy_.priority, policy_.node_id};
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
