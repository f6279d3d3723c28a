// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A further worker of an appliance: carries what is merely forwarded, media above all.
//
// Problem: one core carries only so much, and most of it is RTP, which needs nothing but a look, a count and
// a new station address; what is hard about SIP has one order and one writer. Idea: the second worker and
// those behind it have a quick way of their own, with flows, next hops and counters of their own, under the
// same roles and the same grant, which each reads ahead of every burst. Whatever the quick way does not
// finish goes to the first worker: SIP, questions for a VIP, fragments, packets that must wait for a grant or
// for a neighbour. Deliberately absent: all of that (worker.hh), whose a packet is (spreader.hh).

#include "dataplane/contract/page.hh"
#include "dataplane/io/dpdk/burst.hh"
#include "dataplane/io/dpdk/hops.hh"
#include "dataplane/io/dpdk/lane.hh"
#include "dataplane/io/dpdk/spreader.hh"
#include "dataplane/path/front.hh"
#include "dataplane/path/instant.hh"
#include "dataplane/path/next_hops.hh"
#include "dataplane/state/shared_capture.hh"
#include "dataplane/state/shared_flows.hh"

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tandem::dpdk {

/// What it works with; all of it outlives the worker.
struct MediaWorkerParts {
    contract::Page& page;
    contract::WorkerShare& share; ///< its own
    Lane& outside;
    Lane& inside;
    HopChanges& changes;
    Spreader& spreader;
    const std::string& run_dir;
};

class MediaWorker {
public:
    /// `seed`: random.
    MediaWorker(const MediaWorkerParts& parts, const contract::Appliance& setup, std::uint64_t seed);
    MediaWorker(const MediaWorker&) = delete;
    MediaWorker& operator=(const MediaWorker&) = delete;

    /// Turns until stop().
    void run();
    /// Why tables are not in files, in sentences.
    std::vector<std::string> complaints() const;
    /// From any thread.
    void stop() { stopping_.store(true); }

private:
    static constexpr std::size_t bursts_max = 4; ///< of one source in one turn

    std::size_t turn(path::Instant now);
    void look_around(path::Instant now);
    void read_page();
    void take_changes();
    void tell_burst();
    std::size_t take_handed();
    std::size_t receive(path::Segment segment);
    std::span<rte_mbuf*> untagged(path::Segment segment, std::span<rte_mbuf*> packets);
    void carry(path::Segment segment, std::span<rte_mbuf*> packets);
    void carry_outside(std::span<rte_mbuf* const> packets);
    void carry_inside(std::span<rte_mbuf* const> packets);
    bool forward_outside(const Looked& looked);
    void capture(path::Segment segment, path::Action verdict, contract::Counter reason, rte_mbuf* packet);
    void capture_burst(path::Segment segment);
    void flush();
    void idle();

    Lane& lane(path::Segment segment) { return *lanes_[static_cast<std::size_t>(segment)]; }

    contract::Page& page_;
    contract::WorkerShare& share_;
    std::array<Lane*, path::segment_count> lanes_;
    HopChanges& changes_;
    Spreader& spreader_;
    contract::Idle idle_;
    std::uint16_t sleep_max_us_;
    path::NextHops hops_;
    state::SharedFlows flows_;
    state::SharedCapture capture_;
    path::Front front_;
    Burst burst_;
    contract::Policy policy_{};
    std::uint32_t policy_sequence_{0};
    std::uint64_t told_hops_{0};   ///< what the burst knows
    std::uint32_t told_policy_{0}; ///< likewise
    std::array<contract::Role, contract::groups_max> roles_{};
    Stances stances_{};
    path::Instant now_{};
    std::int64_t realtime_ns_{0};
    std::array<rte_mbuf*, Port::burst_max> untagged_{};
    std::atomic<bool> stopping_{false};
};

} // namespace tandem::dpdk
