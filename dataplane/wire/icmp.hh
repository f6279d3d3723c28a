// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The ICMP messages that matter to a packet path (RFC 792, RFC 4443): echo, and errors with the packet they
// speak of.
//
// Deliberately absent: writing them, and neighbour discovery (ndp.hh).

#include "dataplane/wire/ip.hh"
#include "dataplane/wire/packet_error.hh"

#include <cstdint>
#include <expected>
#include <span>

namespace tandem::wire {

enum class IcmpKind : std::uint8_t { echo_request, echo_reply, error, other };

struct IcmpMessage {
    static constexpr std::size_t header_size = 8;

    IcmpKind kind{IcmpKind::other};
    std::uint8_t type{0};
    std::uint8_t code{0};
    std::uint16_t identifier{0}; ///< of an echo
    std::uint16_t sequence{0};   ///< of an echo
    /// Data of an echo; of an error the beginning of the packet that caused it, usually cut short.
    std::span<const std::uint8_t> payload;
};

/// Reads a whole IP packet of protocol ICMP or ICMPv6. Errors: kind (another protocol), fragment, truncated.
std::expected<IcmpMessage, PacketError> parse_icmp(const IpPacket& packet) noexcept;

} // namespace tandem::wire
