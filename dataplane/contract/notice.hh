// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the fast path tells the brain without being asked.

#include <cstdint>

namespace tandem::contract {

enum class NoticeKind : std::uint8_t {
    engine_started,  ///< value: packets the kernel passed on while the engine was away
    mirror_gap,      ///< value: packets that could not be repaired
    stragglers_quiet ///< group: nothing has arrived from outside for a while since it began to yield
};

struct Notice {
    std::int64_t at_ns{0}; ///< CLOCK_MONOTONIC
    std::uint64_t value{0};
    NoticeKind kind{};
    std::uint8_t group{0};
    std::uint8_t unused[6]{};
};

} // namespace tandem::contract
