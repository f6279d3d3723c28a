// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Who talks with the VIPs: one record for each pair of ends, both directions counted.
//
// Problem: every packet must be counted in its flow, RTP included, in a few nanoseconds; anybody can send
// packets that begin new flows; and an operator wants to read the table while the worker works. Idea: sets of
// sixteen. A keyed hash chooses the set; one cache line of the set tells which of the sixteen it can be, the
// flow itself is a second one. A full set gives up the flow that was silent longest among those that nobody
// answered; those that are established (seen in both directions, or for long) stay until they were silent for
// long, and when a set has only such, a new flow is not recorded, and counted: forwarding does not depend on
// the record. Everything lies in memory that readers map, and nothing is a pointer. Deliberately absent:
// lists by age, growth, several writers.

#include "dataplane/table/aged_table.hh"
#include "dataplane/table/flow_key.hh"
#include "dataplane/wire/address.hh"

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tandem::state {

using table::FlowKey;
using table::Instant;

enum class FlowKind : std::uint8_t { other, sip, rtp, tcp };

/// Who sent a packet.
enum class FlowSide : std::uint8_t { remote, local };

/// What stands behind a new flow's key, in full.
struct FlowEnds {
    wire::IpAddress remote;
    wire::IpAddress local; ///< the VIP
    std::uint16_t remote_port{0};
    std::uint16_t local_port{0};
    std::uint8_t group{0};
    FlowKind kind{FlowKind::other};
};

/// RFC 3550: version 2, and an even port by section 11.
constexpr bool may_be_rtp(std::span<const std::uint8_t> payload, std::uint16_t local_port) {
    return payload.size() >= 12 && payload[0] >> 6U == 2 && local_port % 2 == 0;
}

struct FlowCounts {
    std::uint64_t begun{0};
    std::uint64_t expired{0}; ///< silent for too long
    std::uint64_t evicted{0}; ///< for want of room
    std::uint64_t refused{0}; ///< not recorded: all of its set are established
};

/// A flow as a reader sees it. Times: CLOCK_MONOTONIC of this node.
struct Flow {
    wire::IpAddress remote;
    wire::IpAddress local;
    std::uint16_t remote_port{0};
    std::uint16_t local_port{0};
    std::uint8_t protocol{0};
    std::uint8_t group{0};
    FlowKind kind{FlowKind::other};
    bool established{false};
    std::array<std::uint64_t, 2> packets{}; ///< by FlowSide
    std::array<std::uint64_t, 2> octets{};
    std::int64_t first_ns{0};
    std::int64_t last_ns{0};
};

class Flows {
    static constexpr std::size_t ways = table::FlowLines::ways;
    using Word = std::atomic<std::uint64_t>;
    static_assert(Word::is_always_lock_free);

    /// What every packet touches.
    struct alignas(64) Hot {
        Word addresses{0};
        Word rest{0};
        std::array<Word, 2> packets{};
        std::array<Word, 2> octets{};
        std::atomic<std::int64_t> last_ns{0};
        std::atomic<std::uint32_t> sequence{0}; ///< odd while the record changes hands
        std::atomic<std::uint32_t> what{0};     ///< 0: free; else a bit, the group, the kind
    };
    static_assert(sizeof(Hot) == table::FlowLines::line_size);
    struct alignas(64) Cold {
        std::array<Word, 2> remote{};
        std::array<Word, 2> local{};
        std::atomic<std::int64_t> first_ns{0};
    };
    struct alignas(64) Tags {
        std::array<std::atomic<std::uint32_t>, ways> tags{}; ///< 0: free
    };
    static_assert(sizeof(Cold) == 64 && sizeof(Tags) == 64);

public:
    using Index = std::uint32_t;
    static constexpr Index none = 0xffffffffU;

    /// Silence after which a flow is over.
    static constexpr std::chrono::seconds single_max{30}; ///< nobody answered
    static constexpr std::chrono::seconds rtp_max{60};
    static constexpr std::chrono::minutes sip_max{10};
    static constexpr std::chrono::hours tcp_max{2};

    /// Octets of memory for at least so many flows.
    static constexpr std::size_t octets(std::size_t flows) {
        return sets_of(flows) * (sizeof(Tags) + ways * (sizeof(Hot) + sizeof(Cold)));
    }

    /// The writer. `memory`: octets(flows), aligned for 64 octets, outlives this object; what it held before
    /// is forgotten. `seed`: random, so that nobody can choose colliding flows.
    Flows(std::span<std::byte> memory, std::size_t flows, std::uint64_t seed);

    /// A reader of the same memory, in this or another process.
    class Reader;
    static Reader reader(std::span<const std::byte> memory, std::size_t flows);

    std::uint64_t hash(const FlowKey& key) const noexcept { return key.hash(seed_); }
    /// Where a flow is looked for first.
    table::FlowLines lines() const noexcept { return {reinterpret_cast<std::byte*>(hot_), set_mask_, seed_}; }
    /// Counts a packet in its flow. `line`: what lines() says of the key. False: the flow is not known; call
    /// begin().
    [[gnu::always_inline]] bool see(const FlowKey& key, std::byte* line, FlowSide side, std::uint32_t length,
                                    std::int64_t now_ns) noexcept {
        Hot& first = *reinterpret_cast<Hot*>(line);
        if (!is(first, key)) [[unlikely]]
            return see_elsewhere(key, side, length, now_ns);
        count(first, side, length, now_ns);
        return true;
    }

    /// Counts a packet that see() did not take, and records its flow. None: not recorded.
    Index begin(const FlowKey& key, const FlowEnds& ends, FlowSide side, std::uint32_t length,
                Instant now) noexcept;

    /// Ends what has been silent for too long; looks at a bounded part of the table, so call it often.
    void sweep(Instant now) noexcept;

    std::size_t size() const noexcept { return size_; }
    std::span<const std::byte> memory() const noexcept {
        return {reinterpret_cast<const std::byte*>(tags_), octets((set_mask_ + 1) * ways)};
    }
    const FlowCounts& counts() const noexcept { return counts_; }

private:
    static constexpr std::size_t sets_of(std::size_t flows) {
        return std::bit_ceil((flows + ways - 1) / ways);
    }
    static constexpr std::uint32_t tag_of(std::uint64_t hash) {
        return static_cast<std::uint32_t>(hash >> 32U) | 1U; // 0 is free
    }
    static void add(Word& word, std::uint64_t n) noexcept {
        word.store(word.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    static bool is(const Hot& flow, const FlowKey& key) noexcept {
        return ((flow.addresses.load(std::memory_order_relaxed) ^ key.addresses) |
                (flow.rest.load(std::memory_order_relaxed) ^ key.rest)) == 0;
    }
    static void count(Hot& flow, FlowSide side, std::uint32_t length, std::int64_t now_ns) noexcept {
        const auto i = static_cast<std::size_t>(side);
        add(flow.packets[i], 1);
        add(flow.octets[i], length);
        flow.last_ns.store(now_ns, std::memory_order_relaxed);
    }
    bool see_elsewhere(const FlowKey& key, FlowSide side, std::uint32_t length, std::int64_t now_ns) noexcept;
    static bool is_established(const Hot& flow, const Cold& more) noexcept;
    static std::int64_t patience_ns(const Hot& flow, const Cold& more) noexcept;
    Index choose(std::uint64_t hash, std::int64_t now_ns) noexcept;
    std::atomic<std::uint32_t>& tag(Index index) const noexcept {
        return tags_[index / ways].tags[index % ways];
    }
    void end(Index index) noexcept;

    Tags* tags_;
    Hot* hot_;
    Cold* cold_;
    std::uint64_t set_mask_;
    std::uint64_t index_mask_;
    std::uint64_t seed_;
    std::size_t size_{0};
    std::size_t swept_{0};
    FlowCounts counts_;
};

class Flows::Reader {
public:
    Reader(const std::byte* memory, std::size_t sets)
        : hot_(reinterpret_cast<const Hot*>(memory + sets * sizeof(Tags)))
        , cold_(reinterpret_cast<const Cold*>(memory + sets * (sizeof(Tags) + ways * sizeof(Hot))))
        , places_(sets * ways) {}

    std::size_t places() const { return places_; }
    /// Copies what is in a place. False: nothing, or it changed hands at every attempt.
    bool read(std::size_t place, Flow& flow) const noexcept;

    /// Gives a copy of each flow to `take`, which may see one twice or not at all when it comes or goes
    /// meanwhile.
    template <class Take>
    void for_each(Take take) const {
        Flow flow;
        for (std::size_t i = 0; i < places(); ++i)
            if (read(i, flow))
                take(flow);
    }

private:
    const Hot* hot_;
    const Cold* cold_;
    std::size_t places_;
};

} // namespace tandem::state
