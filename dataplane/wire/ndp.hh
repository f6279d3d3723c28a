// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Neighbour solicitation and advertisement (RFC 4861 sections 4.3 and 4.4) over Ethernet, and the two forms
// that an address owner sends by itself: the unsolicited advertisement (section 7.2.6) and the solicitation
// of duplicate address detection (RFC 4862 section 5.4.2).
//
// Deliberately absent: router messages, redirects, multicast listener reports, and when to send.

#include "dataplane/wire/address.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/packet_error.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace tandem::wire {

enum class NdpType : std::uint8_t { solicitation = 135, advertisement = 136 };

/// Flags of an advertisement; several may be set. A solicitation has none.
enum NdpFlag : std::uint8_t { ndp_router = 0x80, ndp_solicited = 0x40, ndp_override = 0x20 };

/// What a neighbour message says.
struct NdpMessage {
    /// Type, code, checksum, flags and target, without options.
    static constexpr std::size_t size_min = 24;

    NdpType type{NdpType::solicitation};
    std::uint8_t flags{0};
    IpAddress target;
    /// Source link-layer option of a solicitation, target link-layer option of an advertisement.
    std::optional<MacAddress> link_layer;
};

/// A neighbour message with its Ethernet and IPv6 headers: what is sent, 78 octets, or 86 with the link-layer
/// option.
struct NdpFrame {
    static constexpr std::size_t size_max = 14 + 40 + NdpMessage::size_min + 8;

    MacAddress destination;
    MacAddress source;
    IpAddress destination_ip;
    IpAddress source_ip;
    NdpMessage message;
};

/// ff02::1:ffXX:XXXX of an address (RFC 4291 section 2.7.1).
IpAddress solicited_node(const IpAddress& address) noexcept;
/// 33:33 and the last four octets of a multicast address (RFC 2464 section 7).
MacAddress multicast_mac(const IpAddress& group) noexcept;

/// Announcement: from `vip` to all nodes, override set, with the target link-layer option.
NdpFrame unsolicited_advertisement(const MacAddress& own, const IpAddress& vip) noexcept;
/// Probe: from the unspecified address to the solicited-node group, without option, so that no cache is
/// changed.
NdpFrame neighbour_probe(const MacAddress& own, const IpAddress& vip) noexcept;
/// The answer to a solicitation of `target` that came from `asker`; to all nodes when the asker has no
/// address yet (RFC 4861 section 7.2.4).
NdpFrame solicited_advertisement(const MacAddress& own, const IpAddress& target, const MacAddress& asker_mac,
                                 const IpAddress& asker) noexcept;

/// Writes the frame with hop limit 255 and ICMPv6 checksum; returns its length, 0 if `out` is too small or an
/// address is not IPv6.
std::size_t write_ndp(std::span<std::uint8_t> out, const NdpFrame& frame) noexcept;

/// Reads a neighbour message from an IPv6 packet with the checks of RFC 4861 sections 7.1.1 and 7.1.2.
/// Errors: kind (not a neighbour message), fragment, truncated, off_link, checksum, header_length (of an
/// option), address.
std::expected<NdpMessage, PacketError> parse_ndp(const IpPacket& packet) noexcept;

} // namespace tandem::wire
