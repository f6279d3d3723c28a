// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What a worker does with a burst of received packets: look, count, decide, rewrite.
//
// Problem: the same few steps for every packet of the VIP, RTP included, within a few dozen cycles. Idea: the
// steps go over the whole burst one after the other, so that the memory of one packet arrives while others
// are worked on. What comes out are lists: what to transmit on the other side, what to mirror and what to
// track (both before rewrite(), while packets are as they came), and the rest, which the engine looks at
// again on the slow way. Between two bursts nothing is remembered but tables. Deliberately absent: ports, the
// mirror's headers (mirror_port.hh), SIP beyond the method, what the slow way does, clocks.

#include "dataplane/contract/counters.hh"
#include "dataplane/path/decide.hh"
#include "dataplane/path/front.hh"
#include "dataplane/state/flows.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

struct rte_mbuf;

namespace tandem::dpdk {

/// A packet and what the look at it has found.
struct Looked {
    rte_mbuf* packet{nullptr};
    path::Seen seen;
};

/// A list that a burst fills.
template <typename T>
class List {
public:
    void add(const T& item) { items_[count_++] = item; }
    void clear() { count_ = 0; }
    std::size_t size() const { return count_; }
    std::span<const T> items() const { return {items_.data(), count_}; }
    std::span<T> items() { return {items_.data(), count_}; }
    T* data() { return items_.data(); }

private:
    std::array<T, path::Front::burst_max> items_;
    std::size_t count_{0};
};

/// What this node is, for each group.
using Stances = std::array<path::Stance, contract::groups_max>;

class Burst {
public:
    static constexpr std::size_t burst_max = path::Front::burst_max;

    /// All outlive this object. `flows` may be null: nothing is recorded.
    Burst(path::Front& front, state::Flows* flows, contract::Counters& counters);

    /// The station of the ports: packets leave with the address of the port as their source.
    void set_station(path::Facing facing, const wire::MacAddress& address);
    /// Where the server of a VIP is, by its place in the policy; nothing: not known, its packets go the slow
    /// way.
    void set_server(std::size_t vip, std::optional<wire::MacAddress> address);
    /// Who is the next hop on the way out to an address. Bounded: another address may take the place.
    void set_next_hop(const wire::IpAddress& destination, const wire::MacAddress& address);
    void clear_next_hops();

    /// Takes over the policy and the roles; call it before each burst. A new policy forgets the servers.
    void begin(const contract::Policy& policy, std::uint32_t sequence, const Stances& stances);

    /// Packets from outside, at most burst_max. Fills the lists.
    void from_outside(std::span<rte_mbuf* const> packets, table::Instant now);
    /// Packets from the servers.
    void from_inside(std::span<rte_mbuf* const> packets, table::Instant now);

    /// Packets to mirror, as they came. Before rewrite().
    std::span<const Looked> mirrored() const { return mirrored_.items(); }
    /// SIP that is forwarded, as it came. Before rewrite().
    std::span<const Looked> sip() const { return sip_.items(); }
    /// Gives the packets that are forwarded the addresses of the next station, and of the server with nat.
    void rewrite();
    /// Packets to transmit on the other side.
    std::span<rte_mbuf*> forwarded() { return forwarded_.items(); }
    /// Packets for the slow way: nothing was done with them or counted.
    std::span<const Looked> rest() const { return rest_.items(); }
    /// Packets that the verdict drops; counted. They are the caller's to free, in bulk.
    std::span<rte_mbuf*> dropped() { return dropped_.items(); }
    /// How many packets from outside there were for each group, those of the slow way left out.
    std::span<const std::uint32_t, contract::groups_max> arrived() const { return arrived_; }

    path::Front& front() { return front_; }

private:
    static constexpr std::size_t next_hops = 1024;

    /// What is written over the first 12 octets of a frame.
    struct alignas(16) Stations {
        std::array<std::uint8_t, 12> octets{};
        std::uint32_t known{0};
    };
    struct alignas(64) NextHop {
        wire::IpAddress address;
        Stations stations;
    };
    struct Rewrite {
        const Stations* stations{nullptr};
        std::uint8_t vip{0};
        std::uint8_t network{0};
        std::uint16_t length{0};
        bool translate{false};
    };

    template <path::Facing facing>
    void take(std::span<rte_mbuf* const> packets, table::Instant now);
    template <path::Facing facing>
    void count_flows(std::span<rte_mbuf* const> packets, std::size_t count, table::Instant now);
    template <path::Facing facing>
    void begin_flow(const path::Seen& seen, const std::uint8_t* data, std::uint64_t hash, table::Instant now);
    template <path::Facing facing>
    const Stations* stations_for(const path::Seen& seen, const std::uint8_t* data) const;
    void flush_counts(path::Ingress ingress);
    const path::Decision& decision(const path::Seen& seen) const {
        return decisions_[seen.group][static_cast<std::size_t>(seen.kind)];
    }

    path::Front& front_;
    state::Flows* flows_;
    contract::Counters& counters_;
    Stances stances_{};
    std::uint32_t policy_sequence_{0};
    bool begun_{false};
    std::array<std::array<path::Decision, path::kind_count>, contract::groups_max> decisions_{};
    std::array<Stations, contract::vips_max> servers_{};
    std::array<wire::MacAddress, 2> ports_{};
    std::array<NextHop, next_hops> next_hops_{};

    std::array<path::RawFrame, burst_max> frames_{};
    std::array<path::Seen, burst_max> seen_{};
    std::array<std::uint64_t, burst_max> hashes_{};
    std::array<state::Flows::Index, burst_max> found_{};
    std::array<std::array<std::uint32_t, path::kind_count>, contract::groups_max> hits_{};
    std::uint32_t groups_hit_{0};
    std::array<std::uint32_t, contract::groups_max> arrived_{};

    List<rte_mbuf*> forwarded_;
    List<Rewrite> rewrites_;
    List<rte_mbuf*> dropped_;
    List<Looked> mirrored_;
    List<Looked> sip_;
    List<Looked> rest_;
    path::Facing facing_{path::Facing::outside};
};

} // namespace tandem::dpdk
