// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Many seeds, on all cores.
//
// Problem: a world may end the process (an invariant of the engine aborts), and that must not end the others.
// Idea: worker processes that take the next seed from a shared counter and send what they found through a
// pipe; a worker that dies is counted as a crash of the seed at which it was, and replaced. What a seed
// printed is not sent: it replays. Deliberately absent: threads, shared results.

#include "tests/sim/run.hh"

#include <cstdint>
#include <string>
#include <vector>

namespace tandem::sim {

enum class Found : std::uint8_t { nothing, safety, liveness, crash };

struct Finding {
    std::uint64_t seed{0};
    Found found{Found::nothing};
    std::array<char, 32> checker{};
};

struct Tally {
    std::uint64_t seeds{0};
    std::uint64_t events{0};
    std::uint64_t takeovers{0};
    std::uint64_t answered{0};
    std::uint64_t hash{0}; ///< over all seeds, in any order
    std::vector<Finding> findings;
};

/// Runs all seeds that the options name. Tells of its progress on a terminal.
Tally run_all(const Options& options);

} // namespace tandem::sim
