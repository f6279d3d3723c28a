// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[journal]` and `[alarm]` out of the file.

#include "control/config/ledger_settings.hh"
#include "control/config/section.hh"

namespace tandem::config {

void read_journal(Section section, JournalSettings& journal);
void read_alarm(Section section, AlarmSettings& alarm, Complaints& complaints);

} // namespace tandem::config
