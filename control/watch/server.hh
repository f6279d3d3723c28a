// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Does the SIP server answer?
//
// Problem: one lost or late answer says little, a refusal by the kernel says all. Idea: rounds. A round
// begins with a question, ends with an answer, a refusal (nobody has the port) or its time; two rounds in a
// row without an answer are a failure, one refusal is, and one answer ends it. Deliberately absent: the
// hysteresis of recovery, which is the health board's; sockets.

#include "control/watch/state.hh"

namespace tandem::watch {

class ServerJudge {
public:
    static constexpr unsigned misses_max = 2;

    enum class Step : std::uint8_t { wait, ask };
    enum class Why : std::uint8_t { unknown, answers, silent, refused };

    ServerJudge(ha::Instant first, ha::Duration interval, ha::Duration timeout)
        : interval_(interval)
        , timeout_(timeout)
        , next_(first) {}

    /// Call at `deadline`, after every answer that waits has been read: a thread that comes late must not
    /// take its own delay for the server's.
    Step turn(ha::Instant now);
    /// The question of this round was answered.
    void answered();
    /// Nobody listens.
    void refused();
    ha::Instant deadline() const;
    State state() const;
    Why why() const { return why_; }

private:
    ha::Duration interval_;
    ha::Duration timeout_;
    ha::Instant next_;
    ha::Instant asked_{};
    bool waiting_{false};
    unsigned misses_{0};
    Why why_{Why::unknown};
};

} // namespace tandem::watch
