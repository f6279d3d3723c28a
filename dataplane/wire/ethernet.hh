// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Ethernet II frames, with up to two VLAN tags (IEEE 802.1Q, 802.1ad).
//
// Deliberately absent: 802.3 length frames, frame check sequence, padding. A frame that is shorter than 60
// octets is padded by whoever sends it.

#include "dataplane/wire/address.hh"
#include "dataplane/wire/packet_error.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace tandem::wire {

inline constexpr std::uint16_t ether_type_ipv4 = 0x0800;
inline constexpr std::uint16_t ether_type_arp = 0x0806;
inline constexpr std::uint16_t ether_type_vlan = 0x8100;
inline constexpr std::uint16_t ether_type_service_vlan = 0x88a8;
inline constexpr std::uint16_t ether_type_ipv6 = 0x86dd;

struct EthernetFrame {
    static constexpr std::size_t header_size = 14;
    static constexpr std::size_t tags_max = 2;

    MacAddress destination;
    MacAddress source;
    std::uint16_t ether_type{0}; ///< of what stands behind the tags
    std::uint16_t vlan{0};       ///< VLAN id of the outermost tag, 0: untagged or priority-tagged
    std::span<const std::uint8_t> payload;
};

/// The views point into `bytes`. Errors: truncated, header_length (more than two tags).
std::expected<EthernetFrame, PacketError> parse_ethernet(std::span<const std::uint8_t> bytes) noexcept;

/// Writes an untagged header of 14 octets at the start of `out`; 0 if `out` is too small, else 14.
std::size_t write_ethernet(std::span<std::uint8_t> out, const MacAddress& destination,
                           const MacAddress& source, std::uint16_t ether_type) noexcept;

} // namespace tandem::wire
