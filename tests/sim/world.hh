// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A pair, its HA paths, its LAN and its clients, from one seed.
//
// Problem: the moments at which a pair breaks are too rare and too short to be met in a lab.
// Idea: the two real engines run on a modelled clock. Everything else is a plain model: what reaches whom and
// when, a kernel that holds an address for as long as its lease, a hand that needs time, a guard that cleans
// up after a dead brain. Faults come from outside (faults.hh), judgement too (checkers.hh); the world only
// keeps its books. Deliberately absent: SIP, mirroring, several groups.

#include "tests/sim/host.hh"
#include "tests/sim/mutation.hh"
#include "tests/sim/random.hh"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <vector>

namespace tandem::sim {

inline constexpr std::size_t clients_max = 3;

/// One direction of one HA path.
struct Wire {
    bool cut{false};
    Instant whole_since{};
    unsigned loss{0};      ///< per mille
    unsigned duplicate{0}; ///< per mille
    Duration delay_min{std::chrono::microseconds{50}};
    Duration delay_max{std::chrono::microseconds{200}};
};

struct Client {
    unsigned side{0};
    Instant side_since{};
    int cached{-1}; ///< the host whose MAC is in the cache; -1: none
    Instant unanswered_since{ha::end_of_time};
};

class World {
public:
    World(std::uint64_t seed, Mutation mutation);
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// Runs the next event; time moves to it.
    void step();
    Instant now() const { return now_; }
    void at(Instant when, std::function<void()> what);
    void after(Duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }

    // what hosts do
    void send_beat(std::size_t from, const Spoken& spoken);
    void announce(std::size_t from);
    void probe(std::size_t from);
    void process_died(std::size_t host);
    void note(std::string text);

    // what faults do
    void set_cut(std::size_t path, std::size_t from, bool cut);
    void set_side(std::size_t host, unsigned side);
    void set_client_side(std::size_t client, unsigned side);

    // what checkers ask
    /// Heartbeats of `from` can have reached the other host since this instant; end_of_time: they cannot now.
    Instant audible_since(std::size_t from) const;
    bool lan_between_hosts() const;
    bool reaches(std::size_t host, std::size_t client) const;
    /// Since when, if it does.
    Instant reaches_since(std::size_t host, std::size_t client) const;
    bool reaches_any_client(std::size_t host) const;

    std::array<Host, 2>& hosts() { return hosts_; }
    const std::array<Host, 2>& hosts() const { return hosts_; }
    std::vector<Client>& clients() { return clients_; }
    const std::vector<Client>& clients() const { return clients_; }
    std::size_t paths() const { return wires_.size(); }
    Wire& wire(std::size_t path, std::size_t from) { return wires_[path][from]; }
    Random& random() { return random_; }
    Mutation mutation() const { return mutation_; }
    unsigned lan_loss{0}; ///< per mille
    bool trace{false};    ///< print every note at once
    const std::deque<std::string>& notes() const { return notes_; }

private:
    struct Event {
        Instant when;
        std::uint64_t order;
        std::function<void()> what;
        bool operator<(const Event& other) const {
            return when != other.when ? when > other.when : order > other.order;
        }
    };
    void client_turn(std::size_t client);
    Duration lan_delay();

    Random random_;
    Mutation mutation_;
    Instant now_;
    std::uint64_t order_{0};
    std::priority_queue<Event> events_;
    std::vector<std::array<Wire, 2>> wires_;
    std::array<Instant, 2> side_since_{};
    std::vector<Client> clients_;
    std::deque<std::string> notes_;
    std::array<Host, 2> hosts_;
};

} // namespace tandem::sim
