// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// When a target counts as gone, and when as back.
//
// Problem: somebody is woken by this. One lost packet is no outage; an outage must be found within a time
// that can be said beforehand; a target that says itself that it is of no use need not be waited for; and a
// node that was itself asleep must not take its own pause for the target's silence. Idea: a question every
// `interval`. Only a good answer speaks for the target, and it does for all that was asked before it. The
// target is down as soon as one of these holds:
//  - silence: nothing good was heard for `timeout`, and at least retry + 1 questions, asked after the newest
//    one that was answered well, have had an interval's time;
//  - bad answers: retry + 1 questions asked after the newest one that was answered well were answered badly.
// Between bad answers there may be silence: neither speaks for the target. After a pause of our own the
// questions of the first rule have not been asked, so it takes a few intervals anew. A target that was down
// must answer `recover` questions in a row, and well, before it is up. Time is an argument. Deliberately
// absent: sockets, what a question is, what a good answer is, what follows.

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
    up,         ///< answers well
    failing,    ///< the last question got no answer, or a bad one
    down,       ///< silent for too long, or bad too often
    recovering, ///< was down; answers well again, not yet often enough
};
/// All of them, in their order.
inline constexpr std::array check_states{CheckState::stopped, CheckState::unknown, CheckState::up,
                                         CheckState::failing, CheckState::down,    CheckState::recovering};
std::string_view to_string(CheckState state);

struct CheckPolicy {
    Duration interval{std::chrono::milliseconds{500}};
    Duration timeout{std::chrono::milliseconds{3000}};
    unsigned retry{2};   ///< so many more questions after the first that failed, 0 to 50
    unsigned recover{3}; ///< answers in a row until a target that was down is up, 1 to 100
    /// Silence is judged so much before the time that is told: a thread that is woken late by less is not
    /// later than that. Shorter than `interval`.
    Duration lead{0};

    /// The longest time from the last good answer that the target gave to `down`: the one that a status
    /// shows. Bad answers can only make it shorter.
    constexpr Duration worst_case() const {
        // The question behind the last answered one follows after an interval; each has an interval's time.
        const Duration asked = interval * (retry + 2);
        return timeout > asked ? timeout : asked;
    }
};

/// What became of a target: only the changes that somebody is told of. That it is up in the beginning is
/// none.
enum class CheckVerdict : std::uint8_t { up, down };

/// What a target answered: bad is an answer that means failure (refused, a wrong code, an expired
/// certificate).
enum class Found : std::uint8_t { bad, good };

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
    /// The answer to a question. False in `counted`: it came later than `timeout`, or twice, and is none.
    struct Heard {
        bool counted{false};
        std::optional<CheckVerdict> verdict; ///< the state has changed
    };
    Heard answered(Instant now, std::uint64_t number, Found found);

    CheckState state() const { return state_; }
    Instant since() const { return since_; }
    const CheckPolicy& policy() const { return policy_; }
    /// The last good answer; before the first one, when the first question was due.
    Instant heard() const { return heard_; }
    std::uint64_t asked() const { return asked_; }
    /// Good ones.
    std::uint64_t answers() const { return answers_; }
    /// Bad ones.
    std::uint64_t refusals() const { return refusals_; }
    /// Questions that were answered badly after the newest one that was answered well.
    unsigned bad_in_a_row() const;
    /// How often it went down.
    std::uint64_t failures() const { return failures_; }
    /// Of good answers.
    const Latency& latency() const { return latency_; }

private:
    static constexpr std::uint64_t kept = 64; ///< questions whose time is known

    void enter(Instant now, CheckState state);
    /// Questions behind the newest answered one that have had their time.
    std::uint64_t unanswered(Instant now) const;
    /// When silence is long enough.
    Instant down_at() const;
    void go_down(Instant now);
    std::optional<CheckVerdict> heard_good(Instant now);
    std::optional<CheckVerdict> heard_bad(Instant now);
    static constexpr std::uint64_t bit(std::uint64_t number) { return std::uint64_t{1} << number % kept; }

    CheckPolicy policy_;
    CheckState state_{CheckState::stopped};
    Instant since_{};
    Instant next_{ha::end_of_time}; ///< question
    Instant heard_{};               ///< a good answer; before the first one, the first question
    std::array<Instant, kept> asked_at_{};
    std::uint64_t number_{0};   ///< of the newest question
    std::uint64_t answered_{0}; ///< number of the newest one that was answered well
    std::uint64_t bad_{0};      ///< which of the kept ones were answered badly, by number % kept
    unsigned row_{0};           ///< good answers in a row, while recovering
    std::uint64_t asked_{0};
    std::uint64_t answers_{0};
    std::uint64_t refusals_{0};
    std::uint64_t failures_{0};
    Latency latency_;
};

} // namespace tandem::probe
