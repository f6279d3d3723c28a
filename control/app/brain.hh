// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The brain: the child process of tandemd. Puts the parts together, starts the threads, waits for the end.

#include "control/config/config.hh"

#include <expected>
#include <functional>
#include <string>
#include <vector>

namespace tandem::app {

/// A configuration that was checked against this machine, and the text that says it.
struct Loaded {
    config::Config config;
    std::string text;
};
/// Where a running brain finds a changed configuration. Both take their time: any thread but the pulse's.
struct ConfigSource {
    /// Reads and checks the file; sentences when it is not to be used.
    std::function<std::expected<Loaded, std::vector<std::string>>()> load;
    /// From now on this is in force: a brain that begins anew takes it, not the file. A sentence on failure.
    std::function<std::expected<void, std::string>(const std::string& text)> keep;
};

/// Runs the brain until SIGTERM, SIGINT or a fatal error. `lifeline_fd` is what the guard left. Returns the
/// exit status: 0 after an orderly stop, 1 when it could not start (it has said why on standard error).
int run_brain(const config::Config& config, int lifeline_fd, ConfigSource source);

} // namespace tandem::app
