// SPDX-License-Identifier: GPL-3.0-or-later

// What the first worker keeps of what passes by, for others to read: registrations, calls, flows, a capture.

#include "dataplane/io/dpdk/worker.hh"

#include <algorithm>

namespace tandem::dpdk {

using contract::Counter;
using path::Action;
using path::Segment;

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
    auto next = sip.begin();
    for (rte_mbuf* packet : burst_.forwarded()) {
        const bool is_sip = next != sip.end() && (*next).packet == packet;
        if (is_sip)
            ++next;
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

} // namespace tandem::dpdk
