// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[[group]]` with all that belongs to it.

#include "control/config/schema.hh"

namespace tandem::config {

/// Reads one group and adds it to the draft.
void read_group(Section section, Draft& draft, Complaints& complaints);

} // namespace tandem::config
