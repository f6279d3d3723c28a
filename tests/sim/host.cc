// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/host.hh"

#include "tests/scenario/words.hh"
#include "tests/sim/world.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kernel_lease = seconds{1};
constexpr Duration kernel_renewal = milliseconds{500};
constexpr Duration guard_patience = milliseconds{300};
constexpr std::size_t inbox_max = 256;

bool is_slow(ha::Effect effect) {
    return effect == ha::Effect::raise || effect == ha::Effect::lower || effect == ha::Effect::vacate;
}

} // namespace

void Host::install(World& world, std::size_t index, const ha::Policy& policy) {
    world_ = &world;
    index_ = index;
    policy_ = policy;
    disk_epoch_ = policy.known_epoch;
}

// ---- life and death ----

void Host::later(Duration wait, std::function<void()> what) {
    world_->after(wait, [this, life = life_, what = std::move(what)] {
        if (life != life_ || !brain_)
            return;
        if (running())
            return what();
        later(std::max(paused_until_, frozen_until_) - world_->now(), what);
    });
}

void Host::start_brain() {
    ++life_;
    policy_.known_epoch = world_->mutation() == Mutation::forget_epoch ? 0 : disk_epoch_;
    brain_.emplace(policy_, world_->now());
    up_since_ = resumed_at_ = last_ran_ = world_->now();
    next_beat_ = world_->now() + policy_.interval;
    newest_.reset();
    leaving_ = false;
    order_ = 0;
    world_->note("brain starts, epoch " + std::to_string(policy_.known_epoch) + ", host " +
                 std::to_string(index_));
    drain();
    give(ha::Port{port_});
    later(milliseconds{100}, [this] { set_ready(true); });
    later(kernel_renewal, [this] { renew_addresses(); });
    arm();
}

void Host::stop_brain() {
    ++life_;
    brain_.reset();
    inbox_.clear();
    hand_.clear();
    hand_busy_ = false;
}

void Host::remove_addresses() {
    vip_ = false;
    standing_ = Standing::none;
    expires_ = {};
}

void Host::power_off() {
    powered_ = false;
    paused_until_ = frozen_until_ = {};
    stop_brain();
    remove_addresses();
}

void Host::power_on() {
    if (powered_)
        return;
    powered_ = true;
    start_brain();
}

void Host::crash_brain() {
    if (!brain_ || frozen())
        return;
    stop_brain();
    paused_until_ = {};
    world_->process_died(index_);
    const std::uint32_t life = life_;
    world_->after(world_->random().between(microseconds{200}, milliseconds{3}), [this, life] {
        if (life == life_)
            remove_addresses();
    });
    world_->after(world_->random().between(milliseconds{50}, milliseconds{200}), [this, life] {
        if (life == life_ && powered_)
            start_brain();
    });
}

void Host::pause(Duration length) {
    if (!running())
        return;
    paused_at_ = world_->now();
    peer_up_at_pause_ = brain_->view().peer == ha::PeerState::up;
    paused_until_ = world_->now() + length;
    const std::uint32_t life = life_;
    if (length > guard_patience)
        world_->after(guard_patience, [this, life] {
            if (life == life_ && brain_) {
                world_->note("guard ends a stalled brain, host " + std::to_string(index_));
                crash_brain();
            }
        });
    later(length, [this] { resume(); });
}

void Host::freeze(Duration length) {
    if (!running())
        return;
    paused_at_ = world_->now();
    peer_up_at_pause_ = brain_->view().peer == ha::PeerState::up;
    frozen_until_ = world_->now() + length;
    later(length, [this] { resume(); });
}

void Host::resume() {
    resumed_at_ = world_->now();
}

bool Host::frozen() const {
    return world_->now() < frozen_until_;
}

bool Host::running() const {
    return brain_.has_value() && world_->now() >= paused_until_ && !frozen();
}

bool Host::granted() const {
    if (!powered_ || frozen() || standing_ != Standing::active)
        return false;
    return world_->now() <= expires_ || world_->mutation() == Mutation::keep_renewing;
}

bool Host::holds_vip() const {
    return powered_ && !frozen() && vip_ && world_->now() < vip_until_;
}

// ---- what reaches the brain ----

void Host::set_port(bool usable) {
    port_ = usable;
    if (!brain_)
        return;
    inbox_.push_back([this] { give(ha::Port{port_}); });
    run_inbox();
}

void Host::set_ready(bool ready) {
    if (!brain_)
        return;
    inbox_.push_back([this, ready] { give(ha::Readiness{ready}); });
    run_inbox();
}

void Host::order(ha::Verb verb, ha::Force force) {
    if (!running())
        return;
    give(ha::Operator{verb, force, 1});
    arm();
    if (verb != ha::Verb::leave || leaving_)
        return;
    leaving_ = true;
    const Instant limit = world_->now() + seconds{12};
    later(milliseconds{10}, [this, limit] { await_end(limit); });
}

void Host::await_end(Instant limit) {
    const auto& view = brain_->view();
    const bool done = view.role == ha::Role::disabled && !view.yielding && hand_.empty() && !hand_busy_;
    if (!done && world_->now() < limit)
        return later(milliseconds{10}, [this, limit] { await_end(limit); });
    world_->note("process ends in order, host " + std::to_string(index_));
    stop_brain();
    remove_addresses();
    world_->process_died(index_);
    const std::uint32_t life = life_;
    world_->after(seconds{2}, [this, life] {
        if (life == life_ && powered_)
            start_brain();
    });
}

void Host::hear(const Spoken& spoken) {
    if (!brain_ || inbox_.size() >= inbox_max || (frozen() && world_->random().per_mille(500)))
        return;
    inbox_.push_back([this, spoken] {
        if (newest_ && spoken.beat.incarnation < newest_->beat.incarnation)
            return; // sealed with keys of an earlier life
        ha::PeerBeat beat = spoken.beat;
        if (newest_ && newest_->beat.incarnation == beat.incarnation && spoken.order <= newest_->order) {
            beat = newest_->beat; // overtaken: it tells that the path works and nothing else
            beat.path = spoken.beat.path;
        } else {
            newest_ = spoken;
        }
        give(beat);
    });
    run_inbox();
}

void Host::peer_gone(std::size_t path) {
    if (!brain_ || world_->mutation() == Mutation::deaf_standby)
        return;
    inbox_.push_back([this, path] { give(ha::PeerGone{path}); });
    run_inbox();
}

void Host::claim() {
    if (!brain_ || inbox_.size() >= inbox_max)
        return;
    inbox_.push_back([this] { give(ha::Claim{}); });
    run_inbox();
}

void Host::run_inbox() {
    if (!running())
        return;
    while (!inbox_.empty()) {
        const auto next = std::move(inbox_.front());
        inbox_.pop_front();
        next();
    }
    arm();
}

void Host::give(const ha::Input& input) {
    const ha::Role before = brain_->view().role;
    if (const auto* beat = std::get_if<ha::PeerBeat>(&input);
        beat != nullptr && world_->mutation() == Mutation::ignore_conflict &&
        beat->role == ha::Role::active && before == ha::Role::active) {
        ha::PeerBeat blind = *beat;
        blind.role = ha::Role::standby;
        blind.epoch = std::min(blind.epoch, brain_->view().epoch);
        brain_->on(world_->now(), blind);
    } else {
        brain_->on(world_->now(), input);
    }
    drain();
}

// ---- the pulse ----

void Host::arm() {
    const Instant asked = std::max(world_->now(), std::min(next_beat_, brain_->deadline()));
    const std::uint64_t number = ++armed_;
    Duration jitter = world_->random().between(microseconds{1}, microseconds{100});
    if (world_->random().per_mille(5))
        jitter = world_->random().between(microseconds{100}, policy_.interval);
    world_->at(asked + jitter, [this, number, life = life_, asked] {
        if (number == armed_ && life == life_ && brain_)
            wake(asked);
    });
}

void Host::wake(Instant asked) {
    if (!running()) {
        const std::uint64_t number = armed_;
        world_->at(std::max(paused_until_, frozen_until_), [this, number, life = life_, asked] {
            if (number == armed_ && life == life_ && brain_)
                wake(asked);
        });
        return;
    }
    while (!inbox_.empty()) {
        const auto next = std::move(inbox_.front());
        inbox_.pop_front();
        next();
    }
    if (world_->mutation() == Mutation::deaf_standby && newest_ && role() == ha::Role::standby)
        give(newest_->beat);
    give(ha::Tick{world_->now() - asked});
    if (world_->now() >= next_beat_) {
        next_beat_ = world_->now() + policy_.interval;
        beat_now();
    }
    arm();
}

void Host::beat_now() {
    const ha::View& view = brain_->view();
    Spoken spoken;
    spoken.order = ++order_;
    spoken.beat = {.path = 0,
                   .node_id = policy_.node_id,
                   .incarnation = life_,
                   .role = view.role,
                   .epoch = view.epoch,
                   .configured = policy_.configured,
                   .priority = policy_.priority,
                   .ready = view.ready,
                   .resigning = view.resigning,
                   .holds = view.holds,
                   .leaving = view.leaving};
    world_->send_beat(index_, spoken);
    renew();
}

void Host::renew() {
    const bool careless =
        world_->mutation() == Mutation::ignore_doubt && brain_->view().role == ha::Role::active;
    if (brain_->may_renew(world_->now()) || careless)
        expires_ = world_->now() + policy_.lease();
}

void Host::renew_addresses() {
    if (vip_ && brain_->view().role == ha::Role::active)
        vip_until_ = world_->now() + kernel_lease;
    later(kernel_renewal, [this] { renew_addresses(); });
}

// ---- the hand ----

void Host::drain() {
    while (const auto output = brain_->next())
        hand(*output);
    hand_next();
}

void Host::hand(const ha::Output& output) {
    switch (output.effect) {
    case ha::Effect::report:
    case ha::Effect::answer:
        world_->note("node " + std::to_string(policy_.node_id) + ": " + ha::line(output) + ", epoch " +
                     std::to_string(output.epoch));
        return;
    case ha::Effect::keep_epoch:
        disk_epoch_ = output.epoch;
        return;
    case ha::Effect::revoke:
        if (world_->mutation() == Mutation::drop_revoke)
            return;
        expires_ = {}; // from this moment, whatever else is under way
        std::erase_if(hand_, [](const ha::Output& waiting) {
            return waiting.effect == ha::Effect::raise || waiting.effect == ha::Effect::grant_active ||
                   waiting.effect == ha::Effect::announce;
        });
        return;
    default:
        hand_.push_back(output);
    }
}

void Host::hand_next() {
    while (!hand_busy_ && !hand_.empty()) {
        const ha::Output output = hand_.front();
        hand_.pop_front();
        if (!is_slow(output.effect)) {
            perform(output);
            continue;
        }
        hand_busy_ = true;
        const Duration time = slow_hand ? world_->random().between(milliseconds{2}, milliseconds{20})
                                        : world_->random().between(microseconds{100}, microseconds{1000});
        later(time, [this, output] {
            perform(output);
            hand_busy_ = false;
            hand_next();
        });
    }
}

void Host::perform(const ha::Output& output) {
    switch (output.effect) {
    case ha::Effect::raise: {
        const bool succeeded = !world_->random().per_mille(raise_failures);
        if (succeeded) {
            vip_ = true;
            vip_until_ = world_->now() + kernel_lease;
        }
        raising_ = true;
        give(ha::Raised{succeeded, output.epoch});
        arm();
        return;
    }
    case ha::Effect::grant_active:
        if (world_->mutation() == Mutation::drop_grant)
            return;
        standing_ = Standing::active;
        return renew();
    case ha::Effect::grant_yielding:
        standing_ = Standing::yielding;
        return renew();
    case ha::Effect::grant_standby:
        standing_ = Standing::standby;
        return;
    case ha::Effect::announce:
        if (world_->mutation() != Mutation::no_reannounce || raising_)
            world_->announce(index_);
        raising_ = false;
        return;
    case ha::Effect::lower:
    case ha::Effect::vacate:
        if (world_->mutation() != Mutation::drop_lower)
            vip_ = false;
        return;
    case ha::Effect::probe:
        return world_->probe(index_);
    case ha::Effect::beat:
        return beat_now();
    default:
        return;
    }
}

} // namespace tandem::sim
