// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// IPv4 and IPv6 packets as one value.
//
// Problem: the packet path asks the same few questions of both versions: from whom, to whom, what is inside,
// and is it whole. Idea: one view, filled by a reader per version (RFC 791, RFC 8200). IPv6 extension headers
// are walked within a bound, so that `payload` always begins with the transport header, unless the packet is
// a later fragment. Deliberately absent: reassembly, header checksums (see checksum.hh), jumbograms, options.

#include "dataplane/wire/address.hh"
#include "dataplane/wire/packet_error.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace tandem::wire {

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;
inline constexpr std::uint8_t protocol_icmpv6 = 58;

enum class Fragment : std::uint8_t {
    whole, ///< not a fragment (or an atomic one, RFC 6946)
    first, ///< offset 0: the transport header is here, the rest is missing
    later, ///< no transport header
};

struct IpPacket {
    static constexpr std::size_t ipv4_header_min = 20;
    static constexpr std::size_t ipv6_header = 40;
    /// Extension headers that are walked before the packet is refused.
    static constexpr std::size_t extensions_max = 8;

    IpAddress source;
    IpAddress destination;
    std::uint8_t protocol{0}; ///< of `payload`: IPv4 protocol, or the last next-header
    std::uint8_t hop_limit{0};
    Fragment fragment{Fragment::whole};
    bool more_fragments{false};
    std::uint16_t fragment_offset{0}; ///< octets, into the payload of the whole packet
    std::uint32_t identification{0};  ///< of a fragment (IPv4: always)
    std::span<const std::uint8_t>
        bytes; ///< headers and payload; what follows in the buffer (padding) is left out
    std::span<const std::uint8_t> payload; ///< behind all headers that were walked
    /// Of a fragment: its part of the packet, which stands at fragment_offset. Of the first IPv6 fragment
    /// that is more than `payload` where further extension headers follow.
    std::span<const std::uint8_t> piece;

    Family family() const { return source.family; }
};

/// Reads a packet that begins with its IP header; the views point into `bytes`.
/// Errors: truncated, version, header_length, total_length, extension, fragment.
std::expected<IpPacket, PacketError> parse_ip(std::span<const std::uint8_t> bytes) noexcept;

/// Writes an IPv4 header without options (20 octets, DF set, checksum filled) or an IPv6 header (40 octets)
/// for `payload_length` octets of `protocol`; returns its length, 0 if `out` is too small, the families
/// differ or the length does not fit.
std::size_t write_ip(std::span<std::uint8_t> out, const IpAddress& source, const IpAddress& destination,
                     std::uint8_t protocol, std::uint8_t hop_limit, std::size_t payload_length) noexcept;

} // namespace tandem::wire
