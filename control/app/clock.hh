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

} // namespace tandem::app
