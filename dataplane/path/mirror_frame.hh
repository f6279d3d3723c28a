// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What stands inside the seal of a mirror datagram, octet by octet. docs/wire.md is the same in prose.
//
// One octet says what it is; numbers are in network byte order. The group of a packet is not named: the two
// nodes may list their groups in another order, so the receiver finds it by the packet's own destination.
// Deliberately absent: the outer header and the seal (dataplane/wire, dataplane/seal), what the frames mean
// (mirror_sender, mirror_receiver).

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <variant>

namespace tandem::path {

enum class FrameType : std::uint8_t { packet = 1, redirected = 2, mark = 3, request = 4, report = 5 };

/// A numbered copy of a packet that the active received.
///   0 type   1 flags (bit 0: sent again)   2 zero (2)   4 stream (8)   12 sequence (8)   20 epoch (8)   28
///   packet
struct PacketFrame {
    static constexpr std::size_t header_size = 28;
    std::uint64_t stream{0};
    std::uint64_t sequence{0};
    std::uint64_t epoch{0}; ///< of the group on the sender, when it received the packet
    std::span<const std::uint8_t> packet;
};

/// A packet that arrived at the old active after a planned switchover.
///   0 type   1 zero (3)   4 packet
struct RedirectedFrame {
    static constexpr std::size_t header_size = 4;
    std::span<const std::uint8_t> packet;
};

/// How far the sender's stream has got.
///   0 type   1 zero (3)   4 stream (8)   12 next sequence (8)   20 oldest kept (8)   28 begin (8)
///   36 incarnation (8)
struct MarkFrame {
    static constexpr std::size_t size = 44;
    std::uint64_t stream{0};
    std::uint64_t next{1};   ///< the sequence number that the next packet will have
    std::uint64_t oldest{1}; ///< the lowest that can still be sent again; equals next when nothing is kept
    std::uint64_t begin{1};  ///< where the receiver named below starts
    std::uint64_t incarnation{0}; ///< the receiver for which `begin` holds; 0: for any, none has reported yet
};

/// A run of sequence numbers.
struct SequenceRange {
    std::uint64_t first{0};
    std::uint32_t count{0};
};

/// What the receiver misses.
///   0 type   1 number of ranges   2 zero (2)   4 stream (8)   12 ranges, each: first (8) count (4)
struct RequestFrame {
    static constexpr std::size_t header_size = 12;
    static constexpr std::size_t range_size = 12;
    static constexpr std::size_t ranges_max = 32;
    static constexpr std::size_t size_max = header_size + ranges_max * range_size;
    std::uint64_t stream{0};
    std::uint8_t range_count{0};
    std::array<SequenceRange, ranges_max> ranges{};
};

/// How far the receiver has got.
///   0 type   1 zero (3)   4 stream (8)   12 incarnation (8)   20 handled through (8)   28 missing now (4)
struct ReportFrame {
    static constexpr std::size_t size = 32;
    std::uint64_t stream{0};      ///< that it follows; 0: none yet
    std::uint64_t incarnation{0}; ///< random per life of the receiver, never 0
    std::uint64_t handled{0};     ///< every packet up to here was handled, or given up and counted
    std::uint32_t missing{0};
};

using Frame = std::variant<PacketFrame, RedirectedFrame, MarkFrame, RequestFrame, ReportFrame>;

enum class FrameError : std::uint8_t { truncated, type, malformed };

/// Reads one frame; spans inside it point into `bytes`.
std::expected<Frame, FrameError> read_frame(std::span<const std::uint8_t> bytes) noexcept;

/// Writers return the octets written; `out` must have room for the sizes above (asserted).
std::size_t write_packet_header(const PacketFrame& frame, std::span<std::uint8_t> out) noexcept;
/// Marks a packet frame that lies in the history as sent again.
void mark_sent_again(std::span<std::uint8_t> frame) noexcept;
std::size_t write_redirected_header(std::span<std::uint8_t> out) noexcept;
std::size_t write(const MarkFrame& frame, std::span<std::uint8_t> out) noexcept;
std::size_t write(const RequestFrame& frame, std::span<std::uint8_t> out) noexcept;
std::size_t write(const ReportFrame& frame, std::span<std::uint8_t> out) noexcept;

} // namespace tandem::path
