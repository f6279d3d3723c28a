// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The numbers of packaging/snmp/TANDEM-MIB.txt; a test compares the two.
//
// There is no enterprise number of tandem's own yet: until one is assigned, everything stands below the
// playground that net-snmp has set aside, and will move. The root is named here and there, nowhere else.

#include <array>
#include <cstdint>

namespace tandem::snmp {

/// tandemMIB; below it 0: notifications, 1: objects, 2: conformance.
inline constexpr std::array<std::uint32_t, 10> root{1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 7100};
/// The enterprise in engine ids (RFC 3411 section 5, SnmpEngineID).
inline constexpr std::uint32_t enterprise = 8072;

enum class Notice : std::uint32_t {
    check_down = 1,
    check_up = 2,
    group_degraded = 3,
    role_change = 4,
    alarm_raised = 5,
    alarm_cleared = 6,
    notice = 7,
};

/// Scalars below tandemNotifyObjects, which is root.1.1.
enum class Field : std::uint32_t {
    pair_name = 1,
    node_name = 2,
    group_name = 3,
    time = 4,
    reason = 5,
    detail = 6,
    role = 7,
    role_before = 8,
    epoch = 9,
    check_name = 10,
    alarm_code = 11,
    alarm_severity = 12,
};

} // namespace tandem::snmp
