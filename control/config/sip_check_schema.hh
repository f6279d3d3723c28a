// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[[group.check]]` with the methods `sip` and `registration`.

#include "control/config/schema.hh"

namespace tandem::config {

void read_sip(Section& section, CheckSettings& check, Places::CheckPlaces& places);
void read_registration(Section& section, CheckSettings& check, Places::CheckPlaces& places);

} // namespace tandem::config
