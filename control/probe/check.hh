// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// When a target counts as gone, and when as back.
//
// Problem: somebody is woken by this. One lost packet is no outage; an outage must be found within a time
// that can be said beforehand; and a node that was itself asleep must not take its own pause for the target's
// silence. Idea: a question every `interval`. The target is down when nothing was heard for `timeout` and at
// least retry + 1 questions in a row, each of which had an interval's time, got no answer. After a pause of
// our own those questions have not been asked, so it takes a few intervals anew. A target that was down must
// answer `recover` questions in a row before it is up. Time is an argument. Deliberately absent: sockets,
// what a question is, what follows.

#include "control/ha/time.hh"
#include "control/probe/latency.hh"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::probe {

using ha::Duration;
using ha::Instant;

enum class CheckState : std::uint8_t {
    stopped,    ///< not running: auto_start = false, or an operator stopped it
    unknown,    ///< nothing is known yet
    up,         ///< answers
    failing,    ///< was up; the last question got no answer
    down,       ///< silent for too long
    recovering, ///< was down; answers again, not yet often enough
};
std::string_view to_string(CheckState state);

struct CheckPolicy {
    Duration interval{std::chrono::milliseconds{500}};
    Duration timeout{std::chrono::milliseconds{3000}};
    unsigned retry{2};   ///< so many more questions after the first unanswered one, 0 to 100
    unsigned recover{3}; ///< answers in a row until a target that was down is up, 1 to 100

    /// The longest time from the last answer that the target gave to `down`: the one that a status shows.
    constexpr Duration worst_case() const {
        // The question behind the last answered one follows after an interval; each has an interval's time.
        const Duration asked = interval * (retry + 2);
        return timeout > asked ? timeout : asked;
    }
};

/// What became of a target: only the changes that somebody is told of. That it is up in the beginning is
/// none.
enum class CheckVerdict : std::uint8_t { up, down };

class Check {
public:
    /// Stopped until start().
    explicit Check(const CheckPolicy& policy)
        : policy_(policy) {}

    /// The first question is due at `first`. From `stopped` only.
    void start(Instant now, Instant first);
    void stop(Instant now);

    /// When turn() wants to be called; end_of_time while stopped.
    Instant due() const;
    /// Looks at the time; answers that had arrived by then have been told before. What is to be done:
    struct Turn {
        std::optional<std::uint64_t> ask;    ///< a question with this number
        std::optional<CheckVerdict> verdict; ///< the state has changed
    };
    Turn turn(Instant now);
    /// The answer to a question; one that came later than `timeout`, or twice, is none.
    std::optional<CheckVerdict> answered(Instant now, std::uint64_t number);

    CheckState state() const { return state_; }
    Instant since() const { return since_; }
    const CheckPolicy& policy() const { return policy_; }
    std::uint64_t asked() const { return asked_; }
    std::uint64_t answers() const { return answers_; }
    /// How often it went down.
    std::uint64_t failures() const { return failures_; }
    const Latency& latency() const { return latency_; }

private:
    static constexpr std::uint64_t kept = 64; ///< questions whose time is known

    void enter(Instant now, CheckState state);
    /// Questions behind the newest answered one that have had their time.
    std::uint64_t unanswered(Instant now) const;
    Instant down_at() const;

    CheckPolicy policy_;
    CheckState state_{CheckState::stopped};
    Instant since_{};
    Instant next_{ha::end_of_time}; ///< question
    Instant heard_{};               ///< an answer; before the first one, the first question
    std::array<Instant, kept> asked_at_{};
    std::uint64_t number_{0};   ///< of the newest question
    std::uint64_t answered_{0}; ///< number of the newest answered one
    unsigned row_{0};           ///< answers in a row, while recovering
    std::uint64_t asked_{0};
    std::uint64_t answers_{0};
    std::uint64_t failures_{0};
    Latency latency_;
};

} // namespace tandem::probe
