// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Making a thread punctual.

#include "control/ha/time.hh"

#include <optional>
#include <string>

namespace tandem::app {

/// SCHED_FIFO priorities: the guard watches the pulse, the pulse decides, the hand carries out.
inline constexpr int guard_priority = 52;
inline constexpr int pulse_priority = 50;
inline constexpr int hand_priority = 49;
/// The end of a dead peer's stream is told by the service: on a busy machine, an ordinary thread would tell
/// it later than the silence does. Below the packet engine.
inline constexpr int service_priority = 1;

/// Puts the calling thread under SCHED_FIFO with no timer slack; a sentence when the system refuses (the
/// thread then goes on as it was).
std::optional<std::string> become_realtime(int priority);

/// Puts the calling thread under SCHED_OTHER again.
void become_ordinary();

/// What the calling thread has had of processors since it began.
ha::Duration thread_time();

/// Brings all of the process's memory in and keeps it there, now and later; a sentence when the system
/// refuses. Later threads get small stacks, which are brought in whole.
///
/// Why whole: a page that comes only when it is first touched takes the lock of the process's memory map. An
/// ordinary thread that was preempted while it changed that map would keep the pulse waiting for as long as
/// other work has the processor; there is no priority inheritance for that lock.
std::optional<std::string> lock_memory();

/// What would make writing to `file` wait for a disk, in a sentence; nothing when it lies in memory.
std::optional<std::string> disk_beneath(const std::string& file);

} // namespace tandem::app
