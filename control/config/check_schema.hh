// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[[group.check]]`: the keys that every check has, and those of its method.
//
// One function a method; `methods` in check_schema.cc says which there are. Functions of a method that has
// many keys stand in a file of its own. Deliberately absent: how values relate to each other (checks.hh).

#include "control/config/schema.hh"

namespace tandem::config {

/// Reads the keys that a method has of its own into `check`, `check.target` above all. `check.interface` has
/// been read. What it changes of interval, timeout, retry and recover are defaults.
using ReadMethod = void (*)(Section& section, CheckSettings& check, Places::CheckPlaces& places);

/// One check of `group`, which is added to the draft next, with its actions.
void read_check(Section section, Group& group, Places::GroupPlaces& places, Draft& draft,
                Complaints& complaints);

/// For methods: `address`, required; of none when it cannot be read.
wire::IpAddress take_target_address(Section& section, const CheckSettings& check);
/// For methods: `profile`, for targets that can be asked as often as the fast one does.
void take_profile(Section& section, CheckSettings& check);
/// For methods: text that is sent or awaited; octets, not only characters.
void take_octets(Section& section, std::string_view key, std::size_t length_max, std::string& out);

} // namespace tandem::config
