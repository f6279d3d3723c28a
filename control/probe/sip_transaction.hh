// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The client transactions of RFC 3261 section 17.1, as far as a check needs them: when a request is sent
// again, and when there is no hope left.
//
// Pure: time is an argument, and what is sent is somebody else's. Non-INVITE is figure 6 with its timers E, F
// and K; INVITE is figure 5 with A, B and D. Deliberately absent: ACK, which is the caller's to make.

#include "control/ha/time.hh"

#include <cstdint>

namespace tandem::probe {

/// Whether the transport repeats what is lost.
enum class SipReliability : std::uint8_t { datagram, stream };
enum class SipTransactionKind : std::uint8_t { non_invite, invite };

struct SipTimers {
    ha::Duration t1{std::chrono::milliseconds{500}}; ///< round trip
    ha::Duration t2{std::chrono::seconds{4}};        ///< longest time between two of the same
    ha::Duration t4{std::chrono::seconds{5}};        ///< how long a message stays in the network
    ha::Duration end{std::chrono::seconds{32}};      ///< timers B and F: 64 * T1
};

class SipTransaction {
public:
    enum class State : std::uint8_t { trying, proceeding, completed, terminated };

    /// The request leaves now.
    SipTransaction(ha::Instant now, SipTransactionKind kind, SipReliability reliability,
                   const SipTimers& timers = {});

    State state() const { return state_; }
    /// When turn() wants to be called; end_of_time: never.
    ha::Instant due() const;
    enum class Turn : std::uint8_t {
        nothing,
        send,   ///< once more
        silent, ///< timer B or F: no final response came
        over,   ///< timer D or K: nothing is awaited any more
    };
    /// Call until `nothing`.
    Turn turn(ha::Instant now);

    enum class Heard : std::uint8_t {
        provisional,
        final,    ///< the first final response
        repeated, ///< one more of them
        nothing,  ///< after the end
    };
    Heard on_response(ha::Instant now, std::uint16_t status);
    /// The transport failed.
    void on_failure() { state_ = State::terminated; }

private:
    SipTimers timers_;
    SipTransactionKind kind_;
    SipReliability reliability_;
    State state_{State::trying};
    ha::Duration step_;                 ///< of timer A or E
    ha::Instant again_;                 ///< timer A or E
    ha::Instant end_;                   ///< timer B or F
    ha::Instant over_{ha::end_of_time}; ///< timer D or K
};

} // namespace tandem::probe
