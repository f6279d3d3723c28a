// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Who this node is for receivers of SNMPv3: its engine id, and how often it has begun.
//
// Problem: a receiver keeps the keys of a sender by the sender's engine id, and refuses what is older than
// what it has heard already (RFC 3414 section 2.2). Idea: the id follows from names that stay; the number of
// beginnings is a file that is counted up and on disk before anything is sent under the new number. The time
// counts from there. Deliberately absent: engines of receivers, which the library discovers.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace tandem::snmp {

/// RFC 3411 section 5, SnmpEngineID: the enterprise, format 5 (octets), 16 octets of a digest of the names.
std::string engine_id(std::string_view pair, std::string_view node, unsigned node_id);

/// "0x80001f88..."
std::string in_hexadecimal(std::string_view octets);

struct Boots {
    std::uint32_t number{1};
    std::string trouble; ///< why it is not on disk; empty: it is
};

/// The next number, kept in the file. Waits for the disk.
Boots begin(const std::string& file);

} // namespace tandem::snmp
