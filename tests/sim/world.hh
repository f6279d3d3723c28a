// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A pair, its HA paths, its LAN and its clients, from one seed.
//
// Problem: the moments at which a pair breaks are too rare and too short to be met in a lab. Idea: the two
// real engines run on a modelled clock. Everything else is a plain model: what reaches whom and when, a
// kernel that holds an address for as long as its lease, a hand that needs time, a guard that cleans up after
// a dead brain; only the ends of the mirror are the real ones too. Faults come from outside (faults.hh),
// judgement too (checkers.hh); the world only keeps its books. Deliberately absent: packets, several groups,
// IPv6.

#include "tests/sim/bounds.hh"
#include "tests/sim/faults.hh"
#include "tests/sim/host.hh"
#include "tests/sim/lan.hh"
#include "tests/sim/mutation.hh"
#include "tests/sim/queue.hh"
#include "tests/sim/random.hh"

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace tandem::sim {

/// What is told of the world while it runs.
enum class Telling : std::uint8_t {
    nothing,
    last,  ///< keep the last lines
    turns, ///< keep the faults and the reports, for a short transcript
    all,   ///< print everything at once
};

/// One direction of one HA path.
struct Wire {
    int cuts{0}; ///< faults that cut it
    Instant whole_since{};
    unsigned loss{0};      ///< per mille
    unsigned duplicate{0}; ///< per mille
    Duration delay_min{std::chrono::microseconds{50}};
    Duration delay_max{std::chrono::microseconds{200}};
};

/// A packet that left as from the VIP, and what its node was in that very moment.
struct Departure {
    std::uint8_t host{0};
    ha::Role role{};
    bool permitted{false}; ///< active, or still redirecting, or without a brain that runs
};

/// An event that a node reported.
struct Report {
    std::uint8_t host{0};
    ha::Event event{};
    std::uint64_t value{0};
    bool isolated{false}; ///< the node had lost its outside network, as it said at that moment
};

class World {
public:
    World(std::uint64_t seed, const Setting& setting, const Schedule& schedule, Duration quiet_from,
          Mutation mutation, Telling telling);
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// Runs the next event, or none if none is due by `limit`; time moves to it.
    void step(Instant limit);
    Instant now() const { return now_; }
    void at(Instant when, Event event) {
        event.when = when > now_ ? when : now_;
        queue_.push(event);
    }
    void after(Duration wait, const Event& event) { at(now_ + wait, event); }

    // what hosts do
    void send_beat(std::size_t from, const Spoken& spoken);
    void send_mirror(std::size_t from, const MirrorBytes& bytes);
    void announce(std::size_t from);
    void probe(std::size_t from);
    void look(std::size_t from, std::uint64_t number);
    void answer(std::size_t from, std::size_t client, std::uint64_t number);
    void egress(std::size_t from);
    void process_died(std::size_t host);
    void report(std::size_t host, const ha::Output& output, bool isolated);
    void proven() { proven_at_ = now_; }
    bool listening() const { return telling_ != Telling::nothing; }
    void note(std::string text);

    // what faults do
    void cut(std::size_t path, std::size_t from, int change);
    void move_port(std::size_t host);
    void disturb() {
        disturbed_at_ = now_;
        ++disturbances_;
    }

    // what checkers ask
    /// Something that a checker could notice has changed since the last call.
    bool take_changed() {
        const bool changed = changed_;
        changed_ = false;
        return changed;
    }
    void changed() { changed_ = true; }
    std::vector<Report> reports; ///< since the checkers last looked
    std::vector<Departure> left; ///< packets that left as from the VIP, likewise
    /// Heartbeats of `from` can have reached the other host since this instant; end_of_time: they cannot now.
    Instant audible_since(std::size_t from) const;
    /// Whether heartbeats get lost on any path, or were so lately that this still shows.
    bounds::Way way() const;
    /// Something is wrong with what a hand-over needs: netlink, readiness.
    bool faults_on_hand_over() const;
    bool lan_between_hosts() const;
    /// Since when, if it does.
    Instant lan_since() const;
    bool reaches(std::size_t host, std::size_t client) const;
    Instant reaches_since(std::size_t host, std::size_t client) const;
    bool reaches_any_client(std::size_t host) const;
    Instant disturbed_at() const { return disturbed_at_; }
    std::uint64_t disturbances() const { return disturbances_; }
    unsigned faults_open() const { return faults_open_; }
    Instant proven_at() const { return proven_at_; }
    bool healed() const { return healed_; }
    /// Leases and pauses that end by themselves.
    Instant next_lapse() const;

    Host& host(std::size_t index) { return hosts_[index]; }
    const std::array<Host, 2>& hosts() const { return hosts_; }
    Lan& lan() { return lan_; }
    const Lan& lan() const { return lan_; }
    const std::vector<Client>& clients() const { return lan_.clients; }
    std::size_t paths() const { return wires_.size(); }
    Wire& wire(std::size_t path, std::size_t from) { return wires_[path][from]; }
    const Wire& wire(std::size_t path, std::size_t from) const { return wires_[path][from]; }
    Random& random() { return random_; }
    Mutation mutation() const { return mutation_; }
    const Setting& setting() const { return setting_; }
    const std::deque<std::string>& notes() const { return notes_; }
    std::uint64_t events() const { return events_; }
    /// Of everything that happened: two runs of one seed must agree in it.
    std::uint64_t hash() const { return hash_; }

private:
    void dispatch(const Event& event);
    void dispatch_lan(const Event& event);
    void begin_fault(std::size_t index);
    void end_fault(std::size_t index);
    void heal();
    void client_turn(std::size_t client);
    void resolve(std::size_t client);
    bool loses() const;
    bool passes(std::size_t path, std::size_t from) const;
    Instant passes_since(std::size_t path, std::size_t from) const;
    bool associate();
    Instant could_associate_since() const;
    Duration lan_delay();
    void mix(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3ULL; }

    const Setting& setting_;
    const Schedule& schedule_;
    Random random_;
    Mutation mutation_;
    Telling telling_;
    Instant now_;
    Queue queue_;
    Slots<Spoken> spoken_;
    Slots<MirrorBytes> mirrored_;
    std::vector<std::array<Wire, 2>> wires_;
    Instant associated_at_{};
    std::array<std::uint32_t, 2> associated_{}; ///< the lives of the two brains that share keys
    Lan lan_;
    std::deque<std::string> notes_;
    bool changed_{true};
    bool healed_{false};
    Instant lossy_at_{}; ///< last
    Instant disturbed_at_{};
    Instant proven_at_{};
    std::uint64_t disturbances_{0};
    unsigned faults_open_{0};
    std::uint64_t requests_{0};
    std::uint64_t events_{0};
    std::uint64_t hash_{0xcbf29ce484222325ULL};
    std::array<Host, 2> hosts_;
};

} // namespace tandem::sim
