// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[engine]` and its ports.

#include "control/config/schema.hh"

namespace tandem::config {

void read_engine(Section section, Engine& engine, Places& places, Complaints& complaints);

} // namespace tandem::config
