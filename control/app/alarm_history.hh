// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Alarms that are over, as the journal remembers them.
//
// Problem: a table of alarms forgets one when it is cleared, and people ask later what there was. Idea: the
// event that tells of the clearing says everything about the alarm, so that each alarm that is over is one
// event, which both nodes keep; no second store, and no search for what belongs together. Pure. Deliberately
// absent: alarms that are not over (alarm_desk.hh), and the search itself (ledger_desk.hh).

#include "control/ledger/alarm.hh"
#include "control/ledger/entry.hh"

#include <boost/json/object.hpp>

#include <string>

namespace tandem::app {

/// What `alarm.cleared` says besides what every event of an alarm does.
void add_history(boost::json::object& data, const ledger::Alarm& alarm);

/// What the text of `alarm.cleared` begins with. `by`: the operator who did it; empty: nobody.
std::string words_of_clearing(const std::string& by);

/// The alarm out of its `alarm.cleared`. What an event of an older version does not say is null.
boost::json::object over_of(const ledger::Entry& cleared);

} // namespace tandem::app
