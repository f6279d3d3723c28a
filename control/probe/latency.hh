// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How long the answers to a check took.
//
// Problem: one slow answer is noise, a slow median is news, and thousands of checks must not keep thousands
// of histories. Idea: the last 128 times, sorted only when somebody asks. Pure. Deliberately absent: means,
// which one outlier spoils.

#include "control/ha/time.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tandem::probe {

/// Microseconds; of the last Latency::kept answers.
struct LatencySummary {
    std::uint64_t last_us{0};
    std::uint64_t min_us{0};
    std::uint64_t median_us{0};
    std::uint64_t p99_us{0}; ///< 99 of 100 were not slower
};

class Latency {
public:
    static constexpr std::size_t kept = 128;

    void add(ha::Duration took);
    /// Nothing before the first answer.
    std::optional<LatencySummary> summary() const;

private:
    std::array<std::uint32_t, kept> times_us_{};
    std::uint64_t count_{0};
};

} // namespace tandem::probe
