// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// UDP datagrams (RFC 768).
//
// Deliberately absent: sockets, jumbograms, UDP-Lite. The checksum is not verified while reading: a packet
// that the kernel hands over may carry an unfinished one.

#include "dataplane/wire/address.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/packet_error.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace tandem::wire {

struct UdpDatagram {
    static constexpr std::size_t header_size = 8;

    std::uint16_t source_port{0};
    std::uint16_t destination_port{0};
    std::uint16_t checksum{0}; ///< 0: the sender made none
    std::span<const std::uint8_t> payload;
};

/// Reads the payload of a whole IP packet of protocol UDP. Octets behind the UDP length are left out.
/// Errors: truncated, total_length.
std::expected<UdpDatagram, PacketError> parse_udp(std::span<const std::uint8_t> bytes) noexcept;

/// Source and destination of a datagram that is to be built.
struct UdpFlow {
    IpAddress source;
    IpAddress destination;
    std::uint16_t source_port{0};
    std::uint16_t destination_port{0};
    std::uint8_t hop_limit{64};
};

/// The size of an IP packet with this UDP payload.
constexpr std::size_t udp_packet_size(Family family, std::size_t payload_size) {
    return (family == Family::ipv4 ? IpPacket::ipv4_header_min : IpPacket::ipv6_header) +
           UdpDatagram::header_size + payload_size;
}

/// Writes a whole IP packet with UDP header, checksums and payload; returns its length, 0 if `out` is too
/// small, the families differ or the length does not fit.
std::size_t write_udp_packet(std::span<std::uint8_t> out, const UdpFlow& flow,
                             std::span<const std::uint8_t> payload) noexcept;

} // namespace tandem::wire
