// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The seam that every method of asking is behind.
//
// Problem: an echo, a connection and a script have nothing in common but that something is asked and that,
// perhaps, something comes back. Idea: one object asks for all checks of a method, and tells what it found
// for each question. It judges one answer: good, or bad; not how many of them make a target go down, and not
// silence, which is what nobody told of. Everything happens on the loop's thread, and nothing may wait.
// Deliberately absent: rhythm, state, verdicts (check.hh).

#include "control/config/check_settings.hh"
#include "control/probe/check.hh"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace tandem::probe {

/// A check as long as its settings stay what they are: never given to another one, so that what comes late
/// finds nobody.
using CheckId = std::uint64_t;

/// What one question has brought.
struct Finding {
    CheckId check{0};
    std::uint64_t number{0}; ///< of the question
    Found found{Found::good};
    /// What people should know of it, or empty: part of a sentence whose subject is the target, without a
    /// full stop ("refuses the connection", "its certificate expires in 3 days"). Of a bad one never empty.
    /// What comes from a network has been made printable and short.
    std::string detail;
    Instant at{}; ///< when it came
};

/// Whether all that waited in sockets has been read.
enum class Drained : std::uint8_t { no, yes };

/// So many messages are read from one socket before others on the loop have their turn.
constexpr int received_max = 256;

class Prober {
public:
    /// It may call forget() for the same check before it returns.
    using Told = std::function<void(Finding finding)>;

    Prober() = default;
    virtual ~Prober() = default;
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    /// Asks once. Of questions to one check several may be under way; each is told of at most once, even
    /// before this returns. After `settings.timeout` nobody wants to know any more, and what it holds must
    /// be free not much later. A sentence when it could not leave: then it counts as one without an answer.
    virtual std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                           std::uint64_t number) = 0;
    /// The check was stopped, changed or removed: nothing of it is told any more, what it holds is free.
    virtual void forget(CheckId check) = 0;
    /// Tells of what has arrived and waits in a socket: called before time is judged. Of much it reads a
    /// part, no more than takes about a millisecond.
    virtual Drained receive() { return Drained::yes; }
};

/// CLOCK_MONOTONIC.
Instant moment();

} // namespace tandem::probe
