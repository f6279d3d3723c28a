// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/mirror_sender.hh"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace tandem::path {

MirrorSender::MirrorSender(std::uint64_t stream, const SenderLimits& limits)
    : limits_(limits)
    , stream_(stream)
    , history_(limits.packets, limits.octets) {
    if (stream == 0)
        std::abort();
}

Appended MirrorSender::append(std::span<const std::uint8_t> packet, std::uint64_t epoch, Instant now) {
    const std::size_t length = PacketFrame::header_size + packet.size();
    if (length > limits_.frame_max || !history_.could_hold(length))
        return Appended::too_large;
    while (!history_.has_room(length)) {
        if (oldest() > confirmed_)
            ++evicted_;
        history_.pop_front();
    }
    const std::span<std::uint8_t> frame = history_.reserve(length, {});
    write_packet_header({stream_, next_sequence_, epoch, {}}, frame);
    std::memcpy(frame.data() + PacketFrame::header_size, packet.data(), packet.size());
    ++next_sequence_;
    // The mark that shows a lost tail; a burst pushes it ahead, but never beyond the regular one.
    mark_due_ = std::min(mark_due_, now + limits_.tail_mark_delay);
    return Appended::yes;
}

void MirrorSender::on_request(const RequestFrame& request) {
    if (request.stream != stream_)
        return;
    // A request lists everything that is missing, so it replaces the one before it.
    resend_count_ = std::min<std::size_t>(request.range_count, resends_.size());
    std::copy_n(request.ranges.begin(), resend_count_, resends_.begin());
    resend_at_ = 0;
    resend_left_ = limits_.resend_max;
    for (std::size_t i = 0; i < resend_count_; ++i)
        if (resends_[i].first < oldest())
            mark_due_ = {}; // tells the receiver that it asks in vain
}

void MirrorSender::on_report(const ReportFrame& report) {
    if (report.stream == stream_) {
        // A number that was never given out is not a confirmation.
        if (report.handled < next_sequence_)
            confirmed_ = std::max(confirmed_, report.handled);
        incarnation_ = report.incarnation;
        return;
    }
    if (report.incarnation != incarnation_) {
        incarnation_ = report.incarnation;
        begin_ = confirmed_ + 1;
    }
    mark_due_ = {}; // it waits to be told where to begin
}

std::span<std::uint8_t> MirrorSender::frame_of(std::uint64_t sequence) {
    return history_.bytes(history_.entry(static_cast<std::size_t>(sequence - oldest())));
}

std::optional<std::uint64_t> MirrorSender::next_resend() {
    while (resend_at_ < resend_count_ && resend_left_ > 0) {
        SequenceRange& range = resends_[resend_at_];
        if (range.first < oldest()) {
            const std::uint64_t skip = std::min<std::uint64_t>(range.count, oldest() - range.first);
            range.first += skip;
            range.count -= static_cast<std::uint32_t>(skip);
        }
        if (range.count == 0 || range.first >= next_sequence_) {
            ++resend_at_;
            continue;
        }
        --range.count;
        --resend_left_;
        return range.first++;
    }
    return std::nullopt;
}

Transmit MirrorSender::mark(Instant now) {
    mark_due_ = now + limits_.mark_interval;
    const MarkFrame frame{stream_, next_sequence_, oldest(), begin_, incarnation_};
    return {TransmitKind::control, std::span(control_).first(write(frame, control_))};
}

std::optional<Transmit> MirrorSender::next(Instant now) {
    unsent_ = std::max(unsent_, oldest());
    if (unsent_ < next_sequence_)
        return Transmit{TransmitKind::fresh, frame_of(unsent_++)};
    if (const auto sequence = next_resend()) {
        const std::span<std::uint8_t> frame = frame_of(*sequence);
        mark_sent_again(frame);
        return Transmit{TransmitKind::again, frame};
    }
    if (now >= mark_due_)
        return mark(now);
    return std::nullopt;
}

Instant MirrorSender::deadline() const {
    return unsent_ < next_sequence_ || (resend_at_ < resend_count_ && resend_left_ > 0) ? Instant{}
                                                                                        : mark_due_;
}

std::uint64_t MirrorSender::take_evicted() {
    return std::exchange(evicted_, 0);
}

} // namespace tandem::path
