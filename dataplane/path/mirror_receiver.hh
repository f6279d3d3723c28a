// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The receiving end of the mirror stream.
//
// Problem: the shadow server must see the requests in the order in which the active saw them, each once, and
// a lost datagram must cost as little delay as possible. Idea: packets ahead of a gap wait in a bounded
// store; the gap is asked for at once and again every 10 ms. When it makes no progress for 100 ms, or the
// sender no longer keeps what is missing, it is given up and counted, and the stream goes on behind it. A
// receiver that knows nothing of a stream says so and waits for a mark that names the place where it begins;
// the sender's history still has what came before the mark. Deliberately absent: what a packet means, seals,
// sockets, clocks.

#include "dataplane/path/instant.hh"
#include "dataplane/path/mirror_frame.hh"
#include "dataplane/path/packet_store.hh"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace tandem::path {

struct ReceiverLimits {
    /// A power of two. Packets further ahead of the gap than this are left to be asked for again.
    std::size_t packets{8'192};
    std::size_t octets{8U << 20U};
    std::size_t request_packets_max{1'024};
    Duration request_interval{std::chrono::milliseconds{10}};
    /// A request for a newly seen gap is not held up longer than this.
    Duration request_pause{std::chrono::milliseconds{1}};
    Duration give_up{std::chrono::milliseconds{100}};
    Duration report_interval{std::chrono::milliseconds{20}};
    Duration report_interval_idle{std::chrono::milliseconds{100}};
    Duration report_pause{std::chrono::milliseconds{2}};
};

enum class Received : std::uint8_t {
    kept,
    repaired, ///< kept; it had been asked for
    duplicate,
    too_far,    ///< beyond the bounds; it will be asked for
    not_synced, ///< of a stream whose beginning is not known yet
};

/// A packet whose turn has come.
struct Ready {
    std::uint64_t epoch{0};
    std::span<const std::uint8_t> packet; ///< valid until the next on_packet()
};

class MirrorReceiver {
public:
    /// `incarnation` is random per life of the engine, never 0.
    explicit MirrorReceiver(std::uint64_t incarnation, const ReceiverLimits& limits = {});

    Received on_packet(const PacketFrame& frame, Instant now);
    void on_mark(const MarkFrame& frame, Instant now);

    /// The next packet in order. Drain after every on_packet(), on_mark() and next_control().
    std::optional<Ready> next();

    /// The next request or report that is due; also gives gaps up, so drain next() after it. The bytes are
    /// valid until the next call.
    std::optional<std::span<const std::uint8_t>> next_control(Instant now);
    /// Call next_control() again by then.
    Instant deadline() const;

    /// Highest of the stream handled without gap (given-up packets count as handled).
    std::uint64_t handled() const { return expected_ - 1; }
    /// Highest that the sender is known to have sent.
    std::uint64_t announced() const { return announced_; }
    std::uint64_t stream() const { return stream_; }
    /// Packets given up since the last call.
    std::uint64_t take_lost();

private:
    struct Kept {
        std::uint64_t sequence{0};
        std::uint64_t epoch{0};
        bool done{false};
    };
    static constexpr std::uint64_t absent = ~std::uint64_t{0};

    bool knows(std::uint64_t stream);
    void adopt(const MarkFrame& frame);
    void forget_kept();
    bool is_kept(std::uint64_t sequence) const;
    bool is_missing() const { return stream_ != 0 && expected_ <= announced_ && !is_kept(expected_); }
    void skip_to(std::uint64_t sequence);
    void watch_gap(Instant now);
    void give_up(Instant now);
    bool request_due(Instant now) const;
    std::size_t write_request(Instant now);
    std::size_t write_report(Instant now);
    std::uint32_t missing_count() const;

    ReceiverLimits limits_;
    std::uint64_t incarnation_;
    PacketStore<Kept> store_;
    std::unique_ptr<std::uint64_t[]> slots_; ///< sequence modulo packets -> number in the store, or absent
    std::uint64_t stream_{0};
    std::uint64_t stream_before_{0}; ///< late frames of it are not a new stream
    std::uint64_t expected_{1};
    std::uint64_t announced_{0};
    std::uint64_t oldest_{1}; ///< that the sender still keeps
    std::uint64_t kept_count_{0};
    std::uint64_t requested_through_{0};
    bool gap_is_new_{false};  ///< no request has covered the last gap that was seen
    std::uint64_t gap_at_{0}; ///< the gap being watched begins here; 0: none
    std::uint64_t lost_{0};
    Instant gap_since_{};
    Instant requested_at_{};
    Instant reported_at_{};
    std::uint64_t reported_handled_{absent};
    bool report_wanted_{true}; ///< the sender must learn of us
    std::array<std::uint8_t, RequestFrame::size_max> control_{};
};

} // namespace tandem::path
