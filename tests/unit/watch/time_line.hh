// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Moments of a test, counted from one that is as good as any other.

#include "control/ha/time.hh"

namespace tandem::testing {

constexpr ha::Instant at(std::int64_t milliseconds) {
    return ha::Instant{std::chrono::hours{1} + std::chrono::milliseconds{milliseconds}};
}
constexpr ha::Duration ms(std::int64_t milliseconds) {
    return std::chrono::milliseconds{milliseconds};
}

} // namespace tandem::testing
