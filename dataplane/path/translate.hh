// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One address for another, 1:1 (RFC 2663 section 4.1.1), for servers that do not have the VIP themselves.
//
// Problem: an address stands in the IP header, in the pseudo-header of every transport checksum, and in the
// packet that an ICMP error quotes. Idea: checksums are mended by what changed (RFC 1624), never computed
// anew, so that a wrong one stays wrong and a large packet costs as much as a small one. Deliberately absent:
// ports, state, addresses inside SIP.

#include "dataplane/wire/address.hh"

#include <cstdint>
#include <span>

namespace tandem::path {

enum class Side : std::uint8_t { source, destination };

/// Puts `to` in the place of the source or destination address of a packet that begins with its IP header,
/// and mends the checksums of IP, TCP, UDP and ICMPv6. In an ICMP or ICMPv6 error the quoted packet has
/// travelled the other way: there the same address is replaced on the other side (RFC 5508 section 4, REQ-4
/// and 5). False, and nothing changed: the packet cannot be read or is of the other family.
bool translate(std::span<std::uint8_t> packet, Side side, const wire::IpAddress& to) noexcept;

} // namespace tandem::path
