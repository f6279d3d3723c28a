// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Time on the packet path. Always an argument: nothing in this folder reads a clock.

#include <chrono>
#include <cstdint>

namespace tandem::path {

using Duration = std::chrono::nanoseconds;
/// A point of CLOCK_MONOTONIC.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// The form in which the shared page keeps it.
constexpr std::int64_t to_page(Instant at) {
    return at.time_since_epoch().count();
}

} // namespace tandem::path
