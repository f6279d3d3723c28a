// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Why a frame or packet could not be read. One list for all layers below SIP, so that one row of counters and
// one sentence for the operator serve them all.

#include <cstdint>
#include <string_view>

namespace tandem::wire {

enum class PacketError : std::uint8_t {
    truncated,     ///< shorter than its own headers say
    version,       ///< neither IPv4 nor IPv6, or not the version asked for
    header_length, ///< a header length that its format does not allow
    total_length,  ///< a length field that contradicts another
    extension,     ///< IPv6 extension headers out of order, or more than are walked
    fragment,      ///< a fragment that cannot be part of any packet
    kind,          ///< another type, operation or hardware than this reader knows
    checksum,      ///< checksum does not match
    off_link,      ///< a neighbour message that a router has passed on (hop limit is not 255)
    address,       ///< an address that cannot stand in this place
};

/// One sentence for the operator; lives for ever.
std::string_view sentence(PacketError error) noexcept;

} // namespace tandem::wire
