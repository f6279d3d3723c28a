// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The guard: the parent process that cleans up behind a brain that died or hangs.
//
// Problem: a brain that is killed leaves its virtual addresses in the kernel, and the network then has two
// holders. Idea: a parent so small that it has little to die of. It starts the brain, sees its death through
// a pidfd and its stall through the pulse counter in the lifeline, and then at once takes the grants back and
// sends the netlink bytes that the brain prepared. Then it starts a new brain, which begins as standby.
// Deliberately absent: configuration, network input, roles.

#include <sys/types.h>

#include <expected>
#include <string>
#include <vector>

namespace tandem::app {

struct GuardSettings {
    std::string run_dir;
    /// The command line of the brain; the descriptor number of the lifeline is added.
    std::vector<std::string> brain;
};

/// Runs until SIGTERM or SIGINT (which the brain is asked to follow first; SIGHUP is passed on to it) or
/// until the brain ends of its own accord with status 0 or 1. Returns the exit status of the process.
int run_guard(const GuardSettings& settings);

} // namespace tandem::app
