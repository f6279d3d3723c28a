// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Flows in a file of the run directory, for tandemctl.
//
// When there is no room for the file they lie in memory of this process: forwarding goes on, and nobody can
// read along.

#include "dataplane/contract/table_file.hh"
#include "dataplane/state/flows.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace tandem::state {

// What the counts of a TableHeader mean.
enum class FlowCount : std::uint8_t { begun, expired, evicted, refused };

/// The shape of the file, for writer and readers; `flows` as in contract::RecordSetup.
contract::TableShape shape_of_flows(std::size_t flows);

class SharedFlows {
public:
    SharedFlows(const std::string& run_dir, const contract::RecordSetup& setup, std::uint64_t seed,
                contract::TablePart part = {});

    Flows& operator*() { return *flows_; }
    Flows* operator->() { return flows_.get(); }

    /// Sweeps, and shows the counts to readers. Once a turn.
    void turn(Instant now);

    /// Why there is no file, as a sentence; empty: there is one.
    const std::string& complaint() const { return complaint_; }

private:
    std::string complaint_;
    contract::TableWriter file_;
    std::unique_ptr<Flows> flows_;
};

} // namespace tandem::state
