// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What is wrong now: the conditions that hold, computed anew from the facts at each look around.
//
// Pure. Deliberately absent: when they began, who knows of them, when they are over (ledger/alarm_table.hh).

#include "control/app/engine_watch.hh"
#include "control/app/pulse.hh"
#include "control/config/config.hh"
#include "control/ledger/alarm.hh"
#include "control/watch/watch.hh"

#include <cstdint>
#include <string>
#include <vector>

namespace tandem::app {

using ledger::Alarm;
using ledger::Condition;
using ledger::Gravity;

/// What the conditions are computed from.
struct AlarmFacts {
    const config::Config& config;
    const PulseSnapshot& snapshot;
    const std::vector<std::vector<watch::Line>>& lines; ///< of each group
    const std::vector<Condition>&
        checks; ///< those that are down, and what mail found, and what else others found
    EngineState engine{};
    bool config_differs{false};
    std::string not_kept;         ///< why the records could not be written; empty: they could
    std::string journal_not_kept; ///< likewise the journal and the alarms
    ha::Instant stalled_at{};     ///< when this node last learned that it had stalled
    ha::Instant clear_at{};       ///< when a mirror datagram in clear was last refused
    ha::Instant started{};
    ha::Instant now{};
};

std::vector<Condition> conditions(const AlarmFacts& facts);

} // namespace tandem::app
