// SPDX-License-Identifier: GPL-3.0-or-later

// The life of a machine and the loop of its brain.

#include "tests/sim/host.hh"

#include "tests/sim/world.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kernel_renewal = milliseconds{200};
constexpr Duration kernel_lease = seconds{1};
constexpr Duration guard_patience = milliseconds{300};
constexpr Duration late_most = milliseconds{50};
constexpr std::size_t inbox_max = 256;

/// What a checker could notice of a brain, in one number.
std::uint64_t digest(const ha::View& view) {
    constexpr std::uint64_t prime = 0x100000001b3ULL;
    const auto bit = [](bool set, unsigned place) { return static_cast<std::uint64_t>(set) << place; };
    const std::uint64_t flags = bit(view.resigning, 0) | bit(view.yielding, 1) | bit(view.probing, 2) |
                                bit(view.leaving, 3) | bit(view.ready, 4) | bit(view.holds, 5) |
                                bit(view.dual_active, 6) | bit(view.isolated, 7) |
                                bit(view.configured == ha::ConfiguredRole::primary, 8);
    const std::uint64_t self = (view.epoch << 32U) ^ (view.transitions << 16U) ^ flags ^
                               (static_cast<std::uint64_t>(view.role) << 10U) ^
                               (static_cast<std::uint64_t>(view.peer) << 13U);
    std::uint64_t said = view.score | static_cast<std::uint64_t>(view.lacks) << 16U |
                         static_cast<std::uint64_t>(view.role_serial) << 24U;
    if (view.peer_said)
        said |= static_cast<std::uint64_t>(view.peer_said->score) << 32U |
                static_cast<std::uint64_t>(view.peer_said->role) << 48U | 1ULL << 63U;
    return self * prime ^ said;
}

} // namespace

void Host::install(World& world, std::size_t index) {
    const Setting& setting = world.setting();
    world_ = &world;
    index_ = index;
    policy_ = setting.policies[index];
    clock_ = Clock{world.now(), Instant{} + setting.clock_from[index], setting.ppm[index]};
    disk_ = {policy_.known_epoch, policy_.configured, policy_.role_serial, false};
    if (world.mutation() == Mutation::no_damper)
        policy_.damper_base = microseconds{1};
    world.after(world.random().between(seconds{2}, seconds{12}),
                {.task = Task::server_speaks, .host = static_cast<std::uint8_t>(index)});
}

Instant Host::local() const {
    return std::max(last_given_, clock_.local(world_->now()));
}

// ---- life and death ----

/// A task of this life of the brain; `wait` is measured by this machine's clock.
void Host::later(Duration wait, Task task, std::uint64_t value) {
    world_->at(clock_.when(clock_.local(world_->now()) + wait),
               {.value = value, .life = life_, .task = task, .host = static_cast<std::uint8_t>(index_)});
}

void Host::start_brain() {
    ++life_;
    ha::Policy policy = policy_;
    policy.known_epoch = world_->mutation() == Mutation::forget_epoch ? 0 : disk_.epoch;
    if (world_->mutation() != Mutation::forget_role) {
        policy.configured = disk_.configured;
        policy.role_serial = disk_.role_serial;
    }
    if (disk_.disabled)
        policy.initial = ha::InitialState::disabled;
    if (was_active_alone_)
        policy.lone_wait = milliseconds{150};
    was_active_alone_ = false;
    roles_lost_ += forgetful_ ? 1U : 0U;
    forgetful_ = false;
    const Instant start = local();
    brain_.emplace(policy, start);
    up_since_ = resumed_at_ = world_->now();
    next_beat_ = start + policy_.interval;
    newest_.reset();
    stale_.reset();
    if (world_->mutation() == Mutation::stale_status)
        stale_ = brain_->view();
    leaving_ = monitored_ = look_open_ = beat_wanted_ = in_round_ = false;
    asked_ = ha::end_of_time;
    witness_told_ = true;
    witness_misses_ = 0;
    lacks_told_ = ha::lack_engine; // the engine assumes that until it is told
    score_told_ = ha::score_max;
    order_ = 0;
    world_->disturb();
    if (world_->listening())
        world_->note("brain starts, epoch " + std::to_string(policy.known_epoch) + ", host " +
                     std::to_string(index_));
    wake_at_ = ha::end_of_time;
    drain();
    give(ha::Port{port_usable() || world_->mutation() == Mutation::ignore_port});
    beat_wanted_ = true;
    later(milliseconds{100}, Task::monitor);
    later(kernel_renewal, Task::renew_addresses);
    if (world_->setting().witness == Option::yes)
        later(milliseconds{150}, Task::witness_turn);
    if (brain_)
        arm();
}

void Host::stop_brain() {
    ++life_;
    brain_.reset();
    inbox_.clear();
    hand_.clear();
    hand_busy_ = false;
    wake_at_ = ha::end_of_time;
    world_->changed();
}

void Host::remove_addresses() {
    vip_ = false;
    egress_open_ = false;
    standing_ = Standing::none;
    expires_ = {};
    world_->changed();
}

void Host::power_off(Disk disk) {
    if (!powered_)
        return;
    powered_ = false;
    paused_until_ = frozen_until_ = {};
    clock_ = Clock{world_->now(), Instant{} + seconds{10}, world_->setting().ppm[index_]};
    last_given_ = {};
    stop_brain();
    remove_addresses();
    was_active_alone_ = false;
    mirror_.reset();
    mirror_at_ = ha::end_of_time;
    if (disk == Disk::kept)
        return;
    disk_ = {0, world_->setting().policies[index_].configured, 0, false};
    ++roles_lost_;
}

void Host::power_on() {
    if (powered_)
        return;
    powered_ = true;
    start_engine();
    start_brain();
}

void Host::crash_brain() {
    if (!brain_ || frozen())
        return;
    stop_brain();
    paused_until_ = {};
    world_->process_died(index_);
    const auto host = static_cast<std::uint8_t>(index_);
    world_->after(world_->random().between(microseconds{200}, milliseconds{3}),
                  {.life = life_, .task = Task::guard_cleans, .host = host});
    world_->after(world_->random().between(milliseconds{50}, milliseconds{200}),
                  {.life = life_, .task = Task::restart, .host = host});
}

void Host::begin_absence(Instant until) {
    paused_at_ = world_->now();
    served_at_pause_ = role() == ha::Role::active;
    peer_up_at_pause_ = brain_->view().peer == ha::PeerState::up;
    clock_stood_ = false;
    world_->at(until, {.life = life_, .task = Task::resume, .host = static_cast<std::uint8_t>(index_)});
    world_->changed();
}

void Host::pause(Duration length) {
    if (!running())
        return;
    paused_until_ = world_->now() + length;
    begin_absence(paused_until_);
    if (length > guard_patience)
        world_->after(guard_patience,
                      {.life = life_, .task = Task::guard_ends, .host = static_cast<std::uint8_t>(index_)});
}

void Host::freeze(Duration length, ClockIs clock) {
    if (!running())
        return;
    frozen_until_ = world_->now() + length;
    begin_absence(frozen_until_);
    if (clock == ClockIs::running)
        return;
    clock_stood_ = true;
    const Clock before = clock_;
    clock_.stand(world_->now(), frozen_until_);
    retime(before);
}

void Host::set_clock_rate(int ppm) {
    const Clock before = clock_;
    clock_.set_rate(world_->now(), ppm);
    retime(before);
}

/// What is kept in the world's time stands for instants of this clock.
void Host::retime(const Clock& before) {
    for (Instant* instant : {&expires_, &vip_until_})
        if (*instant > world_->now())
            *instant = clock_.when(before.local(*instant));
    if (mirror_at_ != ha::end_of_time)
        mirror_at_ = clock_.when(before.local(mirror_at_));
    if (wake_at_ != ha::end_of_time)
        wake_at_ = clock_.when(before.local(wake_at_));
}

bool Host::frozen() const {
    return world_->now() < frozen_until_;
}

bool Host::running() const {
    return brain_.has_value() && world_->now() >= paused_until_ && !frozen();
}

bool Host::granted() const {
    if (standing_ != Standing::active || !powered_ || frozen())
        return false;
    return world_->now() <= expires_ || world_->mutation() == Mutation::keep_renewing;
}

bool Host::yielding() const {
    return standing_ == Standing::yielding && powered_ && !frozen() && world_->now() <= expires_;
}

bool Host::holds_vip() const {
    return vip_ && powered_ && !frozen() && world_->now() < vip_until_;
}

Instant Host::lease_end() const {
    Instant end = ha::end_of_time;
    if (standing_ >= Standing::yielding && world_->now() <= expires_)
        end = expires_ + Duration{1};
    if (vip_ && world_->now() < vip_until_)
        end = std::min(end, vip_until_);
    return end;
}

void Host::order(ha::Verb verb, ha::Force force) {
    if (!running())
        return;
    ordered_ = verb;
    arrive(ha::Operator{verb, force, 1});
    if (verb != ha::Verb::leave || leaving_)
        return;
    leaving_ = true;
    later(milliseconds{10}, Task::await_end,
          static_cast<std::uint64_t>((world_->now() + seconds{12}).time_since_epoch().count()));
}

void Host::await_end(Instant limit) {
    const auto& view = brain_->view();
    const bool done = view.role == ha::Role::disabled && !view.yielding && hand_idle();
    if (!done && world_->now() < limit)
        return later(milliseconds{10}, Task::await_end,
                     static_cast<std::uint64_t>(limit.time_since_epoch().count()));
    if (world_->listening())
        world_->note("process ends in order, host " + std::to_string(index_));
    stop_brain();
    remove_addresses();
    world_->process_died(index_);
    world_->after(seconds{2},
                  {.life = life_, .task = Task::restart, .host = static_cast<std::uint8_t>(index_)});
}

void Host::run(const Event& event) {
    if (event.task == Task::server_speaks)
        return server_speaks();
    if (event.life != life_)
        return;
    // What the machine does without its brain.
    switch (event.task) {
    case Task::guard_cleans:
        return remove_addresses();
    case Task::restart:
        if (powered_ && !brain_)
            start_brain();
        return;
    case Task::guard_ends:
        if (brain_ && world_->now() < paused_until_)
            crash_brain();
        return;
    default:
        break;
    }
    if (!brain_)
        return;
    if (!running()) { // it will get to that
        Event postponed = event;
        world_->at(back_at(), postponed);
        return;
    }
    run_brain(event);
}

/// What waits for the brain, which runs.
void Host::run_brain(const Event& event) {
    switch (event.task) {
    case Task::hear:
        return;
    case Task::peer_gone:
        if (world_->mutation() != Mutation::deaf_standby)
            arrive(ha::PeerGone{event.index});
        return;
    case Task::hand_done: {
        const ha::Output output = hand_.front();
        hand_.pop_front();
        hand_busy_ = false;
        perform(output);
        if (brain_)
            hand_next();
        return;
    }
    case Task::resume:
        resumed_at_ = world_->now();
        world_->changed();
        wake_at_ =
            std::min(wake_at_, world_->now() + world_->random().between(microseconds{1}, microseconds{100}));
        return;
    case Task::renew_addresses:
        if (vip_ && brain_->view().role == ha::Role::active && brain_->may_renew(local()) &&
            world_->mutation() != Mutation::no_lease)
            vip_until_ = clock_.when(clock_.local(world_->now()) + kernel_lease);
        return later(kernel_renewal, Task::renew_addresses);
    case Task::await_end:
        return await_end(Instant{Duration{static_cast<Duration::rep>(event.value)}});
    case Task::disk_done:
        if (!disk_full)
            disk_.epoch = std::max(disk_.epoch, event.value);
        return;
    case Task::monitor:
        return monitor();
    case Task::witness_turn:
        return witness_turn();
    case Task::look_answered:
        return look_is_over(event.value, true);
    case Task::look_over:
        return look_is_over(event.value, false);
    default:
        return;
    }
}

// ---- what reaches the brain ----

void Host::hear(const Spoken& spoken) {
    if (!brain_ || inbox_.size() >= inbox_max || (frozen() && world_->random().per_mille(500)))
        return;
    arrive(spoken.beat, spoken.order);
}

void Host::greet() {
    beat_wanted_ = true;
    wake_at_ = std::min(wake_at_, world_->now() + microseconds{50});
}

void Host::claim() {
    if (!brain_ || inbox_.size() >= inbox_max)
        return;
    if (world_->mutation() == Mutation::ignore_claims && brain_->view().probing)
        return;
    arrive(ha::Claim{2 - index_});
}

/// Whatever comes ends the wait of the brain's loop. A whole round is only needed when there is more to do
/// than to read it.
void Host::arrive(const ha::Input& input, std::uint64_t order) {
    if (!running() || !inbox_.empty() || in_round_) {
        inbox_.push_back({input, order});
        if (running() && !in_round_)
            round();
        return;
    }
    if (local() > asked_) {
        inbox_.push_back({input, order});
        return round();
    }
    take({input, order});
    if (beat_wanted_)
        round();
    else if (brain_)
        arm();
}

void Host::take(const Arrival& arrival) {
    const auto* said = std::get_if<ha::PeerBeat>(&arrival.input);
    if (said == nullptr)
        return give(arrival.input);
    if (newest_ && said->incarnation < newest_->beat.incarnation)
        return; // sealed with keys of an earlier life
    ha::PeerBeat beat = *said;
    if (newest_ && newest_->beat.incarnation == beat.incarnation && arrival.order <= newest_->order) {
        beat = newest_->beat; // overtaken: it tells that the path works and nothing else
        beat.path = said->path;
    } else {
        newest_ = Spoken{beat, arrival.order};
    }
    if (world_->mutation() == Mutation::late_score)
        beat.score = ha::score_max;
    heard_at_ = world_->now();
    give(beat);
}

void Host::give(const ha::Input& input) {
    const std::uint64_t before = digest(brain_->view());
    last_given_ = local();
    if (world_->mutation() == Mutation::clock_back && std::holds_alternative<ha::Tick>(input))
        last_given_ -= milliseconds{1};
    const auto* beat = std::get_if<ha::PeerBeat>(&input);
    if (beat != nullptr && world_->mutation() == Mutation::ignore_conflict &&
        beat->role == ha::Role::active && brain_->view().role == ha::Role::active) {
        ha::PeerBeat blind = *beat;
        blind.role = ha::Role::standby;
        blind.epoch = std::min(blind.epoch, brain_->view().epoch);
        brain_->on(last_given_, blind);
    } else {
        brain_->on(last_given_, input);
    }
    if (digest(brain_->view()) != before) {
        world_->changed();
        disk_.disabled = brain_->view().role == ha::Role::disabled && !leaving_ && !brain_->view().leaving;
    }
    drain();
}

// ---- the pulse ----

void Host::arm() {
    const Instant now = local();
    const Instant asked = std::max(now, std::min(next_beat_, brain_->deadline()));
    if (wake_at_ != ha::end_of_time && asked == asked_)
        return;
    asked_ = asked;
    Random& random = world_->random();
    Duration jitter = random.between(microseconds{1}, microseconds{100});
    if (random.per_mille(5))
        jitter = random.between(microseconds{100}, std::min(policy_.interval, late_most));
    wake_at_ = clock_.when(asked) + jitter;
}

void Host::turn() {
    if (world_->now() >= mirror_at_)
        mirror_turn();
    if (world_->now() >= wake_at_)
        wake();
}

void Host::wake() {
    if (!running()) {
        wake_at_ = back_at();
        return;
    }
    round();
}

/// What came, what time it is, what follows, what is said.
void Host::round() {
    in_round_ = true;
    for (std::size_t i = 0; i < inbox_.size(); ++i)
        take(Arrival{inbox_[i]});
    inbox_.clear();
    if (world_->mutation() == Mutation::deaf_standby && newest_ && role() == ha::Role::standby)
        give(newest_->beat);
    const bool careless = world_->mutation() == Mutation::ignore_doubt;
    give(ha::Tick{careless ? Duration{0} : std::max(Duration{0}, local() - asked_)});
    if (local() >= next_beat_) {
        next_beat_ = local() + policy_.interval;
        beat_wanted_ = true;
    }
    if (beat_wanted_)
        beat();
    in_round_ = false;
    wake_at_ = ha::end_of_time;
    arm();
}

void Host::beat() {
    beat_wanted_ = false;
    const ha::View& view = brain_->view();
    Spoken spoken;
    spoken.order = ++order_;
    spoken.beat = {.path = 0,
                   .node_id = policy_.node_id,
                   .incarnation = life_,
                   .role = view.role,
                   .epoch = view.epoch,
                   .configured = view.configured,
                   .priority = policy_.priority,
                   .score = view.score,
                   .lacks = view.lacks,
                   .role_serial = view.role_serial,
                   .ready = view.ready,
                   .resigning = view.resigning,
                   .holds = view.holds,
                   .leaving = view.leaving};
    was_active_alone_ = view.role == ha::Role::active && view.peer != ha::PeerState::up;
    world_->send_beat(index_, spoken);
    renew();
}

void Host::renew() {
    const bool careless =
        world_->mutation() == Mutation::ignore_doubt && brain_->view().role == ha::Role::active;
    if (brain_->may_renew(local()) || careless)
        expires_ = clock_.when(clock_.local(world_->now()) + policy_.lease());
}

} // namespace tandem::sim
