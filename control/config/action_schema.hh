// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[actions]`, `[[group.action]]` and `[[group.check.action]]` as a file says them; single actions as
// another node says them.

#include "control/config/schema.hh"

#include <expected>

namespace tandem::config {

void read_actions(Section section, Draft& draft);

/// Reads the `action` tables of a group, or of one of its checks, into lists. `check` is empty for a group's.
/// The group is the one that is added to the draft next.
void take_actions(Section& section, const std::string& group, const std::string& check, Draft& draft,
                  Complaints& complaints);

/// One action without its place in a list: the type, its fields, and `timeout_ms`. A sentence otherwise.
std::expected<ActionSettings, std::string> parse_action(const Table& fields);

/// What only the machine can answer: is there the user whom programs run as.
void check_actions_against_host(const Config& config, const Places& places, Complaints& complaints);

} // namespace tandem::config
