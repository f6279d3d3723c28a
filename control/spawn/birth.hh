// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Starting the launcher: descriptors, arguments, and one call that copies no memory.

#include "control/spawn/spawner.hh"
#include "control/watch/descriptor.hh"

namespace tandem::spawn {

/// A launcher that runs, as its parent holds it.
struct Born {
    watch::Descriptor process; ///< readable once it has ended
    watch::Descriptor output;  ///< does not block
    watch::Descriptor report;  ///< likewise: the launcher's line
    std::string trouble;       ///< why there is none; empty: there is one
};

/// Waits until the launcher's program has begun: not for a loop. The thread must outlive the child, which is
/// told to end when its parent thread ends.
Born give_birth(const Settings& settings, const Order& order);

} // namespace tandem::spawn
