// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A tracker whose tables lie in files of the run directory, for tandemctl.
//
// A table that finds no room there lives in memory of its own: tracking goes on, and nobody can read it.

#include "dataplane/contract/table_file.hh"
#include "dataplane/state/tracker.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tandem::state {

// What the counts of a TableHeader mean.
enum class RegistrationCount : std::uint8_t { added, refreshed, removed, expired, evicted, outdated, unread };
enum class DialogCount : std::uint8_t { begun, confirmed, failed, ended, expired, evicted };

/// The shapes of the files, for writer and readers.
contract::TableShape shape_of(const Registrations::Limits& limits);
contract::TableShape shape_of(const Dialogs::Limits& limits);

class SharedTracker {
public:
    SharedTracker(const std::string& run_dir, const contract::RecordSetup& setup, std::uint64_t seed);

    Tracker& operator*() { return *tracker_; }
    Tracker* operator->() { return tracker_.get(); }

    /// Sweeps, and shows the counts to readers. Once a turn.
    void turn(Instant now);

    /// Why a table is not in a file, in sentences.
    const std::vector<std::string>& complaints() const { return complaints_; }

private:
    contract::TableWriter make(const std::string& run_dir, const contract::TableShape& shape,
                               const contract::RecordSetup& setup);

    std::vector<std::string> complaints_;
    contract::TableWriter registrations_;
    contract::TableWriter dialogs_;
    std::unique_ptr<Tracker> tracker_;
};

} // namespace tandem::state
