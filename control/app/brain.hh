// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The brain: the child process of tandemd. Puts the parts together, starts the threads, waits for the end.

#include "control/config/config.hh"

#include <string>

namespace tandem::app {

/// Runs the brain until SIGTERM, SIGINT or a fatal error. `lifeline_fd` is what the guard left. Returns the
/// exit status: 0 after an orderly stop, 1 when it could not start (it has said why on standard error).
int run_brain(const config::Config& config, int lifeline_fd);

} // namespace tandem::app
