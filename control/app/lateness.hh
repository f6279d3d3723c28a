// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How punctually the heartbeats leave.
//
// Problem: "nothing holds up a heartbeat" is a promise that somebody must be able to check on a machine at
// work. Idea: of each heartbeat that was due, the time from then until it had left on the last path; counts
// above a few bounds, and the worst of the last minute. Pure; no allocation; one thread. Deliberately absent:
// heartbeats that are sent before they are due, because something changed.

#include "control/ha/time.hh"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tandem::app {

class Lateness {
public:
    /// Microseconds.
    static constexpr std::array<std::uint32_t, 6> bounds_us{100, 250, 500, 1000, 2500, 5000};

    /// A heartbeat left `late` after it was due.
    void note(ha::Instant now, ha::Duration late) noexcept {
        const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(late.count() / 1000, 0));
        ++beats_;
        for (std::size_t i = 0; i < bounds_us.size(); ++i)
            later_[i] += us > bounds_us[i] ? 1U : 0U;
        max_us_ = std::max(max_us_, us);
        if (now >= half_ends_) {
            before_us_ = now < half_ends_ + half ? recent_us_ : 0;
            recent_us_ = 0;
            half_ends_ = now + half;
        }
        recent_us_ = std::max(recent_us_, us);
    }

    std::uint64_t beats() const noexcept { return beats_; }
    /// How many were later than `bounds_us[bound]`.
    std::uint64_t later(std::size_t bound) const noexcept { return later_[bound]; }
    std::uint64_t max_us() const noexcept { return max_us_; }
    /// The worst of the last 30 to 60 seconds.
    std::uint64_t recent_max_us() const noexcept { return std::max(recent_us_, before_us_); }

private:
    static constexpr ha::Duration half = std::chrono::seconds{30};
    std::uint64_t beats_{0};
    std::array<std::uint64_t, bounds_us.size()> later_{};
    std::uint64_t max_us_{0};
    std::uint64_t recent_us_{0};
    std::uint64_t before_us_{0};
    ha::Instant half_ends_{};
};

} // namespace tandem::app
