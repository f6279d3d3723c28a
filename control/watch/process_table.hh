// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Finds the SIP server's process and holds on to it.
//
// A pidfd stands for the process itself, not for its number, and becomes readable the moment it ends.
// Deliberately absent: when to look; starting or ending anything.

#include "control/watch/descriptor.hh"

#include <cstdint>
#include <optional>
#include <string>

namespace tandem::watch {

/// A process that was alive when this was made.
struct LiveProcess {
    std::int32_t pid{0};
    Descriptor descriptor; ///< readable once it has ended
};

/// `match`: the absolute path of a pid file, or of the program. Nothing: no such process lives.
std::optional<LiveProcess> find_process(const std::string& match);

} // namespace tandem::watch
