// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// DNS records as values, and an answer of a name server read into them.
//
// Problem: the octets come from the network, names in them point at each other, and the times to live matter.
// Idea: one strict reader with bounds: so many records, so many jumps, nothing outside the message. Pure.
// Deliberately absent: questions (the library writes them), the other sections, other types.

#include "dataplane/wire/address.hh"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tandem::resolve {

enum class RecordType : std::uint16_t { a = 1, aaaa = 28, srv = 33, naptr = 35 };

/// RFC 2782
struct Srv {
    std::uint16_t priority{0};
    std::uint16_t weight{0};
    std::uint16_t port{0};
    std::string target; ///< `.`: the service is decidedly not there
    bool operator==(const Srv&) const = default;
};

/// RFC 3403 section 4.1
struct Naptr {
    std::uint16_t order{0};
    std::uint16_t preference{0};
    std::string flags;
    std::string service;
    std::string replacement;
    bool operator==(const Naptr&) const = default;
};

/// The records of the type that was asked for.
struct Records {
    std::vector<wire::IpAddress> addresses;
    std::vector<Srv> services;
    std::vector<Naptr> pointers;
    std::uint32_t ttl{0}; ///< seconds; the least of all records, aliases on the way included

    bool empty() const { return addresses.empty() && services.empty() && pointers.empty(); }
    bool operator==(const Records&) const = default;
};

/// More of one answer are not looked at.
inline constexpr std::size_t records_max = 64;

/// Reads the answer section. Nothing: the message is malformed, or no answer. Names are given in lower case,
/// without the last dot.
std::optional<Records> read_records(std::span<const std::uint8_t> message, RecordType type);

/// A host name in the form of read_records; empty when it can be none.
std::string plain_name(std::string_view name);

} // namespace tandem::resolve
