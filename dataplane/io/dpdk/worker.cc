// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/worker.hh"

#include "dataplane/io/dpdk/eal.hh"
#include "dataplane/path/mirror_frame.hh"
#include "dataplane/path/vip_answer.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/pcapng.hh"

#include <rte_mbuf.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>
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

constexpr int worker_priority = 10; ///< below the pulse thread of the brain
constexpr Duration wait_max = std::chrono::milliseconds{10};
/// A brain that is a few beats late goes on; one that was stopped for longer has lost its group.
constexpr Duration doubt_max = std::chrono::milliseconds{25};
constexpr std::size_t kept_max = 16'384;
constexpr std::size_t scratch_octets = 65'536;
constexpr std::size_t bursts_max = 4; ///< of one source in one turn, so that none starves the others

Instant clock_now() {
    return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

/// In the order of Segment. Frames are kept without the port's tags.
std::vector<state::SharedCapture::Interface> captured_interfaces(const contract::Appliance& setup) {
    return {{text_of(setup.outside.kernel_interface), wire::pcapng::link_ethernet},
            {text_of(setup.inside.kernel_interface), wire::pcapng::link_ethernet}};
}

std::int64_t realtime_now_ns() {
    return std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

Bell::Bell()
    : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
Bell::~Bell() {
    ::close(descriptor_);
}
void Bell::ring() const noexcept {
    ::eventfd_write(descriptor_, 1);
}
void Bell::quiet() const noexcept {
    eventfd_t count = 0;
    ::eventfd_read(descriptor_, &count);
}

Worker::Worker(const WorkerParts& parts, const contract::Appliance& setup, const path::PathSeeds& seeds)
    : page_(parts.page)
    , pool_(parts.pool)
    , lanes_(parts.lanes)
    , changes_(parts.changes)
    , asks_(parts.asks)
    , bell_(parts.bell)
    , setup_(setup)
    , links_(parts.page)
    , path_(parts.page, seeds, {}, &matcher_)
    , fragments_(seeds.stream)
    , hops_(seeds.incarnation)
    , reader_(seeds.stream ^ 1)
    , tracker_(parts.run_dir, contract::record_setup(parts.page), seeds.incarnation ^ seeds.stream)
    , flows_(parts.run_dir, contract::record_setup(parts.page), seeds.stream ^ 2)
    , capture_(parts.run_dir, contract::record_setup(parts.page), captured_interfaces(setup))
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
    if (setup_.idle != contract::Idle::poll) { // one that never sleeps would lock out all others
        sched_param priority{};
        priority.sched_priority = worker_priority;
        ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority); // better, but not needed
    }
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
    now_ = now;
    realtime_ns_ = realtime_now_ns();
    path_.begin(now);
    read_stances();
    links_.refresh(path_.policy(), now);
    take_changes();
    prepare_burst();
    take_released();
    std::size_t work = take_links();
    work += take_kernel();
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

std::size_t Worker::take_links() {
    std::size_t work = 0;
    for (std::size_t i = 0; i < contract::paths_max; ++i) {
        if (links_.descriptor(i) < 0)
            continue;
        links_.receive(i);
        while (const auto content = links_.opened()) {
            path_.on_frame(*content);
            deliver();
            ++work;
        }
    }
    return work;
}

/// The kernel's frames for all networks; heartbeats are among them, so this comes first.
std::size_t Worker::take_kernel() {
    std::size_t work = 0;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
        work += lanes_[i]->from_kernel();
        if (i >= path::segment_count) { // an HA port: everything is the kernel's
            for (rte_mbuf* packet : lanes_[i]->receive()) {
                lanes_[i]->untag(packet);
                lanes_[i]->to_kernel(packet);
                ++work;
            }
        }
        lanes_[i]->flush();
    }
    return work;
}

std::size_t Worker::take_outside() {
    Lane& outside = lane(Segment::outside);
    std::size_t work = 0;
    for (std::size_t i = 0; i < bursts_max; ++i) {
        const auto burst = outside.receive();
        take_burst_outside(untagged(outside, burst));
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
        take_burst_inside(untagged(inside, burst));
        flush_lanes();
        work += burst.size();
        if (burst.size() < Port::burst_max)
            break;
    }
    return work;
}

/// What the quick way needs to know of roles, policy and next hops.
void Worker::prepare_burst() {
    const contract::Policy& policy = path_.policy();
    burst_.begin(policy, path_.policy_sequence(), stances_);
    if (burst_hops_version_ == hops_.version() && burst_policy_ == path_.policy_sequence())
        return;
    burst_hops_version_ = hops_.version();
    burst_policy_ = path_.policy_sequence();
    burst_.clear_next_hops();
    const std::size_t count = std::min<std::size_t>(policy.vip_count, policy.vips.size());
    for (std::size_t i = 0; i < count; ++i) {
        const auto hop = hops_.neighbour(Segment::inside, server_of(policy.vips[i]));
        const bool known = hop.found == path::NextHops::Hop::Found::known;
        burst_.set_server(i, known ? std::optional{hop.mac} : std::nullopt);
    }
}

/// Takes the tags off a burst; frames with other tags go to the kernel.
std::span<rte_mbuf* const> Worker::untagged(Lane& lane, std::span<rte_mbuf* const> burst) {
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
    for (const Looked looked : burst_.mirrored())
        if (path_.wanted(ip_of(looked), looked.seen.group))
            path_.mirror(ip_of(looked), looked.seen.group);
    tracker_->see(now_, messages_.of(burst_.sip(), state::Way::served));
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
    tracker_->see(now_, messages_.of(burst_.sip(), state::Way::from_server));
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
    if (links_.full())
        flush_links();
    std::array<std::uint8_t, path::RedirectedFrame::header_size> head{};
    path::write_redirected_header(head);
    links_.add(halink::Purpose::redirected, token, head, whole);
}

void Worker::transmit() {
    while (const auto frame = path_.next_transmit()) {
        if (links_.full())
            flush_links();
        const halink::Purpose purpose = frame->kind == path::TransmitKind::fresh   ? halink::Purpose::fresh
                                        : frame->kind == path::TransmitKind::again ? halink::Purpose::again
                                                                                   : halink::Purpose::control;
        links_.add(purpose, 0, frame->frame);
    }
    flush_links();
}

void Worker::flush_links() {
    for (const halink::Transmitted& item : links_.flush()) {
        switch (item.purpose) {
        case halink::Purpose::redirected:
            path_.redirected(item.sent);
            // What cannot be handed over goes to the server here, which still answers.
            settle(item.token, item.sent == path::Sent::yes ? Action::drop : Action::forward, {});
            break;
        case halink::Purpose::fresh:
            path_.transmitted(path::TransmitKind::fresh, item.sent);
            break;
        case halink::Purpose::again:
            path_.transmitted(path::TransmitKind::again, item.sent);
            break;
        case halink::Purpose::control:
            break;
        }
    }
}

/// What the server gets and says tells who is registered and which calls are up.
void Worker::track(std::span<const std::uint8_t> ip, state::Way way) {
    const path::Toward toward = way == state::Way::from_server ? path::Toward::network : path::Toward::server;
    reader_.take(now_, ip, toward, path_.policy());
    while (const auto sip = reader_.next())
        tracker_->see(now_, {{sip->source, sip->port, sip->group}, way, sip->text});
}

void Worker::capture(Segment segment, Action verdict, Counter reason, rte_mbuf* packet) {
    capture_.put(realtime_ns_, {static_cast<std::uint16_t>(segment), state::CapturedOn::Direction::in},
                 static_cast<std::uint8_t>(verdict), reason, octets_of(packet));
}

/// Of a packet that the kernel gets, or whose verdict is not known yet.
void Worker::capture(Segment segment, rte_mbuf* packet) {
    capture_.put(realtime_ns_, {static_cast<std::uint16_t>(segment), state::CapturedOn::Direction::in},
                 state::no_verdict, Counter::kernel_out, octets_of(packet));
}

/// What the quick way has dealt with.
void Worker::capture_burst(Segment segment) {
    // SIP is among what is forwarded, in the same order.
    const Selection sip = burst_.sip();
    std::size_t next = 0;
    for (rte_mbuf* packet : burst_.forwarded()) {
        const bool is_sip = next < sip.size() && sip[next].packet == packet;
        next += is_sip ? 1 : 0;
        capture(segment, Action::forward,
                segment == Segment::inside ? Counter::inside_forwarded
                : is_sip                   ? Counter::sip_forwarded
                                           : Counter::not_sip,
                packet);
    }
    for (rte_mbuf* packet : burst_.dropped())
        capture(segment, Action::drop, Counter::drop_standby, packet);
}

void Worker::show_calls() {
    reader_.expire(now_);
    count_streams();
    tracker_.turn(now_);
    flows_.turn(now_);
    const std::size_t groups = std::min<std::size_t>(path_.policy().group_count, contract::groups_max);
    for (std::size_t group = 0; group < groups; ++group) {
        if (tracker_->calls(group) != 0 && stances_[group] != path::Stance::active &&
            stances_[group] != path::Stance::lapsed)
            tracker_->clear_calls(group);
        page_.traffic[group].calls.store(static_cast<std::uint32_t>(tracker_->calls(group)),
                                         std::memory_order_relaxed);
    }
}

void Worker::count_streams() {
    const path::StreamCounts& now = reader_.streams();
    const auto add = [&](Counter counter, std::uint64_t path::StreamCounts::*field) {
        if (now.*field != streams_shown_.*field)
            count(counter, now.*field - streams_shown_.*field);
    };
    add(Counter::stream_messages, &path::StreamCounts::messages);
    add(Counter::stream_not_inspected, &path::StreamCounts::opaque);
    add(Counter::stream_lost, &path::StreamCounts::lost);
    add(Counter::stream_evicted, &path::StreamCounts::evicted);
    streams_shown_ = now;
}

void Worker::flush_lanes() {
    for (Lane* lane : lanes_)
        lane->flush();
}

void Worker::idle() {
    const Instant deadline = std::min(path_.deadline(), now_ + wait_max);
    switch (setup_.idle) {
    case contract::Idle::poll:
        break;
    case contract::Idle::sleep:
    case contract::Idle::interrupt:
        sleep_until(deadline);
        break;
    }
}

/// Sleeps on everything that a packet can come from. A port without anything to sleep on bounds the time.
void Worker::sleep_until(Instant deadline) {
    std::array<pollfd, 2 * contract::ports_max + contract::paths_max> sources{};
    std::size_t count = 0;
    const auto watch = [&](int descriptor) {
        if (descriptor >= 0)
            sources[count++] = {descriptor, POLLIN, 0};
    };
    for (Lane* lane : lanes_) {
        watch(lane->tap().descriptor());
        watch(lane->port().descriptor(lane->queue()));
        lane->port().arm(lane->queue());
        if (lane->port().waiting() == dpdk::Waiting::blind)
            deadline = std::min(deadline, now_ + std::chrono::microseconds{setup_.sleep_max_us});
    }
    for (std::size_t i = 0; i < contract::paths_max; ++i)
        watch(links_.descriptor(i));
    const Duration left = std::clamp(deadline - clock_now(), Duration::zero(), wait_max);
    timespec timeout{};
    timeout.tv_nsec = static_cast<long>(left.count());
    ::ppoll(sources.data(), static_cast<nfds_t>(count), &timeout, nullptr);
    for (Lane* lane : lanes_)
        lane->port().disarm(lane->queue());
}

} // namespace tandem::dpdk
