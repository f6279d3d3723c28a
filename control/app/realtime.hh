// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Making a thread punctual.

#include <optional>
#include <string>

namespace tandem::app {

/// SCHED_FIFO priorities: the guard watches the pulse, the pulse decides, the hand carries out.
inline constexpr int guard_priority = 52;
inline constexpr int pulse_priority = 50;
inline constexpr int hand_priority = 49;

/// Puts the calling thread under SCHED_FIFO with no timer slack; a sentence when the system refuses (the
/// thread then goes on as it was).
std::optional<std::string> become_realtime(int priority);

/// Keeps the process's memory from being paged out, now and later; a sentence when the system refuses.
std::optional<std::string> lock_memory();

} // namespace tandem::app
