// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Which changes of the file a running tandemd takes up.
//
// Deliberately absent: taking them up.

#include "control/config/config.hh"

#include <string>
#include <vector>

namespace tandem::config {

/// What differs between the two and holds from a start on only, in the words of the file: "[pair]", "[[path]]
/// cable", "[[group]] sip: vips". Empty: all that differs can be changed while tandemd runs. Pure.
std::vector<std::string> restart_needed(const Config& running, const Config& wanted);

} // namespace tandem::config
