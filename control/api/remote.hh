// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What can be asked of a node from far away: the methods that the brain exposes to a gateway, and no others.

#include <array>
#include <string_view>

namespace tandem::api {

inline constexpr std::array<std::string_view, 17> remote_methods{
    "status",         "events",  "checks",          "alarms",       "alarms.ack", "alarms.clear",
    "alarms.history", "actions", "actions.perform", "actions.run",  "failover",   "failback",
    "enable",         "disable", "role.follow",     "checks.start", "checks.stop"};

} // namespace tandem::api
