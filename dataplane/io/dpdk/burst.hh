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

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

struct rte_mbuf;

namespace tandem::dpdk {

/// A packet and what the look at it has found.
struct Looked {
    rte_mbuf* packet;
    const path::Seen& seen;
};

/// Some of the packets of a burst, in their order: a bit for each.
class Selection {
public:
    class Iterator {
    public:
        Iterator(rte_mbuf* const* packets, const path::Seen* seen, std::uint64_t left)
            : packets_(packets)
            , seen_(seen)
            , left_(left) {}
        Looked operator*() const {
            const auto i = static_cast<std::size_t>(std::countr_zero(left_));
            return {packets_[i], seen_[i]};
        }
        Iterator& operator++() {
            left_ &= left_ - 1;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return left_ != other.left_; }

    private:
        rte_mbuf* const* packets_;
        const path::Seen* seen_;
        std::uint64_t left_;
    };

    Selection(rte_mbuf* const* packets, const path::Seen* seen, std::uint64_t chosen)
        : packets_(packets)
        , seen_(seen)
        , chosen_(chosen) {}
    std::size_t size() const { return static_cast<std::size_t>(std::popcount(chosen_)); }
    bool empty() const { return chosen_ == 0; }
    Iterator begin() const { return {packets_, seen_, chosen_}; }
    Iterator end() const { return {packets_, seen_, 0}; }

private:
    rte_mbuf* const* packets_;
    const path::Seen* seen_;
    std::uint64_t chosen_;
};
static_assert(path::Front::burst_max == 64);

/// Packets in a row: some of a burst, or all of them where they are.
class List {
public:
    void clear() { count_ = 0; }
    void add(rte_mbuf* packet) {
        own_[count_++] = packet;
        first_ = own_.data();
    }
    void refer_to(rte_mbuf* const* packets, std::size_t count) {
        first_ = const_cast<rte_mbuf**>(packets); // what transmits takes it like this, and only reads
        count_ = count;
    }
    std::span<rte_mbuf*> items() { return {first_, count_}; }

private:
    rte_mbuf** first_{nullptr};
    std::size_t count_{0};
    std::array<rte_mbuf*, path::Front::burst_max> own_{};
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

    /// The longest IP packet that the port on the other side takes; longer ones go the slow way.
    void set_mtu(path::Facing facing, std::uint16_t octets) {
        mtus_[static_cast<std::size_t>(facing)] = octets;
    }

    /// Takes over the policy and the roles; call it before each burst. A new policy forgets the servers.
    void begin(const contract::Policy& policy, std::uint32_t sequence, const Stances& stances);

    /// Packets from outside, at most burst_max. `packets` stays as it is until the lists have been used.
    void from_outside(std::span<rte_mbuf* const> packets, table::Instant now);
    /// Packets from the servers.
    void from_inside(std::span<rte_mbuf* const> packets, table::Instant now);

    /// Packets to mirror: behind the Ethernet header they are as they came, until translate().
    Selection mirrored() const { return chosen(fate_mirror); }
    /// SIP that is forwarded, likewise.
    Selection sip() const { return chosen(fate_sip); }
    /// Gives packets of VIPs with nat their other address. Where mirrored packets are only referred to, they
    /// must have been copied before: see Forwarding::nat.
    void translate();
    /// Packets to transmit on the other side, with the stations of the next hop.
    std::span<rte_mbuf*> forwarded() { return forwarded_.items(); }
    /// Packets for the slow way: nothing was done with them but counting their flow.
    Selection rest() const { return chosen(fate_rest); }
    /// Packets that the verdict drops; counted. They are the caller's to free, in bulk.
    std::span<rte_mbuf*> dropped() { return dropped_.items(); }
    /// How many packets from outside there were for each group, those of the slow way left out.
    std::span<const std::uint32_t, contract::groups_max> arrived() const { return arrived_; }

    path::Front& front() { return front_; }

private:
    static constexpr std::size_t next_hops = 1024;

    /// What is written over the first 12 octets of a frame. As words: they stay in registers.
    struct alignas(16) Stations {
        std::uint64_t first{0};
        std::uint32_t second{0};
        std::uint32_t known{0};

        static Stations of(const wire::MacAddress& destination, const wire::MacAddress& source);
        void write_to(std::uint8_t* frame) const;
    };
    struct alignas(64) NextHop {
        wire::IpAddress address;
        Stations stations;
    };
    /// What becomes of a kind of packet of a VIP; bits.
    enum Fate : std::uint8_t {
        fate_forward = 1,
        fate_drop = 2,
        fate_mirror = 4,
        fate_sip = 8,
        fate_translate = 16,
        fate_rest = 32, ///< the slow way
    };
    static constexpr std::size_t kinds = 16;
    static_assert(path::kind_count <= kinds);
    using Fates = std::array<std::array<std::uint8_t, kinds>, contract::vips_max>;

    template <path::Facing facing>
    void take(std::span<rte_mbuf* const> packets, table::Instant now);
    template <path::Facing facing>
    bool take_alike(const path::Common& common, table::Instant now);
    template <path::Facing facing>
    bool all_go_on(std::size_t vip, bool no_sip);
    bool find_next_hops();
    template <path::Facing facing>
    void take_each(table::Instant now);
    template <path::Facing facing>
    void begin_flow(const path::Seen& seen, const std::uint8_t* data, table::Instant now);
    const Stations* next_hop(const path::Seen& seen, const std::uint8_t* data) const;
    void decide_fates();
    /// The packets of the burst of which this is true.
    std::uint64_t which(Fate fate) const { return (met_ & fate) == 0 ? 0 : which_of_taken(fate); }
    std::uint64_t which_of_taken(Fate fate) const;
    Selection chosen(Fate fate) const { return {packets_, seen_.data(), which(fate)}; }
    void collect(Fate fate, List& row);
    std::uint64_t all_of_burst() const {
        return count_ == burst_max ? ~std::uint64_t{0} : (std::uint64_t{1} << count_) - 1;
    }
    /// Without a fate a packet goes the slow way.
    void set_fate(path::Facing facing, std::size_t vip, std::size_t kind, int fate) {
        const int whole = (fate & (fate_forward | fate_drop)) != 0 ? fate : fate_rest;
        fates_[static_cast<std::size_t>(facing)][vip][kind] = static_cast<std::uint8_t>(whole);
    }
    template <path::Facing facing>
    void count(std::size_t group, std::size_t kind, std::uint32_t packets);
    template <path::Facing facing>
    void flush_counts(std::uint32_t vips);

    path::Front& front_;
    state::Flows* flows_;
    contract::Counters& counters_;
    Stances stances_{};
    std::uint32_t policy_sequence_{0};
    bool begun_{false};
    std::array<std::array<path::Decision, path::kind_count>, contract::groups_max> decisions_{};
    std::array<Fates, 2> fates_{}; ///< by Facing
    std::array<Stations, contract::vips_max> servers_{};
    std::array<wire::MacAddress, 2> ports_{};
    std::array<NextHop, next_hops> next_hops_{};
    std::array<std::uint16_t, 2> mtus_{1500, 1500}; ///< of the way out, by the Facing it comes in on

    // Aligned, as they are read and written by whole lines.
    alignas(64) std::array<std::uint8_t*, burst_max> frames_{}; ///< where the packets begin
    alignas(64) std::array<std::uint32_t, burst_max> lengths_{};
    alignas(64) std::array<path::Seen, burst_max> seen_{};
    alignas(64) std::array<std::byte*, burst_max> lines_{}; ///< of the flows
    std::array<const Stations*, burst_max> hops_{};
    std::array<std::array<std::uint32_t, kinds>, contract::vips_max> hits_{};
    std::array<std::uint32_t, contract::groups_max> arrived_{};

    rte_mbuf* const* packets_{nullptr};
    List forwarded_;
    List dropped_;
    alignas(16) std::array<std::uint8_t, burst_max> taken_{}; ///< what became of each packet of the burst
    alignas(16) std::array<std::uint8_t, burst_max> kinds_{}; ///< of a burst for one VIP
    std::uint32_t met_{0};                                    ///< every bit that is in taken_
    std::size_t count_{0};
    path::Facing facing_{path::Facing::outside};
};

} // namespace tandem::dpdk
