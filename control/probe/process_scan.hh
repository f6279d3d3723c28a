// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One look at all processes of this network namespace, in slices.
//
// Deliberately absent: when to look, and holding on to what was found.

#include "control/watch/process.hh"

#include <dirent.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tandem::probe {

class ProcessScan {
public:
    /// `programs`: absolute paths.
    explicit ProcessScan(const std::set<std::string>& programs);

    /// Looks for about so long. True: it is over.
    bool step(std::chrono::microseconds budget);
    /// The main process of a program; nothing: it does not run.
    std::optional<std::int32_t> found(const std::string& program) const;

private:
    using Network = std::pair<dev_t, ino_t>;
    static std::optional<Network> network_of(const std::string& process);
    void look_at(std::string_view name);

    std::unique_ptr<DIR, int (*)(DIR*)> folder_;
    std::optional<Network> own_;
    std::map<std::string, std::vector<watch::Candidate>> candidates_;
};

/// The beginning of a file, without waiting for it; empty when it cannot be read.
std::string beginning_of(const std::string& path, std::size_t size_max);

} // namespace tandem::probe
