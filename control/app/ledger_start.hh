// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the disk has of the journals when the brain starts.

#include "control/config/config.hh"
#include "control/ledger/segments.hh"

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tandem::app {

struct LedgerStart {
    ledger::Segments own;
    ledger::Segments peer;
    ledger::Position last;      ///< of the own ones, in the life that goes on or begins
    ledger::Position peer_last; ///< of the peer's
    std::string boot;           ///< the kernel's number for this start of the machine
    boost::json::object alarms; ///< as they were kept; empty: none
    /// What was lost or mended: sentences.
    std::vector<std::string> remarks;
};

/// Reads the ends of the journals. May wait for the disk; call it before anything is urgent.
LedgerStart start_ledger(const config::Config& config);

/// Where the alarms of both nodes are kept.
std::string alarm_file(const std::string& state_dir);

} // namespace tandem::app
