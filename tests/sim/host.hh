// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One machine: guard, brain (the real engine), hand, kernel, packet path, mirror (the real ends), SIP server,
// monitors, disk, clock.
//
// The brain's loop is the contract that the engine asks of its driver: what waits in the sockets is read
// first, then comes the tick that says how late the node is, then the heartbeat is sent and the lease
// renewed. The engine is only ever told the time of this machine's own clock; everything else here is kept in
// the world's time.

#include "control/ha/node.hh"
#include "tests/sim/clock.hh"
#include "tests/sim/mirror.hh"
#include "tests/sim/queue.hh"
#include "tests/sim/setting.hh"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace tandem::sim {

class World;

/// A heartbeat on the wire. `order` grows with every heartbeat of one life.
struct Spoken {
    ha::PeerBeat beat;
    std::uint64_t order{0};
};

enum class Standing : std::uint8_t { none, standby, yielding, active };
enum class Disk : std::uint8_t { kept, lost };
enum class ClockIs : std::uint8_t { running, standing };
enum class Condition : std::uint8_t { well, dead };
/// Of the SIP server: `hanging` has its socket and does not answer, `unbound` lives and has no socket.
enum class Server : std::uint8_t { well, hanging, dead, unbound };

class Host {
public:
    void install(World& world, std::size_t index);

    // faults
    void power_off(Disk disk);
    void power_on();
    void crash_brain();
    /// Only the brain does not run.
    void pause(Duration length);
    /// Nothing on this machine runs: no timer, no ARP answer. A clock that stands does not know of it.
    void freeze(Duration length, ClockIs clock);
    void set_clock_rate(int ppm);
    void set_port(int change); ///< -1: usable again, +1: one more reason why it is not
    void set_lacks(unsigned lacks);
    void set_weight_lost(std::uint16_t weight);
    void set_window(bool open);
    void server(Server condition);
    void engine(Condition condition);
    void order(ha::Verb verb, ha::Force force);
    /// The last fault is over.
    void heal();

    // arrivals
    void run(const Event& event); ///< a task of this machine
    void hear(const Spoken& spoken);
    void claim();
    void greet(); ///< new keys: the next round comes soon and says what is so
    void request(std::size_t client, std::uint64_t number);
    void take_mirror(const MirrorBytes& bytes);
    Instant due() const { return wake_at_ < mirror_at_ ? wake_at_ : mirror_at_; }
    void turn(); ///< what is due

    // facts
    bool running() const; ///< there is a brain and it is scheduled
    bool frozen() const;
    bool alive() const { return powered_ && brain_.has_value(); }
    bool powered() const { return powered_; }
    const ha::Node* brain() const { return brain_ ? &*brain_ : nullptr; }
    ha::Role role() const { return brain_ ? brain_->view().role : ha::Role::init; }
    /// What status shows.
    const ha::View& status() const { return stale_ ? *stale_ : brain_->view(); }
    bool granted() const;  ///< the packet path acts as active at this moment
    bool yielding() const; ///< it still serves what comes after a planned switchover
    bool holds_vip() const;
    bool hand_idle() const { return !hand_busy_ && hand_.empty(); }
    bool port_usable() const { return port_lost_ <= 0; }
    Instant port_since() const { return port_since_; }
    std::uint32_t life() const { return life_; }
    Instant up_since() const { return up_since_; }
    Instant paused_at() const { return paused_at_; }
    Instant resumed_at() const { return resumed_at_; }
    Instant heard_at() const { return heard_at_; } ///< any heartbeat, on any path
    bool served_at_pause() const { return served_at_pause_; }
    bool peer_was_up_at_pause() const { return peer_up_at_pause_; }
    bool clock_stood() const { return clock_stood_; } ///< in the last pause
    const ha::Policy& policy() const { return policy_; }
    Instant local() const;
    /// When an operator's word on who is to be active was last accepted.
    Instant decided_at() const { return decided_at_; }
    bool leaving() const { return leaving_; }
    Server server() const { return server_; }
    Instant server_since() const { return server_since_; }
    bool server_well() const { return server_ == Server::well; }
    std::uint16_t score_told() const { return score_told_; }
    unsigned lacks_told() const { return lacks_told_; }
    bool witness_told() const { return witness_told_; }
    std::uint64_t disk_epoch() const { return disk_.epoch; }
    /// How often a followed role was lost with the disk, or could not be kept.
    std::uint32_t roles_lost() const { return roles_lost_; }
    const Mirror* mirror() const { return mirror_ ? &*mirror_ : nullptr; }
    /// The next instant at which a lease ends by itself.
    Instant lease_end() const;
    bool slow_hand{false};
    unsigned raise_failures{0}; ///< per mille
    Duration disk_delay{std::chrono::milliseconds{2}};
    bool disk_full{false};

private:
    void run_brain(const Event& event);
    struct Kept {
        std::uint64_t epoch{0};
        ha::ConfiguredRole configured{ha::ConfiguredRole::secondary};
        std::uint8_t role_serial{0};
        bool disabled{false};
    };
    struct Arrival {
        ha::Input input;
        std::uint64_t order{0}; ///< of a heartbeat
    };

    // life
    void start_brain();
    void stop_brain();
    void remove_addresses();
    void guard_cleans();
    void begin_absence(Instant until);
    void retime(const Clock& before);
    void await_end(Instant limit);
    Instant back_at() const { return paused_until_ > frozen_until_ ? paused_until_ : frozen_until_; }
    void later(Duration wait, Task task, std::uint64_t value = 0);

    // the brain's loop
    void arrive(const ha::Input& input, std::uint64_t order = 0);
    void take(const Arrival& arrival);
    void round();
    void give(const ha::Input& input);
    void drain();
    void arm();
    void wake();
    void beat();
    void renew();

    // the hand
    void hand(const ha::Output& output);
    void hand_next();
    void perform(const ha::Output& output);
    void raise(const ha::Output& output);
    void keep_epoch(std::uint64_t epoch);
    void keep_role();
    void look();
    void look_is_over(std::uint64_t number, bool served);

    // the rest of the machine
    void monitor();
    void tell_lacks();
    void tell_service();
    void witness_turn();
    void server_speaks();
    bool leaves() const; ///< what the server sends from the VIP gets out
    void start_engine();
    void mirror_turn();

    World* world_{nullptr};
    std::size_t index_{0};
    ha::Policy policy_;
    Clock clock_;
    bool powered_{false};
    int port_lost_{0};
    Instant port_since_{}; ///< last change
    bool leaving_{false};
    ha::Verb ordered_{}; ///< last
    Instant decided_at_{};
    std::optional<ha::Node> brain_;
    std::optional<ha::View> stale_;
    std::uint32_t life_{0};
    Instant up_since_{};
    std::uint64_t order_{0};
    Kept disk_;
    std::uint32_t roles_lost_{0};
    bool forgetful_{false}; ///< the last followed role is not on the disk
    bool was_active_alone_{false};

    Instant paused_until_{};
    Instant frozen_until_{};
    Instant paused_at_{};
    Instant resumed_at_{};
    Instant heard_at_{};
    bool served_at_pause_{false};
    bool peer_up_at_pause_{false};
    bool clock_stood_{false};

    Instant wake_at_{ha::end_of_time};
    Instant asked_{};         ///< by this clock: when the brain is to be woken
    Instant next_beat_{};     ///< by this clock
    bool beat_wanted_{false}; ///< without waiting for the interval
    bool in_round_{false};
    Instant last_given_{}; ///< by this clock: it never goes back, whatever happens to the rate
    std::vector<Arrival> inbox_;
    std::optional<Spoken> newest_;

    std::deque<ha::Output> hand_;
    bool hand_busy_{false};
    Standing standing_{Standing::none};
    Instant expires_{};
    bool vip_{false};
    Instant vip_until_{};
    bool egress_open_{false};
    bool raising_{false}; ///< the outputs at hand belong to a takeover
    std::uint64_t look_number_{0};
    bool look_open_{false};

    Server server_{Server::well};
    Instant server_since_{};
    Server server_told_{Server::well};
    unsigned lacks_fault_{0};
    unsigned lacks_told_{ha::lack_engine};
    std::uint16_t weight_lost_{0};
    std::uint16_t score_told_{ha::score_max};
    bool window_open_{false};
    bool engine_well_{true};
    bool monitored_{false};
    bool witness_told_{true};
    unsigned witness_misses_{0};
    Instant proven_at_{};
    std::optional<Mirror> mirror_;
    Instant mirror_at_{ha::end_of_time};
};

} // namespace tandem::sim
