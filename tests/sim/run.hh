// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One seed from its beginning to its end, or to the first broken promise.

#include "tests/sim/checkers.hh"
#include "tests/sim/mutation.hh"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace tandem::sim {

/// A fault that is kept when a schedule is cut down, by its place in the whole one.
struct Kept {
    std::size_t index{0};
    Duration length{-1}; ///< negative: as drawn
};

struct Options {
    std::uint64_t first{1};
    std::uint64_t seeds{1};
    double minutes{10};
    Mutation mutation{Mutation::none};
    std::optional<std::vector<Kept>> faults; ///< nothing: all of them
    Duration interval{};                     ///< zero: drawn
    std::string_view checker;                ///< the only one that looks; empty: all of them
    unsigned jobs{1};
};

struct Violation {
    std::string_view checker;
    Promise promise{};
    std::string sentence;
    Duration at{}; ///< from the world's beginning
};

struct Outcome {
    std::optional<Violation> violation;
    std::uint64_t hash{0};
    std::uint64_t events{0};
    std::uint64_t takeovers{0};
    std::uint64_t answered{0}; ///< requests
    std::deque<std::string> notes;
};

Outcome run(std::uint64_t seed, const Options& options, Telling telling);

/// The schedule that `run` uses.
Schedule schedule_of(std::uint64_t seed, const Options& options);

/// The command that replays it.
std::string command(std::uint64_t seed, const Options& options);

/// What is happening now, for the report of a crash; nullptr between two runs.
const World* world_now();
std::uint64_t seed_now();

} // namespace tandem::sim
