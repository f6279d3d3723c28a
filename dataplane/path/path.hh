// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The packet path of one worker: inspect, decide, copy, keep, count.
//
// Problem: the engines (kernel queue, capture file) must treat packets alike, and a packet must cost no
// system call, no allocation and no wait. Idea: packets and frames go in, one call each; what is to be done
// comes out of four outlets, which the engine drains in every turn: held packets whose verdict is found,
// packets for the shadow interface, frames for the HA link, and the counters and progress in the shared page.
// Roles and policy are read once a turn, by begin(). A turn: begin, next_released*, on_outside*, on_frame*
// (with next_delivery* after each), on_shadow*, next_transmit*, next_delivery*, finish. Deliberately absent:
// sockets, seals, clocks, log lines.

#include "dataplane/contract/page.hh"
#include "dataplane/path/decide.hh"
#include "dataplane/path/inspect.hh"
#include "dataplane/path/instant.hh"
#include "dataplane/path/mirror_receiver.hh"
#include "dataplane/path/mirror_sender.hh"
#include "dataplane/path/packet_store.hh"
#include "dataplane/path/text_matcher.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tandem::path {

struct PathLimits {
    SenderLimits sender;
    ReceiverLimits receiver;
    std::size_t held_packets{256};
    std::size_t held_octets{1U << 20U};
    Duration hold_max{std::chrono::milliseconds{100}};
    std::size_t deferred_packets{65'536};
    std::size_t deferred_octets{16U << 20U};
};

/// Random numbers of this life of the engine, neither 0.
struct PathSeeds {
    std::uint64_t stream{1};
    std::uint64_t incarnation{1};
};

/// A packet that had been held, with its verdict: forward, drop or redirect.
struct Released {
    Ingress ingress{Ingress::outside}; ///< outside or inside
    std::uint32_t token{0};
    Action action{Action::drop};
    std::span<const std::uint8_t> packet; ///< valid until the next on_outside() or on_frame()
};

/// A packet for the shadow interface.
struct Delivery {
    contract::Counter counter{};
    std::span<const std::uint8_t> packet; ///< valid until the next call that takes a packet or a frame
};

/// What a packet was found to be, and under which name its verdict was counted.
struct Judgement {
    Kind kind{Kind::unreadable};
    std::uint8_t group{0};
    contract::Counter reason{};
    Copy copy{Copy::none};
};

enum class Sent : std::uint8_t { yes, no_link, failed };
enum class Delivered : std::uint8_t { yes, failed };

class Path {
public:
    /// `page` outlives the path, which is the only writer of the fields that name the fast path as theirs. So
    /// does `matcher`; without one the expressions of a pattern count as fulfilled.
    Path(contract::Page& page, const PathSeeds& seeds, const PathLimits& limits = {},
         TextMatcher* matcher = nullptr);

    /// Begins a turn: reads the roles, and the policy when it changed.
    void begin(Instant now);

    /// A packet from outside, beginning with its IP header. `token` is the engine's name for it, given back
    /// if it is held. The answer is forward, drop, hold or redirect; after redirect call redirected().
    Action on_outside(std::span<const std::uint8_t> packet, std::uint32_t token);
    /// A packet from outside that was forwarded by a verdict of decide(): its copy for the mirror, counted
    /// elsewhere.
    void mirror(std::span<const std::uint8_t> packet, std::uint8_t group);
    /// Packets for a group's VIPs that came and were dealt with elsewhere.
    void arrived(std::uint8_t group, std::uint64_t packets);

    /// A packet from the server behind an appliance, with a VIP as its source, beginning with its IP header.
    /// The answer is forward, hold_back or hold.
    Action on_inside(std::span<const std::uint8_t> packet, std::uint32_t token);
    std::optional<Released> next_released();
    /// Counts a redirect that the engine tried; what could not be sent is passed on by the engine.
    void redirected(Sent sent);
    /// What on_outside() or on_inside() has just found and counted.
    const Judgement& judgement() const { return judgement_; }

    /// The content of an authentic mirror datagram. Drain next_delivery() before the bytes go away.
    void on_frame(std::span<const std::uint8_t> frame);
    std::optional<Delivery> next_delivery();
    void delivered(const Delivery& delivery, Delivered outcome);

    /// A packet that the shadow server sent.
    void on_shadow(std::span<const std::uint8_t> packet);

    /// The next frame for the HA link; valid until the next call of any member but transmitted().
    std::optional<Transmit> next_transmit();
    void transmitted(TransmitKind kind, Sent sent);

    /// Ends a turn: progress into the page, notices.
    void finish();
    /// The next turn must begin by then.
    Instant deadline() const;

    const contract::Policy& policy() const { return policy_; }
    /// Grows when begin() has read another policy.
    std::uint32_t policy_sequence() const { return policy_sequence_; }
    /// What this node is for a group, in this turn.
    Stance stance(std::uint8_t group) const { return groups_[group].stance; }
    std::size_t held() const { return held_count_; }

private:
    struct Held {
        Ingress ingress{};
        std::uint32_t token{0}; ///< of a packet from outside or inside
        Instant since{};
        std::uint8_t group{0};
        bool done{false};
    };
    struct Overflowed {
        Ingress ingress{};
        std::uint32_t token{0};
    };
    struct Settled {
        std::uint32_t token{0};
        bool late{false}; ///< the grant was not renewed in time
        std::span<const std::uint8_t> packet;
    };
    struct Deferred {
        std::uint8_t group{0};
        Kind kind{};
        bool done{false};
    };
    struct GroupState {
        contract::Role role;
        Stance stance{Stance::none};
        std::size_t deferred{0};
    };

    void count(contract::Counter c, std::uint64_t n = 1) { page_.counters.add(c, n); }
    void notice(contract::NoticeKind kind, std::uint64_t value);
    Stance stance(const Inspection& found) const;
    void copy_to_mirror(std::span<const std::uint8_t> packet, std::uint8_t group);
    bool hold(std::span<const std::uint8_t> packet, const Held& tag);
    std::optional<Settled> next_settled(Ingress ingress);
    std::optional<Released> next_released_inside();
    Decision decide_inside(std::span<const std::uint8_t> packet) const;
    Action settle(std::span<const std::uint8_t> packet, const Inspection& found, const Decision& decision);
    void on_packet(const PacketFrame& frame);
    void on_redirected(const RedirectedFrame& frame);
    std::optional<Delivery> next_redirected();
    std::optional<Delivery> next_deferred();
    std::optional<Delivery> next_mirrored();
    void defer(std::span<const std::uint8_t> packet, const Inspection& found);

    contract::Page& page_;
    PathLimits limits_;
    TextMatcher* matcher_;
    MirrorSender sender_;
    MirrorReceiver receiver_;
    contract::Policy policy_{};
    std::uint32_t policy_sequence_{0};
    Instant now_{};
    std::array<GroupState, contract::groups_max> groups_{};
    PacketStore<Held> held_;
    std::size_t held_count_{0};
    std::vector<Overflowed> overflowed_; ///< held packets that had to make room
    PacketStore<Deferred> deferred_;
    std::optional<Delivery> redirected_;
    Judgement judgement_;
};

} // namespace tandem::path
