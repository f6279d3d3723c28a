// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What a notification says, out of the variables of an action. Pure.
//
// Texts are well-formed UTF-8 without control characters, at most 255 octets (SnmpAdminString). Deliberately
// absent: sysUpTime.0 and snmpTrapOID.0, which stand ahead of every notification (RFC 3416 section 4.2.6) and
// are put there when it is sent.

#include "control/snmp/mib.hh"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tandem::snmp {

using Variables = std::map<std::string, std::string, std::less<>>;

struct Object {
    Field field{};
    /// A text, an enumeration, or a Counter64.
    std::variant<std::string, std::int32_t, std::uint64_t> value;
};

struct Notification {
    Notice notice{};
    std::vector<Object> objects;
};

/// By the trigger that is among the variables.
Notification notification_of(const Variables& variables);

/// As in the MIB: "tandemRoleChange".
std::string_view to_string(Notice notice);

/// Within the bounds of an SnmpAdminString.
std::string admin_string(std::string_view text);

} // namespace tandem::snmp
