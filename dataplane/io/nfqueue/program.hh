// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Runs a helper program of the system to its end.
// Deliberately absent: shells, environment of the caller, long-lived children.

#include <string>
#include <vector>

namespace tandem::nfqueue {

struct ProgramResult {
    int status{-1};     ///< exit status; -1: could not be run, or was killed by a signal
    std::string output; ///< standard output
    std::string errors; ///< standard error, at most a few kilobytes
};

/// Finds `arguments[0]` in the system directories and runs it with `input` (at most 48 KiB) as standard
/// input. Waits for its end. Not for threads that must be punctual.
ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& input = {});

} // namespace tandem::nfqueue
