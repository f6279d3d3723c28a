// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[api]` of the file.

#include "control/config/api_settings.hh"
#include "control/config/section.hh"

namespace tandem::config {

/// Reads the section. What is wrong is complained of and left at its default.
Api read_api(Section section, Complaints& complaints);

} // namespace tandem::config
