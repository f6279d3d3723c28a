// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The one place where the control plane reads the clock.

#include "control/ha/time.hh"

#include <ctime>

namespace tandem::app {

/// CLOCK_MONOTONIC, the clock of the shared page and of every deadline.
inline ha::Instant now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return ha::Instant{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

/// As the shared page writes it.
inline std::int64_t to_ns(ha::Instant instant) {
    return instant.time_since_epoch().count();
}

/// The wall clock, which may jump: for people, and for comparing two machines. Microseconds since 1970.
inline std::int64_t wall_us() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1000;
}

} // namespace tandem::app
