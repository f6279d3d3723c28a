// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/worker.hh"

#include "dataplane/io/dpdk/captured.hh"
#include "dataplane/io/dpdk/nap.hh"
#include "dataplane/path/mirror_frame.hh"
#include "dataplane/path/vip_answer.hh"
#include "dataplane/wire/ethernet.hh"

#include <rte_mbuf.h>

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace tandem::dpdk {
namespace {

using contract::Counter;
using path::Action;
using path::Duration;
using path::Instant;
using path::Segment;

/// A brain that is a few beats late goes on; one that was stopped for longer has lost its group.
constexpr Duration doubt_max = std::chrono::milliseconds{25};
constexpr std::size_t kept_max = 16'384;
constexpr std::size_t scratch_octets = 65'536;
constexpr std::size_t bursts_max = 4; ///< of one source in one turn, so that none starves the others

/// The first of as many as there are workers.
contract::TablePart part_of(const Spreader* spreader) {
    return {0, static_cast<std::uint16_t>(spreader == nullptr ? 1 : spreader->exchange().workers())};
}

} // namespace

Worker::Worker(const WorkerParts& parts, const contract::Appliance& setup, const path::PathSeeds& seeds)
    : page_(parts.page)
    , pool_(parts.pool)
    , lanes_(parts.lanes)
    , changes_(parts.changes)
    , asks_(parts.asks)
    , bell_(parts.bell)
    , spreader_(parts.spreader)
    , setup_(setup)
    , ha_(parts.page, setup, std::span(parts.lanes).subspan(path::segment_count), parts.pool,
          seeds.stream ^ 4)
    , path_(parts.page, seeds, {}, &matcher_)
    , fragments_(seeds.stream)
    , hops_(seeds.incarnation)
    , reader_(seeds.stream ^ 1)
    , tracker_(parts.run_dir, contract::record_setup(parts.page), seeds.incarnation ^ seeds.stream)
    , flows_(parts.run_dir, contract::record_setup(parts.page), seeds.stream ^ 2, part_of(parts.spreader))
    , capture_(parts.run_dir, contract::record_setup(parts.page), captured_interfaces(setup),
               part_of(parts.spreader))
    , front_(seeds.incarnation ^ 3)
    , burst_(front_, &*flows_, parts.page.counters)
    , kept_(kept_max)
    , identification_(static_cast<std::uint32_t>(seeds.stream))
    , scratch_(std::make_unique<std::uint8_t[]>(scratch_octets)) {
    waiting_.reserve(512);
    const Port& outside = lanes_[0]->port();
    const Port& inside = lanes_[1]->port();
    burst_.set_station(path::Facing::outside, outside.mac());
    burst_.set_station(path::Facing::inside, inside.mac());
    burst_.set_mtu(path::Facing::outside, static_cast<std::uint16_t>(inside.mtu()));
    burst_.set_mtu(path::Facing::inside, static_cast<std::uint16_t>(outside.mtu()));
}

Worker::~Worker() {
    for (const Waiting& waiting : waiting_)
        ::rte_pktmbuf_free(waiting.packet);
}

std::vector<std::string> Worker::complaints() const {
    std::vector<std::string> all = tracker_.complaints();
    for (const std::string& one : {flows_.complaint(), capture_.complaint()})
        if (!one.empty())
            all.push_back(one);
    return all;
}

void Worker::run() {
    page_.engine.started_ns = path::to_page(clock_now());
    page_.engine.pid = ::getpid();
    page_.engine.attached = 1;
    while (!stopping_.load(std::memory_order_relaxed)) {
        const std::size_t work = turn(clock_now());
        page_.engine.beats.fetch_add(1, std::memory_order_relaxed);
        if (work == 0)
            idle();
    }
    page_.engine.attached = 0;
    page_.engine.pid = 0;
}

std::size_t Worker::turn(Instant now) {
    look_around(now);
    ha_.refresh(path_.policy(), hops_, now);
    look_for_peers();
    take_released();
    std::size_t work = take_kernel();
    work += take_links();
    work += take_handed();
    work += take_outside();
    work += take_inside();
    fragments_.expire(now);
    while (const auto token = fragments_.next_given_up()) {
        count(Counter::fragments_given_up);
        release(*token);
    }
    serve_waiting();
    transmit();
    deliver();
    flush_lanes();
    show_calls();
    path_.finish();
    return work;
}

/// What the next packets are judged by.
void Worker::look_around(Instant now) {
    now_ = now;
    realtime_ns_ = realtime_now_ns();
    path_.begin(now);
    read_stances();
    take_changes();
    prepare_burst();
}

void Worker::read_stances() {
    for (std::size_t group = 0; group < stances_.size(); ++group) {
        stances_[group] = path_.stance(static_cast<std::uint8_t>(group));
        // A short doubt is answered for, a long one is none any more.
        const std::int64_t expired = page_.grants[group].expires_ns.load(std::memory_order_acquire);
        const bool long_lapsed =
            stances_[group] == path::Stance::lapsed && path::to_page(now_) - expired > doubt_max.count();
        answering_[group] = long_lapsed ? path::Stance::none : stances_[group];
    }
}

void Worker::drop(rte_mbuf* packet) {
    ::rte_pktmbuf_free(packet);
}

void Worker::take_changes() {
    path::HopChange change;
    while (changes_.pop(change))
        hops_.apply(change);
}

/// A packet that comes because this node has announced itself must not be judged by what was read before: the
/// kernel may have put this thread aside in between.
void Worker::look_after(std::size_t received) {
    if (received > 0)
        look_around(clock_now());
}

/// The kernel's frames for all networks; heartbeats are among them, so this comes first.
std::size_t Worker::take_kernel() {
    std::size_t work = 0;
    for (Lane* lane : lanes_) {
        work += lane->from_kernel();
        lane->flush();
    }
    return work;
}

std::size_t Worker::take_outside() {
    Lane& outside = lane(Segment::outside);
    std::size_t work = 0;
    for (std::size_t i = 0; i < bursts_max; ++i) {
        const auto burst = outside.receive();
        look_after(burst.size());
        take_burst_outside(own(Segment::outside, untagged(outside, burst)));
        take_released(); // those that had to make room
        transmit();
        flush_lanes();
        work += burst.size();
        if (burst.size() < Port::burst_max)
            break;
    }
    page_.engine.received.fetch_add(work, std::memory_order_relaxed);
    return work;
}

std::size_t Worker::take_inside() {
    Lane& inside = lane(Segment::inside);
    std::size_t work = 0;
    for (std::size_t i = 0; i < bursts_max; ++i) {
        const auto burst = inside.receive();
        look_after(burst.size());
        take_burst_inside(own(Segment::inside, untagged(inside, burst)));
        flush_lanes();
        work += burst.size();
        if (burst.size() < Port::burst_max)
            break;
    }
    return work;
}

/// Of what was received, what belongs to this worker; the rest goes to the others.
std::span<rte_mbuf* const> Worker::own(Segment segment, std::span<rte_mbuf*> packets) {
    return spreader_ == nullptr ? packets : spreader_->keep(segment, packets);
}

/// What the other workers have received for this one, or do not finish.
std::size_t Worker::take_handed() {
    if (spreader_ == nullptr)
        return 0;
    const std::size_t work = spreader_->take([this](Freight freight, std::span<rte_mbuf*> packets) {
        look_after(packets.size());
        switch (freight) {
        case Freight::outside:
            take_burst_outside(packets);
            break;
        case Freight::inside:
            take_burst_inside(packets);
            break;
        case Freight::slow_outside:
            std::ranges::for_each(packets, [this](rte_mbuf* packet) { on_outside(packet); });
            break;
        case Freight::slow_inside:
            std::ranges::for_each(packets, [this](rte_mbuf* packet) { on_inside(packet); });
            break;
        case Freight::kernel_outside:
        case Freight::kernel_inside:
        case Freight::count_:
            for (rte_mbuf* packet : packets)
                lane(freight == Freight::kernel_outside ? Segment::outside : Segment::inside)
                    .to_kernel(packet);
            break;
        }
        take_released(); // those that had to make room
        transmit();
        flush_lanes();
    });
    return work;
}

/// What the quick way needs to know of roles, policy and next hops.
void Worker::prepare_burst() {
    burst_.begin(path_.policy(), path_.policy_sequence(), stances_);
    if (spreader_ != nullptr)
        spreader_->begin(path_.policy(), path_.policy_sequence());
    if (burst_hops_version_ == hops_.version() && burst_policy_ == path_.policy_sequence())
        return;
    burst_hops_version_ = hops_.version();
    burst_policy_ = path_.policy_sequence();
    tell_servers(burst_, hops_, path_.policy());
}

/// Takes the tags off a burst; frames with other tags go to the kernel.
std::span<rte_mbuf*> Worker::untagged(Lane& lane, std::span<rte_mbuf* const> burst) {
    std::size_t count = 0;
    for (rte_mbuf* packet : burst) {
        if (lane.untag(packet) == Tags::ours)
            untagged_[count++] = packet;
        else
            lane.to_kernel(packet);
    }
    return std::span(untagged_).first(count);
}

/// The quick way, and for the rest the slow one.
void Worker::take_burst_outside(std::span<rte_mbuf* const> burst) {
    burst_.from_outside(burst, now_);
    const auto ip_of = [](const Looked& looked) {
        return std::span<const std::uint8_t>{octets_of(looked.packet)}.subspan(looked.seen.network,
                                                                               looked.seen.length);
    };
    capture_burst(Segment::outside);
    table::Soon& soon = lane(Segment::outside).soon();
    for (const Looked looked : burst_.mirrored()) {
        soon.ask();
        if (path_.wanted(ip_of(looked), looked.seen.group))
            path_.mirror(ip_of(looked), looked.seen.group);
    }
    tracker_->see(now_, messages_.of(burst_.sip(), state::Way::served), &soon);
    burst_.translate();
    for (rte_mbuf* packet : burst_.forwarded())
        lane(Segment::inside).send(packet);
    for (rte_mbuf* packet : burst_.dropped())
        drop(packet);
    for (std::size_t group = 0; group < burst_.arrived().size(); ++group)
        if (burst_.arrived()[group] != 0)
            path_.arrived(static_cast<std::uint8_t>(group), burst_.arrived()[group]);
    for (const Looked looked : burst_.rest())
        on_outside(looked.packet);
}

void Worker::take_burst_inside(std::span<rte_mbuf* const> burst) {
    burst_.from_inside(burst, now_);
    capture_burst(Segment::inside);
    burst_.translate();
    tracker_->see(now_, messages_.of(burst_.sip(), state::Way::from_server), &lane(Segment::inside).soon());
    count(Counter::inside_forwarded, burst_.forwarded().size());
    for (rte_mbuf* packet : burst_.forwarded())
        lane(Segment::outside).send(packet);
    for (rte_mbuf* packet : burst_.dropped())
        drop(packet);
    for (const Looked looked : burst_.rest())
        on_inside(looked.packet);
}

void Worker::take_released() {
    while (const auto released = path_.next_released()) {
        if (released->ingress == path::Ingress::outside) {
            settle(released->token, released->action, released->packet);
            continue;
        }
        std::uint32_t linked = Kept::none;
        rte_mbuf* packet = kept_.take(released->token, linked);
        if (released->action == Action::forward)
            forward_outside(packet);
        else
            drop(packet);
    }
}

/// Carries out what the path decided about packets that are kept.
void Worker::settle(std::uint32_t token, Action action, std::span<const std::uint8_t> whole) {
    switch (action) {
    case Action::forward: {
        track(whole, state::Way::served);
        while (token != Kept::none) {
            std::uint32_t linked = Kept::none;
            forward_inside(kept_.take(token, linked));
            token = linked;
        }
        break;
    }
    case Action::redirect:
        redirect(token, whole);
        break;
    case Action::hold:
        break;
    case Action::drop:
    case Action::deliver:
    case Action::defer:
    case Action::hold_back:
        release(token);
        break;
    }
}

void Worker::release(std::uint32_t token) {
    while (token != Kept::none) {
        std::uint32_t linked = Kept::none;
        drop(kept_.take(token, linked));
        token = linked;
    }
}

void Worker::redirect(std::uint32_t token, std::span<const std::uint8_t> whole) {
    if (ha_.full())
        flush_links();
    std::array<std::uint8_t, path::RedirectedFrame::header_size> head{};
    path::write_redirected_header(head);
    ha_.add(halink::Purpose::redirected, token, head, whole);
}

void Worker::flush_lanes() {
    for (Lane* lane : lanes_)
        lane->flush();
    if (spreader_ != nullptr)
        spreader_->flush();
}

void Worker::idle() {
    if (setup_.idle == contract::Idle::poll)
        return;
    if (spreader_ != nullptr && !spreader_->exchange().begin_sleep(spreader_->self()))
        return;
    Nap nap{std::min(path_.deadline(), now_ + Nap::longest)};
    for (Lane* lane : lanes_) {
        nap.watch(lane->tap().descriptor());
        nap.watch(*lane, now_ + std::chrono::microseconds{setup_.sleep_max_us});
    }
    for (std::size_t i = 0; i < contract::paths_max; ++i)
        nap.watch(ha_.links().descriptor(i));
    if (ha_.waiting())
        nap.no_later(now_ + std::chrono::microseconds{setup_.sleep_max_us});
    if (spreader_ != nullptr)
        nap.watch(spreader_->exchange().descriptor(spreader_->self()));
    nap.sleep();
    if (spreader_ != nullptr)
        spreader_->exchange().end_sleep(spreader_->self());
}

} // namespace tandem::dpdk
