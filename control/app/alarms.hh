// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What is wrong now, and when it began.
//
// Problem: events tell what changed; somebody who looks later must see what still is so. Idea: at each look
// around the conditions that hold are computed anew from the facts, and the board compares them with those of
// the look before: new ones are raised, missing ones cleared. So no alarm can be forgotten in either
// direction. Pure. Deliberately absent: classes, acknowledgement, reactions.

#include "control/app/engine_watch.hh"
#include "control/app/pulse.hh"
#include "control/config/config.hh"
#include "control/watch/watch.hh"

#include <cstdint>
#include <string>
#include <vector>

namespace tandem::app {

enum class Gravity : std::uint8_t {
    warning, ///< something is not as it should be
    error,   ///< the service is in danger, or nothing would take over
};

struct Condition {
    std::string code;     ///< stable
    std::string group;    ///< empty: concerns the node
    std::string subject;  ///< which path, which monitor; empty: there is only one
    std::string sentence; ///< without a full stop; the same as long as the condition lasts
    Gravity gravity{Gravity::error};
};

struct Alarm {
    Condition condition;
    ha::Instant since{};
};

class AlarmBoard {
public:
    struct Changes {
        std::vector<Alarm> raised;
        std::vector<Alarm> cleared;
    };
    /// Everything that holds now; each (code, group, subject) at most once.
    Changes update(ha::Instant now, std::vector<Condition> present);
    /// In the order in which they were raised.
    const std::vector<Alarm>& alarms() const { return alarms_; }

private:
    std::vector<Alarm> alarms_;
};

/// What the conditions are computed from.
struct AlarmFacts {
    const config::Config& config;
    const PulseSnapshot& snapshot;
    const std::vector<std::vector<watch::Line>>& lines; ///< of each group
    const std::vector<Condition>&
        checks; ///< those that are down, and what mail found, and what else others found
    EngineState engine{};
    bool config_differs{false};
    std::string not_kept;     ///< why the records could not be written; empty: they could
    ha::Instant stalled_at{}; ///< when this node last learned that it had stalled
    ha::Instant clear_at{};   ///< when a mirror datagram in clear was last refused
    ha::Instant started{};
    ha::Instant now{};
};

std::vector<Condition> conditions(const AlarmFacts& facts);

} // namespace tandem::app
