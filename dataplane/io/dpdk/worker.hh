// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The worker of an appliance: outside and inside network around one packet path.
//
// Of several workers this is the first one: the others (media_worker.hh) hand it what they do not finish, and
// it hands them what is theirs.
//
// A turn: what has arrived from the HA links, from the kernel, from outside, from inside; the path decides;
// forward, answer, hand over, deliver, send. It runs to completion and then sleeps on all its sources at
// once, or as the configuration says. Deliberately absent: ports' beginnings, links and counts, routes and
// neighbours (engine, on the main thread).

#include "dataplane/contract/page.hh"
#include "dataplane/io/dpdk/bell.hh"
#include "dataplane/io/dpdk/burst.hh"
#include "dataplane/io/dpdk/burst_messages.hh"
#include "dataplane/io/dpdk/ha_mirror.hh"
#include "dataplane/io/dpdk/hops.hh"
#include "dataplane/io/dpdk/kept.hh"
#include "dataplane/io/dpdk/lane.hh"
#include "dataplane/io/dpdk/spreader.hh"
#include "dataplane/match/matcher.hh"
#include "dataplane/path/fragments.hh"
#include "dataplane/path/front.hh"
#include "dataplane/path/next_hops.hh"
#include "dataplane/path/path.hh"
#include "dataplane/path/sip_reader.hh"
#include "dataplane/state/shared_capture.hh"
#include "dataplane/state/shared_flows.hh"
#include "dataplane/state/shared_tracker.hh"
#include "dataplane/wire/ethernet.hh"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tandem::dpdk {

/// What a worker works with; all of it outlives the worker.
struct WorkerParts {
    contract::Page& page;
    rte_mempool* pool;
    std::vector<Lane*> lanes; ///< outside, inside, then those of the HA paths
    HopChanges& changes;
    HopAsks& asks;
    const Bell& bell; ///< rung for each ask
    const std::string& run_dir;
    Spreader* spreader{nullptr}; ///< null: this is the only worker
};

class Worker {
public:
    Worker(const WorkerParts& parts, const contract::Appliance& setup, const path::PathSeeds& seeds);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Turns until stop().
    void run();
    /// Why tables are not in files, in sentences.
    std::vector<std::string> complaints() const;
    /// From any thread.
    void stop() { stopping_.store(true); }

private:
    struct Waiting {
        rte_mbuf* packet{nullptr};
        path::Segment segment{};
        wire::IpAddress next;
        path::Instant since{};
    };

    std::size_t turn(path::Instant now);
    void look_around(path::Instant now);
    void look_after(std::size_t received);
    void read_stances();
    void take_changes();
    std::size_t take_links();
    std::size_t take_kernel();
    std::size_t take_ha(HaPort& port);
    void look_for_peers();
    std::size_t take_outside();
    std::size_t take_inside();
    std::size_t take_handed();
    std::span<rte_mbuf* const> own(path::Segment segment, std::span<rte_mbuf*> packets);
    void prepare_burst();
    std::span<rte_mbuf*> untagged(Lane& lane, std::span<rte_mbuf* const> burst);
    void take_burst_outside(std::span<rte_mbuf* const> burst);
    void take_burst_inside(std::span<rte_mbuf* const> burst);
    void take_released();

    void on_outside(rte_mbuf* packet);
    bool answer_question(rte_mbuf* packet, const wire::EthernetFrame& frame);
    void on_vip(rte_mbuf* packet, std::span<std::uint8_t> ip);
    void on_fragment(rte_mbuf* packet, const wire::IpPacket& ip);
    void on_inside(rte_mbuf* packet);
    void name_server(std::span<std::uint8_t> arp) const;
    bool from_server(std::span<std::uint8_t> ip);

    void settle(std::uint32_t token, path::Action action, std::span<const std::uint8_t> whole);
    void settle_one(rte_mbuf* packet, path::Action action, std::span<const std::uint8_t> ip);
    void release(std::uint32_t token);
    void redirect(std::uint32_t token, std::span<const std::uint8_t> whole);
    void track(std::span<const std::uint8_t> ip, state::Way way);
    void capture(path::Segment segment, path::Action verdict, contract::Counter reason, rte_mbuf* packet);
    void capture(path::Segment segment, rte_mbuf* packet);
    void capture_burst(path::Segment segment);
    void count_streams();
    void show_calls();

    void forward_inside(rte_mbuf* packet);
    void forward_outside(rte_mbuf* packet);
    void send_to(rte_mbuf* packet, path::Segment segment, const path::NextHops::Hop& hop);
    void send_split(rte_mbuf* packet, path::Segment segment, const path::NextHops::Hop& hop);
    void wait_for_hop(rte_mbuf* packet, path::Segment segment, const wire::IpAddress& next);
    void serve_waiting();
    bool deliver_inside(std::span<const std::uint8_t> ip);
    void deliver();

    void transmit();
    void flush_links();
    void flush_lanes();
    void idle();

    Lane& lane(path::Segment segment) { return *lanes_[static_cast<std::size_t>(segment)]; }
    void count(contract::Counter c, std::uint64_t n = 1) { page_.counters.add(c, n); }
    void drop(rte_mbuf* packet);

    contract::Page& page_;
    rte_mempool* pool_;
    std::vector<Lane*> lanes_;
    HopChanges& changes_;
    HopAsks& asks_;
    const Bell& bell_;
    Spreader* spreader_;
    contract::Appliance setup_;
    HaMirror ha_;
    match::Matcher matcher_;
    path::Path path_;
    path::Fragments fragments_;
    path::NextHops hops_;
    path::SipReader reader_;
    path::StreamCounts streams_shown_;
    state::SharedTracker tracker_;
    state::SharedFlows flows_;
    state::SharedCapture capture_;
    std::int64_t realtime_ns_{0}; ///< of this turn, CLOCK_REALTIME
    path::Front front_;
    Burst burst_;
    BurstMessages messages_;
    std::uint64_t burst_hops_version_{0};
    std::uint32_t burst_policy_{0};
    std::array<rte_mbuf*, Port::burst_max> untagged_{};
    Kept kept_;
    std::vector<Waiting> waiting_;
    std::uint64_t hops_version_{0};
    std::uint32_t identification_; ///< of packets that are split here
    std::unique_ptr<std::uint8_t[]> scratch_;
    path::Instant now_{}; ///< of this turn
    Stances stances_{};
    Stances answering_{}; ///< the same for questions for a VIP
    std::atomic<bool> stopping_{false};
};

} // namespace tandem::dpdk
