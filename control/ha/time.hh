// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Time as the brain sees it: an argument. There is no now() here.

#include <chrono>

namespace tandem::ha {

/// The machine's monotonic clock; never the wall clock, which may jump.
struct Monotonic {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Monotonic, duration>;
    static constexpr bool is_steady = true;
};

using Duration = Monotonic::duration;
using Instant = Monotonic::time_point;

/// Later than any instant that is ever reached.
inline constexpr Instant end_of_time = Instant::max();

} // namespace tandem::ha
