// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The types of actions, each with its own keys.

#include "control/config/action_settings.hh"
#include "control/config/section.hh"

#include <optional>
#include <string>

namespace tandem::config {

/// Reads `type` and the keys of that type; nothing when there is no such type.
std::optional<Doing> read_doing(Section& section, std::string& type);

/// How long an action of this kind may take where the file does not say it.
std::chrono::milliseconds usual_timeout(const Doing& doing);

/// A table as a JSON object.
std::string json_of(const Table& table);

} // namespace tandem::config
