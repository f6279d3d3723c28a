// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/mirror_receiver.hh"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace tandem::path {

MirrorReceiver::MirrorReceiver(std::uint64_t incarnation, const ReceiverLimits& limits)
    : limits_(limits)
    , incarnation_(incarnation)
    , store_(limits.packets, limits.octets)
    , slots_(std::make_unique<std::uint64_t[]>(limits.packets)) {
    if (incarnation == 0 || limits.packets == 0 || (limits.packets & (limits.packets - 1)) != 0)
        std::abort();
    std::fill_n(slots_.get(), limits_.packets, absent);
}

bool MirrorReceiver::is_kept(std::uint64_t sequence) const {
    return sequence - expected_ < limits_.packets && slots_[sequence % limits_.packets] != absent;
}

bool MirrorReceiver::knows(std::uint64_t stream) {
    if (stream == stream_)
        return true;
    if (stream != stream_before_)
        report_wanted_ = true;
    return false;
}

Received MirrorReceiver::on_packet(const PacketFrame& frame, Instant now) {
    if (!knows(frame.stream))
        return frame.stream == stream_before_ ? Received::duplicate : Received::not_synced;
    if (frame.sequence < expected_ || is_kept(frame.sequence))
        return Received::duplicate;
    if (frame.sequence > announced_ + 1)
        gap_is_new_ = true;
    announced_ = std::max(announced_, frame.sequence);
    if (frame.sequence - expected_ >= limits_.packets) {
        watch_gap(now);
        return Received::too_far;
    }
    if (!store_.has_room(frame.packet.size())) {
        // Only what closes the front gap may push others out: they can be asked for again.
        if (frame.sequence != expected_)
            return Received::too_far;
        forget_kept();
    }
    const std::span<std::uint8_t> place =
        store_.reserve(frame.packet.size(), {frame.sequence, frame.epoch, false});
    if (place.size() != frame.packet.size())
        return Received::too_far;
    std::memcpy(place.data(), frame.packet.data(), frame.packet.size());
    slots_[frame.sequence % limits_.packets] = store_.next_number() - 1;
    ++kept_count_;
    watch_gap(now);
    return frame.sequence <= requested_through_ ? Received::repaired : Received::kept;
}

void MirrorReceiver::on_mark(const MarkFrame& frame, Instant now) {
    if (!knows(frame.stream)) {
        if (frame.stream == stream_before_)
            return;
        if (frame.incarnation != 0 && frame.incarnation != incarnation_)
            return; // meant for an earlier life of ours: the report tells the sender
        adopt(frame);
    }
    if (frame.next - 1 > announced_) {
        gap_is_new_ = true;
        announced_ = frame.next - 1;
    }
    oldest_ = std::max(oldest_, frame.oldest);
    watch_gap(now);
}

void MirrorReceiver::adopt(const MarkFrame& frame) {
    // What the earlier stream still owed cannot be asked for any more.
    if (stream_ != 0 && announced_ >= expected_)
        lost_ += announced_ - expected_ + 1;
    forget_kept();
    stream_before_ = stream_;
    stream_ = frame.stream;
    expected_ = frame.begin;
    announced_ = frame.begin - 1;
    oldest_ = 1;
    requested_through_ = 0;
    gap_is_new_ = false;
    gap_at_ = 0;
    report_wanted_ = true;
}

void MirrorReceiver::forget_kept() {
    store_.clear();
    kept_count_ = 0;
    std::fill_n(slots_.get(), limits_.packets, absent);
    requested_through_ = std::min(requested_through_, expected_); // what was forgotten is asked for anew
}

std::optional<Ready> MirrorReceiver::next() {
    if (stream_ == 0 || !is_kept(expected_))
        return std::nullopt;
    std::uint64_t& slot = slots_[expected_ % limits_.packets];
    auto& entry = store_.numbered(slot);
    slot = absent;
    --kept_count_;
    ++expected_;
    entry.tag.done = true;
    const Ready ready{entry.tag.epoch, std::as_const(store_).bytes(entry)};
    while (!store_.empty() && store_.entry(0).tag.done)
        store_.pop_front();
    return ready;
}

void MirrorReceiver::skip_to(std::uint64_t sequence) {
    lost_ += sequence - expected_;
    expected_ = sequence;
}

/// Starts, restarts or ends the clock of the front gap. Called after whatever may have moved it.
void MirrorReceiver::watch_gap(Instant now) {
    if (!is_missing()) {
        gap_at_ = 0;
    } else if (gap_at_ != expected_) {
        gap_at_ = expected_;
        gap_since_ = now;
    }
}

/// Skips the front gap when it cannot be mended. Only after everything that has arrived was taken in: a
/// process that did not run for a while may have the repair waiting in its socket.
void MirrorReceiver::give_up(Instant now) {
    const bool gone = oldest_ > expected_;
    if (!is_missing() || (!gone && now - gap_since_ < limits_.give_up))
        return;
    std::uint64_t target = expected_;
    while (target <= announced_ && target - expected_ < limits_.packets && !is_kept(target))
        ++target;
    if (target - expected_ >= limits_.packets)
        target = announced_ + 1;
    if (gone)
        target = std::min(target, oldest_);
    skip_to(target);
    watch_gap(now);
}

bool MirrorReceiver::request_due(Instant now) const {
    if (!is_missing())
        return false;
    const Duration since = now - requested_at_;
    // At once for a gap that no request has covered yet, and for the next part of a long one.
    const bool uncovered = gap_is_new_ || expected_ > requested_through_;
    return since >= (uncovered ? limits_.request_pause : limits_.request_interval);
}

std::uint32_t MirrorReceiver::missing_count() const {
    if (stream_ == 0 || announced_ < expected_)
        return 0;
    const std::uint64_t missing = announced_ - expected_ + 1 - kept_count_;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(missing, 0xffffffffU));
}

std::size_t MirrorReceiver::write_request(Instant now) {
    RequestFrame request;
    request.stream = stream_;
    const std::uint64_t end = std::min(announced_ + 1, expected_ + limits_.packets);
    std::uint64_t sequence = expected_;
    std::size_t asked = 0;
    while (sequence < end && asked < limits_.request_packets_max) {
        if (is_kept(sequence)) {
            ++sequence;
            continue;
        }
        if (request.range_count == RequestFrame::ranges_max)
            break;
        SequenceRange& range = request.ranges[request.range_count++];
        range.first = sequence;
        while (sequence < end && asked < limits_.request_packets_max && !is_kept(sequence)) {
            ++sequence;
            ++range.count;
            ++asked;
        }
    }
    requested_through_ = sequence - 1;
    requested_at_ = now;
    gap_is_new_ = false;
    return write(request, control_);
}

std::size_t MirrorReceiver::write_report(Instant now) {
    report_wanted_ = false;
    reported_at_ = now;
    reported_handled_ = handled();
    return write(ReportFrame{stream_, incarnation_, handled(), missing_count()}, control_);
}

std::optional<std::span<const std::uint8_t>> MirrorReceiver::next_control(Instant now) {
    watch_gap(now);
    give_up(now);
    if (request_due(now))
        return std::span(control_).first(write_request(now));
    const Duration since = now - reported_at_;
    if ((report_wanted_ && since >= limits_.report_pause) ||
        (reported_handled_ != handled() && since >= limits_.report_interval) ||
        since >= limits_.report_interval_idle)
        return std::span(control_).first(write_report(now));
    return std::nullopt;
}

Instant MirrorReceiver::deadline() const {
    Instant at = reported_at_ + (report_wanted_                   ? limits_.report_pause
                                 : reported_handled_ != handled() ? limits_.report_interval
                                                                  : limits_.report_interval_idle);
    if (is_missing()) {
        at = std::min(at, requested_at_ + (gap_is_new_ || expected_ > requested_through_
                                               ? limits_.request_pause
                                               : limits_.request_interval));
        if (gap_at_ != 0)
            at = std::min(at, gap_since_ + limits_.give_up);
    }
    return at;
}

std::uint64_t MirrorReceiver::take_lost() {
    return std::exchange(lost_, 0);
}

} // namespace tandem::path
