// SPDX-License-Identifier: GPL-3.0-or-later

// What the engine asks for, carried out: kernel, network, disk.

#include "tests/scenario/words.hh"
#include "tests/sim/host.hh"
#include "tests/sim/world.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kernel_lease = seconds{1};

bool is_slow(ha::Effect effect) {
    return effect == ha::Effect::raise || effect == ha::Effect::lower || effect == ha::Effect::vacate;
}

} // namespace

void Host::drain() {
    while (brain_) {
        const auto output = brain_->next();
        if (!output)
            break;
        hand(*output);
    }
    if (brain_)
        hand_next();
}

void Host::hand(const ha::Output& output) {
    switch (output.effect) {
    case ha::Effect::report:
    case ha::Effect::answer:
        if (output.effect == ha::Effect::answer && output.refusal == ha::Refusal::none &&
            (ordered_ == ha::Verb::failover || ordered_ == ha::Verb::failback))
            decided_at_ = world_->now();
        if (output.effect == ha::Effect::report)
            world_->report(index_, output, brain_->view().isolated);
        if (world_->listening())
            world_->note("node " + std::to_string(policy_.node_id) + ": " + ha::line(output) + ", epoch " +
                         std::to_string(output.epoch));
        if (stale_ && output.effect == ha::Effect::report && output.event == ha::Event::started)
            stale_ = brain_->view();
        return;
    case ha::Effect::keep_epoch:
        return keep_epoch(output.epoch);
    case ha::Effect::keep_role:
        return keep_role();
    case ha::Effect::revoke:
        if (world_->mutation() == Mutation::drop_revoke)
            return;
        expires_ = {}; // from this moment, whatever else is under way
        // The one that is being carried out stands in front, and cannot be called back.
        hand_.erase(std::remove_if(hand_.begin() + (hand_busy_ ? 1 : 0), hand_.end(),
                                   [](const ha::Output& waiting) {
                                       return waiting.effect == ha::Effect::raise ||
                                              waiting.effect == ha::Effect::grant_active ||
                                              waiting.effect == ha::Effect::announce;
                                   }),
                    hand_.end());
        world_->changed();
        return;
    case ha::Effect::grant_active:
    case ha::Effect::grant_yielding: // the lease begins with the decision, the standing changes with the hand
        expires_ = clock_.when(clock_.local(world_->now()) + policy_.lease());
        hand_.push_back(output);
        return;
    case ha::Effect::beat:
        beat_wanted_ = true;
        return;
    case ha::Effect::probe:
        return world_->probe(index_);
    case ha::Effect::look:
        return look();
    default:
        hand_.push_back(output);
    }
}

void Host::hand_next() {
    while (brain_ && !hand_busy_ && !hand_.empty()) {
        const ha::Output output = hand_.front();
        if (!is_slow(output.effect)) {
            hand_.pop_front();
            perform(output);
            continue;
        }
        hand_busy_ = true;
        later(slow_hand ? world_->random().between(milliseconds{2}, milliseconds{20})
                        : world_->random().between(microseconds{100}, microseconds{1000}),
              Task::hand_done);
    }
}

void Host::raise(const ha::Output& output) {
    const bool succeeded = !world_->random().per_mille(raise_failures);
    if (succeeded) {
        vip_ = true;
        vip_until_ = clock_.when(clock_.local(world_->now()) + kernel_lease);
        egress_open_ = true;
    }
    raising_ = true;
    arrive(ha::Raised{succeeded, output.epoch});
}

void Host::perform(const ha::Output& output) {
    world_->changed();
    switch (output.effect) {
    case ha::Effect::raise:
        return raise(output);
    case ha::Effect::grant_active:
        if (world_->mutation() == Mutation::drop_grant)
            return;
        standing_ = Standing::active;
        return;
    case ha::Effect::grant_yielding:
        standing_ = Standing::yielding;
        return;
    case ha::Effect::grant_standby:
        if (world_->mutation() != Mutation::drop_revoke)
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
        if (output.effect == ha::Effect::lower)
            egress_open_ = false;
        return;
    case ha::Effect::seal:
        egress_open_ = false;
        return;
    default:
        return;
    }
}

// ---- the disk ----

/// Beside the takeover, never before it: a full disk loses the number and stops nothing.
void Host::keep_epoch(std::uint64_t epoch) {
    later(disk_delay, Task::disk_done, epoch);
}

void Host::keep_role() {
    if (disk_full) {
        forgetful_ = true;
        return;
    }
    forgetful_ = false;
    disk_.configured = brain_->view().configured;
    disk_.role_serial = brain_->view().role_serial;
    world_->changed();
}

// ---- the look at the service itself ----

void Host::look() {
    look_open_ = true;
    const std::uint64_t number = ++look_number_;
    if (world_->mutation() == Mutation::skip_look)
        return later(milliseconds{1}, Task::look_over, number);
    world_->look(index_, number);
    later(policy_.look_wait, Task::look_over, number);
}

void Host::look_is_over(std::uint64_t number, bool served) {
    // The adapter takes an answer to any of its last questions, but speaks once for each question.
    if (!look_open_ || (!served && number != look_number_))
        return;
    look_open_ = false;
    arrive(ha::Looked{served});
}

} // namespace tandem::sim
