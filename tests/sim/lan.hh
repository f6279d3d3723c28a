// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The outside network: two switches that a partition separates, their tables of addresses, and the clients
// with their neighbour caches.
//
// Problem: a node may hold an address and still be reached by nobody, because a client remembers the other
// node's MAC address or a switch remembers the port at which it last heard this one. Idea: a client sends to
// the host that its cache names; the switch passes the frame to the port at which it last heard that host,
// and floods what it does not know. Both are taught by what a host sends: an announcement teaches the caches
// and the tables, any other frame the tables. Deliberately absent: frames, bandwidth, spanning tree.

#include "tests/sim/setting.hh"

#include <array>
#include <vector>

namespace tandem::sim {

struct Client {
    int away{0}; ///< faults that keep it on the other side
    Instant side_since{};
    int cached{-1}; ///< the host whose MAC is in the cache; -1: none
    Instant unanswered_since{ha::end_of_time};
    std::uint64_t answered{0};
    unsigned side() const { return away > 0 ? 1U : 0U; }
};

class Lan {
public:
    Lan(const Setting& setting, Instant now)
        : clients(setting.clients)
        , age_(setting.fdb_age) {
        side_since_.fill(now);
        for (Client& client : clients)
            client.side_since = now;
    }

    unsigned side(std::size_t host) const { return away_[host] > 0 ? 1U : 0U; }
    Instant side_since(std::size_t host) const { return side_since_[host]; }
    void move_host(std::size_t host, int change, Instant now) {
        away_[host] += change;
        side_since_[host] = now;
    }
    void move_client(std::size_t client, int change, Instant now) {
        clients[client].away += change;
        clients[client].side_since = now;
    }
    /// The host's cable is now in another hole: nobody told the switch.
    void move_port(std::size_t host) { ++port_[host]; }

    void heal(Instant now) {
        for (std::size_t host = 0; host < 2; ++host)
            if (away_[host] != 0)
                move_host(host, -away_[host], now);
        for (std::size_t client = 0; client < clients.size(); ++client)
            if (clients[client].away != 0)
                move_client(client, -clients[client].away, now);
        loss = 0;
        witness_lost = 0;
    }

    /// The switch hears the host.
    void hears(std::size_t host, Instant now) { table_[side(host)][host] = {port_[host], now}; }
    /// A frame for the host, sent on its side, gets to it.
    bool leads_to(std::size_t host, Instant now) const {
        const Heard& heard = table_[side(host)][host];
        return heard.port == 0 || heard.port == port_[host] || now - heard.at > age_;
    }
    /// The witness stands beside the first switch.
    bool witness_hears(std::size_t host) const { return witness_lost <= 0 && side(host) == 0; }

    std::vector<Client> clients;
    unsigned loss{0}; ///< per mille of all frames
    int witness_lost{0};

private:
    struct Heard {
        unsigned port{0}; ///< 0: never
        Instant at{};
    };
    Duration age_;
    std::array<int, 2> away_{};
    std::array<Instant, 2> side_since_{};
    std::array<unsigned, 2> port_{1, 1};
    std::array<std::array<Heard, 2>, 2> table_{};
};

} // namespace tandem::sim
