// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The sending end of the mirror stream.
//
// Problem: the copies must reach the standby although datagrams get lost and either engine may restart, and
// mirroring must never slow SIP.
// Idea: every copy gets the next number of this life's stream and stays in a bounded history. It is sent once
// at once; again when the receiver asks. Marks say how far the stream has got, so that a lost tail is seen. A
// receiver of a new incarnation is told to begin after what the earlier one had confirmed. When the history
// is full, the oldest goes; what was not confirmed by then is counted. Deliberately absent: waiting for
// confirmation, congestion control, sockets, seals, clocks.

#include "dataplane/path/instant.hh"
#include "dataplane/path/mirror_frame.hh"
#include "dataplane/path/packet_store.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace tandem::path {

struct SenderLimits {
    std::size_t packets{65'536};
    std::size_t octets{32U << 20U};
    /// A frame must fit one UDP datagram beside the outer header and the tag: 65,507 - 16 - 16.
    std::size_t frame_max{65'475};
    /// Answered per request; the receiver asks again for the rest.
    std::size_t resend_max{1'024};
    Duration mark_interval{std::chrono::milliseconds{20}};
    Duration tail_mark_delay{std::chrono::milliseconds{5}};
};

enum class Appended : std::uint8_t { yes, too_large };

enum class TransmitKind : std::uint8_t { fresh, again, control };

/// A frame to be sealed and sent. The bytes are valid until the next call of a non-const member.
struct Transmit {
    TransmitKind kind{TransmitKind::control};
    std::span<const std::uint8_t> frame;
};

class MirrorSender {
public:
    /// `stream` is random per life of the engine, never 0.
    explicit MirrorSender(std::uint64_t stream, const SenderLimits& limits = {});

    /// Numbers a packet and keeps a copy, which next() gives out once.
    Appended append(std::span<const std::uint8_t> packet, std::uint64_t epoch, Instant now);

    void on_request(const RequestFrame& request);
    void on_report(const ReportFrame& report);

    /// The next frame to send: first what is new, then what was asked for, then a mark when one is due.
    std::optional<Transmit> next(Instant now);
    /// Call next() again by then.
    Instant deadline() const;

    std::uint64_t sent() const { return next_sequence_ - 1; }
    std::uint64_t confirmed() const { return confirmed_; }
    /// Packets that left the history unconfirmed since the last call.
    std::uint64_t take_evicted();

private:
    struct Nothing {};

    std::uint64_t oldest() const { return next_sequence_ - history_.size(); }
    std::span<std::uint8_t> frame_of(std::uint64_t sequence);
    std::optional<std::uint64_t> next_resend();
    Transmit mark(Instant now);

    SenderLimits limits_;
    std::uint64_t stream_;
    PacketStore<Nothing> history_;
    std::uint64_t next_sequence_{1};
    std::uint64_t unsent_{1}; ///< first that next() has not given out
    std::uint64_t confirmed_{0};
    std::uint64_t evicted_{0};
    std::uint64_t incarnation_{0}; ///< of the receiver, 0: none has reported
    std::uint64_t begin_{1};       ///< where that receiver starts
    std::array<SequenceRange, RequestFrame::ranges_max> resends_{};
    std::size_t resend_count_{0};
    std::size_t resend_at_{0};
    std::size_t resend_left_{0};
    Instant mark_due_{};
    std::array<std::uint8_t, MarkFrame::size> control_{};
};

} // namespace tandem::path
