// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/media_worker.hh"

#include "dataplane/io/dpdk/captured.hh"
#include "dataplane/io/dpdk/nap.hh"
#include "dataplane/path/translate.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"

#include <rte_mbuf.h>

#include <algorithm>

namespace tandem::dpdk {
namespace {

using contract::Counter;
using path::Action;
using path::Facing;
using path::Instant;
using path::Segment;
using path::Stance;

std::span<const std::uint8_t> ip_of(const Looked& looked) {
    return std::span<const std::uint8_t>{octets_of(looked.packet)}.subspan(looked.seen.network,
                                                                           looked.seen.length);
}

contract::TablePart part_of(const Spreader& spreader) {
    return {static_cast<std::uint16_t>(spreader.self()),
            static_cast<std::uint16_t>(spreader.exchange().workers())};
}

void add(std::atomic<std::uint64_t>& count, std::uint64_t n) {
    count.store(count.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

} // namespace

MediaWorker::MediaWorker(const MediaWorkerParts& parts, const contract::Appliance& setup, std::uint64_t seed)
    : page_(parts.page)
    , share_(parts.share)
    , lanes_{&parts.outside, &parts.inside}
    , changes_(parts.changes)
    , spreader_(parts.spreader)
    , idle_(setup.idle)
    , sleep_max_us_(setup.sleep_max_us)
    , hops_(seed)
    , flows_(parts.run_dir, contract::record_setup(parts.page), seed ^ 2, part_of(parts.spreader))
    , capture_(parts.run_dir, contract::record_setup(parts.page), captured_interfaces(setup),
               part_of(parts.spreader))
    , front_(seed ^ 3)
    , burst_(front_, &*flows_, parts.share.counters) {
    const Port& outside = parts.outside.port();
    const Port& inside = parts.inside.port();
    burst_.set_station(Facing::outside, outside.mac());
    burst_.set_station(Facing::inside, inside.mac());
    burst_.set_mtu(Facing::outside, static_cast<std::uint16_t>(inside.mtu()));
    burst_.set_mtu(Facing::inside, static_cast<std::uint16_t>(outside.mtu()));
}

std::vector<std::string> MediaWorker::complaints() const {
    std::vector<std::string> all;
    for (const std::string& one : {flows_.complaint(), capture_.complaint()})
        if (!one.empty())
            all.push_back(one);
    return all;
}

void MediaWorker::run() {
    while (!stopping_.load(std::memory_order_relaxed)) {
        const std::size_t work = turn(clock_now());
        add(share_.beats, 1);
        if (work == 0)
            idle();
    }
}

std::size_t MediaWorker::turn(Instant now) {
    look_around(now);
    std::size_t work = take_handed();
    work += receive(Segment::outside);
    work += receive(Segment::inside);
    flush();
    flows_.turn(now);
    return work;
}

/// What the next packets are judged by.
void MediaWorker::look_around(Instant now) {
    now_ = now;
    read_page();
    take_changes();
    tell_burst();
}

/// The roles always, the policy when it changed.
void MediaWorker::read_page() {
    const std::uint32_t sequence = page_.policy.sequence();
    if (sequence != policy_sequence_ && page_.policy.read(policy_))
        policy_sequence_ = sequence;
    for (std::size_t i = 0; i < stances_.size(); ++i) {
        contract::Grant& grant = page_.grants[i];
        grant.role.read(roles_[i]);
        stances_[i] =
            path::stance_of(roles_[i], grant.expires_ns.load(std::memory_order_acquire), path::to_page(now_));
    }
    spreader_.begin(policy_, policy_sequence_);
    burst_.begin(policy_, policy_sequence_, stances_);
}

void MediaWorker::take_changes() {
    path::HopChange change;
    while (changes_.pop(change))
        hops_.apply(change);
}

void MediaWorker::tell_burst() {
    if (told_hops_ == hops_.version() && told_policy_ == policy_sequence_)
        return;
    told_hops_ = hops_.version();
    told_policy_ = policy_sequence_;
    tell_servers(burst_, hops_, policy_);
}

std::size_t MediaWorker::take_handed() {
    return spreader_.take([this](Freight freight, std::span<rte_mbuf*> packets) {
        const Segment segment = freight == Freight::inside ? Segment::inside : Segment::outside;
        // Looked at once more: the policy may be a newer one here.
        carry(segment, spreader_.keep(segment, packets));
    });
}

std::size_t MediaWorker::receive(Segment segment) {
    std::size_t work = 0;
    for (std::size_t i = 0; i < bursts_max; ++i) {
        const std::span<rte_mbuf*> burst = lane(segment).receive();
        if (burst.empty())
            break;
        carry(segment, spreader_.keep(segment, untagged(segment, burst)));
        work += burst.size();
        if (burst.size() < Port::burst_max)
            break;
    }
    return work;
}

/// Takes the tags off; frames with others are the kernel's.
std::span<rte_mbuf*> MediaWorker::untagged(Segment segment, std::span<rte_mbuf*> packets) {
    const Freight kernel = segment == Segment::outside ? Freight::kernel_outside : Freight::kernel_inside;
    std::size_t count = 0;
    for (rte_mbuf* packet : packets) {
        if (lane(segment).untag(packet) == Tags::ours)
            untagged_[count++] = packet;
        else
            spreader_.hand(path::Owners::first_worker, kernel, packet);
    }
    return std::span(untagged_).first(count);
}

/// Roles and grant are read once more: since the turn began, the kernel may have put this thread aside.
void MediaWorker::carry(Segment segment, std::span<rte_mbuf*> packets) {
    if (!packets.empty()) {
        const std::uint32_t policy = policy_sequence_;
        look_around(clock_now());
        realtime_ns_ = realtime_now_ns();
        if (policy != policy_sequence_) // they may be another's now
            packets = spreader_.keep(segment, packets);
        if (segment == Segment::outside)
            carry_outside(packets);
        else
            carry_inside(packets);
    }
    flush();
}

void MediaWorker::carry_outside(std::span<rte_mbuf* const> packets) {
    burst_.from_outside(packets, now_);
    capture_burst(Segment::outside);
    burst_.translate();
    for (rte_mbuf* packet : burst_.forwarded())
        lane(Segment::inside).send(packet);
    for (rte_mbuf* packet : burst_.dropped())
        ::rte_pktmbuf_free(packet);
    for (std::size_t group = 0; group < burst_.arrived().size(); ++group)
        if (burst_.arrived()[group] != 0)
            add(share_.arrived[group], burst_.arrived()[group]);
    for (const Looked looked : burst_.rest())
        spreader_.hand(path::Owners::first_worker, Freight::slow_outside, looked.packet);
}

void MediaWorker::carry_inside(std::span<rte_mbuf* const> packets) {
    burst_.from_inside(packets, now_);
    capture_burst(Segment::inside);
    burst_.translate();
    share_.counters.add(Counter::inside_forwarded, burst_.forwarded().size());
    for (rte_mbuf* packet : burst_.forwarded())
        lane(Segment::outside).send(packet);
    for (rte_mbuf* packet : burst_.dropped())
        ::rte_pktmbuf_free(packet);
    for (const Looked looked : burst_.rest())
        if (!forward_outside(looked))
            spreader_.hand(path::Owners::first_worker, Freight::slow_inside, looked.packet);
}

/// A packet of the server whose next hop is known, but not to the quick way yet. False: not this worker's.
bool MediaWorker::forward_outside(const Looked& looked) {
    Lane& outside = lane(Segment::outside);
    if (looked.seen.way != path::Way::plain || stances_[looked.seen.group] != Stance::active ||
        looked.seen.length > outside.port().mtu())
        return false;
    const auto parsed = wire::parse_ip(ip_of(looked));
    if (!parsed || hops_.is_own(parsed->destination))
        return false;
    const path::NextHops::Hop hop = hops_.find(Segment::outside, parsed->destination);
    if (hop.found != path::NextHops::Hop::Found::known)
        return false;
    burst_.set_next_hop(parsed->destination, hop.mac); // from now on the quick way knows it
    capture(Segment::inside, Action::forward, Counter::inside_forwarded, looked.packet);
    share_.counters.add(Counter::inside_forwarded);
    const std::span<std::uint8_t> frame = octets_of(looked.packet);
    const path::FrontVip& vip = front_.vip(looked.seen.vip);
    if (vip.forwarding == contract::Forwarding::nat)
        path::translate(frame.subspan(looked.seen.network, looked.seen.length), path::Side::source,
                        vip.address);
    wire::write_ethernet(frame, hop.mac, outside.port().mac(),
                         parsed->source.is_v4() ? wire::ether_type_ipv4 : wire::ether_type_ipv6);
    outside.send(looked.packet);
    return true;
}

void MediaWorker::capture(Segment segment, Action verdict, Counter reason, rte_mbuf* packet) {
    capture_.put(realtime_ns_, {static_cast<std::uint16_t>(segment), state::CapturedOn::Direction::in},
                 static_cast<std::uint8_t>(verdict), reason, octets_of(packet));
}

void MediaWorker::capture_burst(Segment segment) {
    const Counter reason = segment == Segment::inside ? Counter::inside_forwarded : Counter::not_sip;
    for (rte_mbuf* packet : burst_.forwarded())
        capture(segment, Action::forward, reason, packet);
    for (rte_mbuf* packet : burst_.dropped())
        capture(segment, Action::drop, Counter::drop_standby, packet);
}

void MediaWorker::flush() {
    for (Lane* lane : lanes_)
        lane->flush();
    spreader_.flush();
}

void MediaWorker::idle() {
    if (idle_ == contract::Idle::poll || !spreader_.exchange().begin_sleep(spreader_.self()))
        return;
    Nap nap{now_ + Nap::longest};
    for (Lane* lane : lanes_)
        nap.watch(*lane, now_ + std::chrono::microseconds{sleep_max_us_});
    nap.watch(spreader_.exchange().descriptor(spreader_.self()));
    nap.sleep();
    spreader_.exchange().end_sleep(spreader_.self());
}

} // namespace tandem::dpdk
