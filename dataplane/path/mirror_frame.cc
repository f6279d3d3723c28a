// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/mirror_frame.hh"

#include "dataplane/wire/octets.hh"

#include <algorithm>

namespace tandem::path {
namespace {

using wire::load_be;
using wire::store_be;

/// No stream gets as far; sums of two such numbers do not wrap around.
constexpr std::uint64_t sequence_max = std::uint64_t{1} << 62U;

void write_type(FrameType type, std::span<std::uint8_t> out) {
    store_be<std::uint32_t>(out, 0, std::uint32_t{static_cast<std::uint8_t>(type)} << 24U);
}

std::expected<Frame, FrameError> read_packet(std::span<const std::uint8_t> bytes) {
    if (bytes.size() <= PacketFrame::header_size)
        return std::unexpected(FrameError::truncated);
    PacketFrame frame;
    frame.stream = load_be<std::uint64_t>(bytes, 4);
    frame.sequence = load_be<std::uint64_t>(bytes, 12);
    frame.epoch = load_be<std::uint64_t>(bytes, 20);
    frame.packet = bytes.subspan(PacketFrame::header_size);
    if (frame.stream == 0 || frame.sequence == 0 || frame.sequence > sequence_max)
        return std::unexpected(FrameError::malformed);
    return frame;
}

std::expected<Frame, FrameError> read_mark(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < MarkFrame::size)
        return std::unexpected(FrameError::truncated);
    MarkFrame frame;
    frame.stream = load_be<std::uint64_t>(bytes, 4);
    frame.next = load_be<std::uint64_t>(bytes, 12);
    frame.oldest = load_be<std::uint64_t>(bytes, 20);
    frame.begin = load_be<std::uint64_t>(bytes, 28);
    frame.incarnation = load_be<std::uint64_t>(bytes, 36);
    if (frame.stream == 0 || frame.begin == 0 || frame.oldest == 0 || frame.oldest > frame.next ||
        frame.begin > frame.next || frame.next > sequence_max)
        return std::unexpected(FrameError::malformed);
    return frame;
}

std::expected<Frame, FrameError> read_request(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < RequestFrame::header_size)
        return std::unexpected(FrameError::truncated);
    RequestFrame frame;
    frame.range_count = bytes[1];
    frame.stream = load_be<std::uint64_t>(bytes, 4);
    if (frame.stream == 0 || frame.range_count == 0 || frame.range_count > RequestFrame::ranges_max)
        return std::unexpected(FrameError::malformed);
    if (bytes.size() < RequestFrame::header_size + frame.range_count * RequestFrame::range_size)
        return std::unexpected(FrameError::truncated);
    for (std::size_t i = 0; i < frame.range_count; ++i) {
        const std::size_t at = RequestFrame::header_size + i * RequestFrame::range_size;
        frame.ranges[i].first = load_be<std::uint64_t>(bytes, at);
        frame.ranges[i].count = load_be<std::uint32_t>(bytes, at + 8);
        if (frame.ranges[i].first == 0 || frame.ranges[i].first > sequence_max || frame.ranges[i].count == 0)
            return std::unexpected(FrameError::malformed);
    }
    return frame;
}

std::expected<Frame, FrameError> read_report(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < ReportFrame::size)
        return std::unexpected(FrameError::truncated);
    ReportFrame frame;
    frame.stream = load_be<std::uint64_t>(bytes, 4);
    frame.incarnation = load_be<std::uint64_t>(bytes, 12);
    frame.handled = load_be<std::uint64_t>(bytes, 20);
    frame.missing = load_be<std::uint32_t>(bytes, 28);
    if (frame.incarnation == 0)
        return std::unexpected(FrameError::malformed);
    return frame;
}

} // namespace

std::expected<Frame, FrameError> read_frame(std::span<const std::uint8_t> bytes) noexcept {
    if (bytes.empty())
        return std::unexpected(FrameError::truncated);
    switch (static_cast<FrameType>(bytes[0])) {
    case FrameType::packet:
        return read_packet(bytes);
    case FrameType::redirected:
        if (bytes.size() <= RedirectedFrame::header_size)
            return std::unexpected(FrameError::truncated);
        return RedirectedFrame{bytes.subspan(RedirectedFrame::header_size)};
    case FrameType::mark:
        return read_mark(bytes);
    case FrameType::request:
        return read_request(bytes);
    case FrameType::report:
        return read_report(bytes);
    }
    return std::unexpected(FrameError::type);
}

std::size_t write_packet_header(const PacketFrame& frame, std::span<std::uint8_t> out) noexcept {
    write_type(FrameType::packet, out);
    store_be(out, 4, frame.stream);
    store_be(out, 12, frame.sequence);
    store_be(out, 20, frame.epoch);
    return PacketFrame::header_size;
}

void mark_sent_again(std::span<std::uint8_t> frame) noexcept {
    if (frame.size() > PacketFrame::header_size)
        frame[1] |= 1U;
}

std::size_t write_redirected_header(std::span<std::uint8_t> out) noexcept {
    write_type(FrameType::redirected, out);
    return RedirectedFrame::header_size;
}

std::size_t write(const MarkFrame& frame, std::span<std::uint8_t> out) noexcept {
    write_type(FrameType::mark, out);
    store_be(out, 4, frame.stream);
    store_be(out, 12, frame.next);
    store_be(out, 20, frame.oldest);
    store_be(out, 28, frame.begin);
    store_be(out, 36, frame.incarnation);
    return MarkFrame::size;
}

std::size_t write(const RequestFrame& frame, std::span<std::uint8_t> out) noexcept {
    write_type(FrameType::request, out);
    out[1] = frame.range_count;
    store_be(out, 4, frame.stream);
    std::size_t at = RequestFrame::header_size;
    for (std::size_t i = 0; i < frame.range_count; ++i) {
        store_be(out, at, frame.ranges[i].first);
        store_be(out, at + 8, frame.ranges[i].count);
        at += RequestFrame::range_size;
    }
    return at;
}

std::size_t write(const ReportFrame& frame, std::span<std::uint8_t> out) noexcept {
    write_type(FrameType::report, out);
    store_be(out, 4, frame.stream);
    store_be(out, 12, frame.incarnation);
    store_be(out, 20, frame.handled);
    store_be(out, 28, frame.missing);
    return ReportFrame::size;
}

} // namespace tandem::path
