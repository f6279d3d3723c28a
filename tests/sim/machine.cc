// SPDX-License-Identifier: GPL-3.0-or-later

// What else lives on a machine: SIP server, packet process with its mirror, monitors, ports.

#include "tests/sim/host.hh"
#include "tests/sim/world.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration monitor_interval = milliseconds{700};
constexpr Duration witness_interval = milliseconds{400};
constexpr unsigned witness_fail = 3;
constexpr Duration proof_spacing = seconds{1};

} // namespace

// ---- faults of its parts ----

void Host::set_port(int change) {
    const bool before = port_usable();
    port_lost_ += change;
    port_since_ = world_->now();
    world_->changed();
    world_->disturb();
    if (brain_ && port_usable() != before && world_->mutation() != Mutation::ignore_port)
        arrive(ha::Port{port_usable()});
}

void Host::set_lacks(unsigned lacks) {
    lacks_fault_ = lacks;
    tell_lacks();
}

void Host::set_weight_lost(std::uint16_t weight) {
    weight_lost_ = weight;
    if (brain_ && monitored_)
        tell_service();
}

void Host::set_window(bool open) {
    window_open_ = open;
    if (brain_)
        arrive(ha::FailbackWindow{open});
}

void Host::server(Server condition) {
    if (condition == server_)
        return; // one fault within another: it is so already, and has been since
    server_ = condition;
    server_since_ = world_->now();
    world_->changed();
    // The end of a process is told at once, a lost socket at the next look, silence after its time-out.
    const Duration notice = condition == Server::dead
                                ? world_->random().between(milliseconds{1}, milliseconds{5})
                                : world_->random().between(milliseconds{10}, milliseconds{100});
    if (brain_ && condition != Server::hanging)
        later(notice, Task::monitor);
}

void Host::engine(Condition condition) {
    engine_well_ = condition == Condition::well;
    if (engine_well_ && powered_) {
        start_engine();
    } else {
        mirror_.reset();
        mirror_at_ = ha::end_of_time;
    }
    tell_lacks();
    world_->changed();
}

void Host::heal() {
    slow_hand = false;
    raise_failures = 0;
    disk_delay = milliseconds{2};
    disk_full = false;
    lacks_fault_ = 0;
    weight_lost_ = 0;
    if (server_ != Server::well)
        server(Server::well);
    power_on();
    if (!engine_well_)
        engine(Condition::well);
    if (window_open_)
        set_window(false);
    if (port_lost_ > 0)
        set_port(-port_lost_);
    tell_lacks();
    order(ha::Verb::enable, ha::Force::no);
}

// ---- monitors ----

void Host::monitor() {
    const bool first = !monitored_;
    monitored_ = true;
    // A failure counts at once, a recovery only after a while without a break.
    const Server before = server_told_;
    if (server_ == Server::hanging) {
        if (world_->now() - server_since_ >= milliseconds{500})
            server_told_ = server_;
    } else if (server_ != Server::well || world_->now() - server_since_ >= world_->setting().rise || first) {
        server_told_ = server_;
    }
    if (first || before != server_told_)
        tell_service();
    if (first && window_open_ && brain_)
        arrive(ha::FailbackWindow{true});
    if (brain_)
        tell_lacks();
    if (brain_)
        later(monitor_interval, Task::monitor);
}

void Host::tell_service() {
    const bool well = server_told_ == Server::well;
    const int score = well ? ha::score_max - weight_lost_ : 0;
    score_told_ = static_cast<std::uint16_t>(std::max(score, 0));
    arrive(ha::Health{score_told_});
    if (!brain_ || world_->setting().listener == Option::no)
        return;
    const bool silent = server_told_ == Server::dead || server_told_ == Server::unbound;
    arrive(
        ha::Service{!silent, silent ? local() : Instant{}, silent ? world_->setting().patience : Duration{}});
}

void Host::tell_lacks() {
    if (!brain_ || !monitored_)
        return;
    unsigned lacks = lacks_fault_;
    if (server_told_ != Server::well)
        lacks |= ha::lack_server;
    if (!engine_well_ || !mirror_)
        lacks |= ha::lack_engine;
    else if (!mirror_->in_sync())
        lacks |= ha::lack_mirror;
    if (lacks == lacks_told_)
        return;
    lacks_told_ = lacks;
    arrive(ha::Readiness{static_cast<std::uint8_t>(lacks)});
}

void Host::witness_turn() {
    const bool answered = port_usable() && world_->lan().witness_hears(index_) &&
                          !world_->random().per_mille(world_->lan().loss);
    witness_misses_ = answered ? 0 : witness_misses_ + 1;
    const bool reachable = answered || (witness_told_ && witness_misses_ < witness_fail);
    later(witness_interval, Task::witness_turn);
    if (answered)
        world_->lan().hears(index_, world_->now());
    if (reachable == witness_told_)
        return;
    witness_told_ = reachable;
    world_->changed();
    if (world_->mutation() != Mutation::ignore_witness)
        arrive(ha::Witness{reachable});
}

// ---- the SIP server and the packets ----

bool Host::leaves() const {
    if (world_->mutation() == Mutation::standby_leaks)
        return standing_ != Standing::none;
    return egress_open_ && (granted() || yielding());
}

/// A registrar that pings its phones, from the VIP.
void Host::server_speaks() {
    if (powered_ && server_well() && !frozen() && leaves())
        world_->egress(index_);
    world_->after(world_->random().between(seconds{2}, seconds{12}),
                  {.task = Task::server_speaks, .host = static_cast<std::uint8_t>(index_)});
}

void Host::request(std::size_t client, std::uint64_t number) {
    if (!powered_ || frozen())
        return;
    if (!holds_vip()) {
        if (!yielding())
            return; // not an address of this machine: the kernel drops it
        if (brain_)
            arrive(ha::Straggler{});
    } else if (!granted()) {
        return;
    }
    if (mirror_ && number % 4 != 0) { // the request pattern matches three in four
        mirror_->copy(number, brain_ ? brain_->view().epoch : 0, local());
        mirror_at_ = world_->now();
    }
    if (!server_well() || !leaves())
        return;
    world_->egress(index_);
    world_->answer(index_, client, number);
    if (!brain_ || brain_->view().role != ha::Role::active || world_->now() < proven_at_ + proof_spacing)
        return;
    proven_at_ = world_->now();
    world_->proven();
    arrive(ha::Proof{});
}

// ---- the packet process ----

void Host::start_engine() {
    engine_well_ = true;
    const std::uint64_t stream = world_->random().next();
    mirror_.emplace(stream, world_->random().next(), world_->setting().history, world_->mutation());
    mirror_at_ = world_->now();
}

void Host::take_mirror(const MirrorBytes& bytes) {
    if (!mirror_ || frozen())
        return;
    mirror_->take_in(bytes, local());
    mirror_turn();
}

void Host::mirror_turn() {
    if (!mirror_) {
        mirror_at_ = ha::end_of_time;
        return;
    }
    if (frozen()) {
        mirror_at_ = frozen_until_;
        return;
    }
    const Instant now = local();
    const std::uint64_t twice = mirror_->books().delivered_twice;
    do {
        while (mirror_->deliver())
            if (server_well() && leaves() && (role() == ha::Role::standby || !brain_))
                world_->egress(index_); // the shadow server's answer
    } while ([&] {
        const auto frame = mirror_->next(now);
        if (frame)
            world_->send_mirror(index_, *frame);
        return frame.has_value();
    }());
    mirror_at_ = clock_.when(std::max(mirror_->deadline(), now + microseconds{10}));
    if (mirror_->books().delivered_twice != twice || !mirror_->balanced())
        world_->changed();
    tell_lacks();
}

} // namespace tandem::sim
