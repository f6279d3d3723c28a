// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How many calls are in progress, from what reaches this node.
//
// Problem: a failback "while at most N calls are up" needs a number, and in host mode only one direction
// passes the engine: what phones and trunks send to a VIP. Idea: that direction is enough. An INVITE begins a
// call, and so does the 2xx of a phone that the server has called; the ACK shows how it went: one with the
// INVITE's branch acknowledges a failure (RFC 3261 section 17.1.1.3), another one a success
// (section 13.2.2.4). BYE and CANCEL, the 2xx to a BYE of the server, and failures from the called side end
// it. What is never ended is forgotten: a call that rings after three minutes, one that is up after four
// hours without a word. A proxy's call has one Call-ID and counts once; a back-to-back user agent's has two
// and counts twice. Memory and work per message are bounded: a full table counts what it could not keep.
// Deliberately absent: dialogs, routes, media.

#include "dataplane/table/bring.hh"
#include "dataplane/table/large_pages.hh"
#include "dataplane/wire/sip.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tandem::state {

class Calls {
public:
    using Duration = std::chrono::nanoseconds;
    /// A point of CLOCK_MONOTONIC.
    using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

    static constexpr Duration ringing_max{std::chrono::minutes{3}};
    static constexpr Duration silent_max{std::chrono::hours{4}};
    static constexpr std::size_t groups_max = 8;

    /// `capacity` is a power of two, at least 64. `seed`: random, so that nobody can choose colliding
    /// Call-IDs.
    Calls(std::size_t capacity, std::uint64_t seed);

    /// What a message is looked up by: a hash of Call-ID and group, never 0.
    std::uint64_t ask(std::size_t group, const wire::SipMessage& sip) const noexcept {
        return hash(sip.call_id, group);
    }
    /// The same, of a hash of both that somebody has made with the same seed.
    static std::uint64_t asked(std::uint64_t call) noexcept { return call == 0 ? 1 : call; }
    /// Asks for what see() is going to touch.
    void fetch(std::uint64_t asked) const noexcept { table::fetch(&calls_[home(asked)]); }

    /// A SIP message (RFC 3261) that came from outside for a VIP of `group`, read by parse_sip() or
    /// extract_sip(). `now` never goes back.
    void see(Instant now, std::size_t group, const wire::SipMessage& sip) noexcept {
        see(now, group, sip, ask(group, sip));
    }
    /// The same with what ask() has said of it.
    void see(Instant now, std::size_t group, const wire::SipMessage& sip, std::uint64_t key) noexcept;

    /// Forgets what has been silent for too long; looks at a bounded part of the table, so call it often.
    void sweep(Instant now) noexcept;

    /// Forgets every call of a group: it is served elsewhere now.
    void clear(std::size_t group) noexcept;

    /// Calls in progress.
    std::size_t count(std::size_t group) const noexcept { return counts_[group]; }
    /// Calls that were not counted because there was no room, ever.
    std::uint64_t overflowed() const noexcept { return overflowed_; }

private:
    struct Call {
        std::uint64_t key{0}; ///< of the Call-ID and the group; 0: free
        std::uint64_t branch{0};
        Instant forget{};
        std::uint8_t group{0};
        bool confirmed{false};
    };
    std::uint64_t hash(std::string_view text, std::size_t group) const noexcept;
    Call* find(std::uint64_t key) noexcept;
    Call* find_or_add(std::uint64_t key, std::size_t group) noexcept;
    void remove(Call* call) noexcept;
    std::size_t home(std::uint64_t key) const noexcept { return key & (calls_.size() - 1); }

    table::LargeVector<Call> calls_;
    std::uint64_t seed_;
    std::uint64_t overflowed_{0};
    std::size_t swept_{0};
    std::size_t counts_[groups_max]{};
};

} // namespace tandem::state
