// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The shared page: where brain, guard and fast path meet.
//
// One file in the run directory (a tmpfs, mode 0600), mapped by all three. Whoever comes first creates it; it
// outlives each of them, so that the packet process survives a restart of the brain and the other way round.
// Each field names its writer.
// Deliberately absent: pointers, locks, and anything that needs a destructor.

#include "dataplane/contract/appliance.hh"
#include "dataplane/contract/counters.hh"
#include "dataplane/contract/grant.hh"
#include "dataplane/contract/notice.hh"
#include "dataplane/contract/policy.hh"
#include "dataplane/contract/port_status.hh"
#include "dataplane/contract/records.hh"
#include "dataplane/contract/ring.hh"

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <string>

namespace tandem::contract {

inline constexpr std::uint32_t page_magic = 0x7464656dU; // "tdem"
inline constexpr std::uint32_t page_version = 3;

/// How far the mirror streams are. Written by the fast path.
struct MirrorProgress {
    std::atomic<std::uint64_t> sent{0};           ///< highest sequence number given to a packet of ours
    std::atomic<std::uint64_t> confirmed{0};      ///< highest of ours that the peer has handled, without gap
    std::atomic<std::int64_t> confirmed_at_ns{0}; ///< when the peer last reported; CLOCK_MONOTONIC
    std::atomic<std::uint64_t> received{0};       ///< highest of the peer's stream handled here, without gap
    std::atomic<std::uint64_t> announced{0};      ///< highest that the peer says it has sent
    std::atomic<std::int64_t> announced_at_ns{0}; ///< when the peer last said so
};

/// Where the sealed mirror datagrams of one path have got to, kept across a restart of the engine: a sequence
/// number must never seal twice under one key, and what was received once must not be accepted again. Written
/// by the fast path.
struct MirrorSequence {
    std::atomic<std::uint32_t> association{0};       ///< to which the numbers belong
    std::atomic<std::uint64_t> transmit_reserved{0}; ///< numbers up to here may have been used
    std::atomic<std::uint64_t> receive_highest{0};   ///< highest accepted
};

/// Signs of life of the fast path. Written by it.
struct EnginePulse {
    std::atomic<std::uint64_t> beats{0};     ///< grows at least every 20 ms
    std::atomic<std::int32_t> pid{0};        ///< 0: not running
    std::atomic<std::int64_t> started_ns{0}; ///< CLOCK_MONOTONIC
    std::atomic<std::uint32_t> attached{0};  ///< 1: rules in place, queue bound, shadow interface open
    // For the packets that passed while the engine was away: the kernel's rules go on counting.
    std::atomic<std::uint64_t> received{0};     ///< packets taken from the kernel queue, over all lives
    std::atomic<std::uint64_t> rules_digest{0}; ///< of the packet-filter rules in place; 0: none
    std::atomic<std::int64_t> rules_offset{
        0}; ///< what those rules count = received + this, when none was missed
};

/// Where a group's outside traffic was last seen, for the end of a yield. Written by the fast path.
struct GroupTraffic {
    std::atomic<std::uint64_t> arrived{0};      ///< packets from outside for its VIPs
    std::atomic<std::int64_t> arrived_at_ns{0}; ///< the last of them; CLOCK_MONOTONIC
    std::atomic<std::uint32_t> calls{0};        ///< in progress, as far as this node has seen as active
};

struct Page {
    std::uint32_t magic{0};
    std::uint32_t version{0};
    std::uint64_t size{0};

    Guarded<Appliance> appliance;                            ///< brain, before the policy
    Guarded<RecordSetup> records;                            ///< brain, before the policy
    Guarded<Policy> policy;                                  ///< brain
    std::array<Grant, groups_max> grants;                    ///< brain, guard
    std::array<Guarded<MirrorLink>, paths_max> mirror_links; ///< brain
    std::atomic<std::uint32_t> mirror_path{0};               ///< brain: index of the path to send on
    std::atomic<std::uint32_t> peer_present{0};              ///< brain: 1 while the peer is heard

    EnginePulse engine;
    MirrorProgress mirror;
    std::array<MirrorSequence, paths_max> mirror_sequences;
    std::array<GroupTraffic, groups_max> traffic;
    std::array<PortStatus, ports_max> ports; ///< fast path: outside, inside, one for each HA path
    Counters counters;                       ///< fast path
    Ring<Notice, 256> notices;               ///< fast path -> brain
};

/// What the brain wants kept; the defaults when it has said nothing.
RecordSetup record_setup(const Page& page);

/// A mapping of the page. Move-only; unmaps at the end.
class PageMapping {
public:
    /// Maps `run_dir`/page, creating the file (and the directory, mode 0700) where it is absent. The error is
    /// a sentence with the path. A page of another version is an error that says which processes to restart.
    static std::expected<PageMapping, std::string> open(const std::string& run_dir);

    PageMapping(PageMapping&& other) noexcept;
    PageMapping& operator=(PageMapping&& other) noexcept;
    PageMapping(const PageMapping&) = delete;
    PageMapping& operator=(const PageMapping&) = delete;
    ~PageMapping();

    Page& operator*() const { return *page_; }
    Page* operator->() const { return page_; }

private:
    explicit PageMapping(Page* page)
        : page_(page) {}
    Page* page_{nullptr};
};

} // namespace tandem::contract
