// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One machine: guard, brain (the real engine), hand, kernel, packet path, disk.
//
// The brain's loop is the contract that the engine asks of its driver: what waits in the sockets is read
// first, then comes the tick that says how late the node is, then the heartbeat is sent and the lease
// renewed.

#include "control/ha/node.hh"
#include "tests/sim/random.hh"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

namespace tandem::sim {

class World;

/// A heartbeat on the wire. `order` grows with every heartbeat of one life.
struct Spoken {
    ha::PeerBeat beat;
    std::uint64_t order{0};
};

enum class Standing : std::uint8_t { none, standby, yielding, active };

class Host {
public:
    void install(World& world, std::size_t index, const ha::Policy& policy);

    // faults
    void power_off();
    void power_on();
    void crash_brain();
    /// Only the brain does not run.
    void pause(Duration length);
    /// Nothing on this machine runs: no timer, no ARP answer.
    void freeze(Duration length);
    void set_port(bool usable);
    void order(ha::Verb verb, ha::Force force);
    void set_ready(bool ready);

    // arrivals
    void hear(const Spoken& spoken);
    void peer_gone(std::size_t path);
    void claim();

    // facts
    bool running() const; ///< there is a brain and it is scheduled
    bool frozen() const;
    bool alive() const { return powered_ && brain_.has_value(); }
    bool powered() const { return powered_; }
    const ha::Node* brain() const { return brain_ ? &*brain_ : nullptr; }
    ha::Role role() const { return brain_ ? brain_->view().role : ha::Role::init; }
    bool granted() const; ///< the packet path acts as active at this moment
    bool holds_vip() const;
    bool port_usable() const { return port_; }
    unsigned side{0};
    std::uint32_t life() const { return life_; }
    Instant up_since() const { return up_since_; }
    Instant paused_at() const { return paused_at_; }
    Instant resumed_at() const { return resumed_at_; }
    bool peer_was_up_at_pause() const { return peer_up_at_pause_; }
    const ha::Policy& policy() const { return policy_; }
    bool leaving() const { return leaving_; }
    bool slow_hand{false};
    unsigned raise_failures{0}; ///< per mille

private:
    void start_brain();
    void stop_brain();
    void remove_addresses();
    void resume();
    void give(const ha::Input& input);
    void drain();
    void arm();
    void wake(Instant asked);
    void run_inbox();
    void beat_now();
    void renew();
    void renew_addresses();
    void hand(const ha::Output& output);
    void hand_next();
    void perform(const ha::Output& output);
    void await_end(Instant limit);
    void later(Duration wait, std::function<void()> what); ///< unless this life of the brain ends before

    World* world_{nullptr};
    std::size_t index_{0};
    ha::Policy policy_;
    bool powered_{false};
    bool port_{true};
    bool ready_{false};
    bool leaving_{false};
    std::optional<ha::Node> brain_;
    std::uint32_t life_{0};
    Instant up_since_{};
    std::uint64_t disk_epoch_{0};
    std::uint64_t order_{0};

    Instant paused_until_{};
    Instant frozen_until_{};
    Instant paused_at_{};
    Instant resumed_at_{};
    bool peer_up_at_pause_{false};

    std::uint64_t armed_{0}; ///< number of the wake-up that counts
    Instant next_beat_{};
    Instant last_ran_{};
    std::deque<std::function<void()>> inbox_;
    std::optional<Spoken> newest_;

    std::deque<ha::Output> hand_;
    bool hand_busy_{false};
    Standing standing_{Standing::none};
    Instant expires_{};
    bool vip_{false};
    Instant vip_until_{};
    bool raising_{false}; ///< the outputs at hand belong to a takeover
};

} // namespace tandem::sim
