// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Where a packet goes next: the worker's copy of what the kernel knows of the appliance's networks.
//
// Problem: routes and neighbours are the kernel's business, and asking it costs a system call. Idea: the main
// thread hears of every change and hands it over; the worker keeps the few routes and many neighbours in
// tables of its own, without a lock. Only what concerns these networks is here. Deliberately absent:
// several routes at once, metrics (the kernel's first answer is taken), finding a neighbour (the main thread
// asks the kernel to).

#include "dataplane/table/aged_table.hh"
#include "dataplane/wire/address.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tandem::path {

/// The networks of an appliance: the two that it stands between, and those of HA paths, see ha_segment().
enum class Segment : std::uint8_t { outside, inside, first_ha };
/// Those that it stands between.
inline constexpr std::size_t segment_count = 2;
/// The network of an HA path, by the path's place in the policy.
constexpr Segment ha_segment(std::size_t path) {
    return static_cast<Segment>(static_cast<std::size_t>(Segment::first_ha) + path);
}

/// A change of what the kernel knows.
struct HopChange {
    enum class What : std::uint8_t {
        forget_all,     ///< everything that was said before
        neighbour,      ///< `address` is reached at `mac`
        neighbour_gone, ///< not any more
        route,          ///< `address`/`length` is reached by `gateway`, or directly when it has no family
        route_gone,
        own, ///< `address` is the kernel's own
        own_gone,
    };
    What what{What::forget_all};
    Segment segment{Segment::outside};
    std::uint8_t length{0};
    wire::MacAddress mac;
    wire::IpAddress address;
    wire::IpAddress gateway;
};

class NextHops {
public:
    static constexpr std::size_t routes_max = 256;
    static constexpr std::size_t own_max = 64;

    /// `seed`: random. `neighbours`: how many are kept; the one that was learnt longest ago makes room.
    explicit NextHops(std::uint64_t seed, std::size_t neighbours = 16'384);

    void apply(const HopChange& change);

    struct Hop {
        enum class Found : std::uint8_t {
            known,
            unknown, ///< `next` has no MAC address yet
            no_route,
        };
        Found found{Found::no_route};
        wire::MacAddress mac;
        wire::IpAddress next; ///< the gateway, or the destination itself
    };
    /// The next hop of a destination on a network. Link-local destinations are direct.
    Hop find(Segment segment, const wire::IpAddress& destination) const;
    /// The MAC address of a neighbour, without a route.
    Hop neighbour(Segment segment, const wire::IpAddress& address) const;
    /// Does the kernel of this node have the address itself, on either network?
    bool is_own(const wire::IpAddress& address) const;

    std::size_t neighbours() const { return neighbours_.size(); }
    /// Grows with every change.
    std::uint64_t version() const { return version_; }

private:
    struct Key {
        wire::IpAddress address;
        Segment segment{};
        bool operator==(const Key&) const = default;
    };
    struct Route {
        wire::Prefix prefix;
        wire::IpAddress gateway;
        Segment segment{};
    };
    std::uint64_t hash_of(const Key& key) const;
    void set_route(const HopChange& change);
    void drop_route(const HopChange& change);

    std::uint64_t seed_;
    table::AgedTable<Key, wire::MacAddress> neighbours_;
    std::vector<Route> routes_; ///< the longest prefix first
    std::vector<wire::IpAddress> own_;
    std::uint64_t version_{0};
};

} // namespace tandem::path
