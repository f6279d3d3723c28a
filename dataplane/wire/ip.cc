// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/ip.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/octets.hh"

#include <algorithm>
#include <array>

namespace tandem::wire {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t packet_max = 65535;

// IPv6 extension headers that are walked (RFC 8200 section 4).
constexpr std::uint8_t next_hop_by_hop = 0;
constexpr std::uint8_t next_routing = 43;
constexpr std::uint8_t next_fragment = 44;
constexpr std::uint8_t next_destination = 60;
constexpr std::size_t fragment_header = 8;

IpAddress v4_at(Bytes bytes, std::size_t offset) noexcept {
    return IpAddress::v4({bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]});
}

IpAddress v6_at(Bytes bytes, std::size_t offset) noexcept {
    std::array<std::uint8_t, 16> octets;
    std::copy_n(bytes.subspan(offset, 16).begin(), 16, octets.begin());
    return IpAddress::v6(octets);
}

/// Sets the fragment fields. False when no packet could contain this fragment: it ends beyond the longest
/// packet, or a fragment that is not the last has a length that is no multiple of 8 (RFC 791 section 3.2, RFC
/// 8200 section 4.5).
bool set_fragment(IpPacket& packet, std::size_t offset, bool more, std::uint32_t identification) noexcept {
    packet.identification = identification;
    if (offset == 0 && !more)
        return true;
    packet.fragment = offset == 0 ? Fragment::first : Fragment::later;
    packet.piece = packet.payload;
    packet.fragment_offset = static_cast<std::uint16_t>(offset);
    packet.more_fragments = more;
    if (more && (packet.payload.size() % 8 != 0 || packet.payload.empty()))
        return false;
    return offset + packet.payload.size() <= packet_max;
}

std::expected<IpPacket, PacketError> parse_ipv4(Bytes bytes) noexcept {
    if (bytes.size() < IpPacket::ipv4_header_min)
        return std::unexpected(PacketError::truncated);
    const std::size_t header = static_cast<std::size_t>(bytes[0] & 0x0fU) * 4;
    const std::size_t total = load_be<std::uint16_t>(bytes, 2);
    if (header < IpPacket::ipv4_header_min)
        return std::unexpected(PacketError::header_length);
    if (total < header)
        return std::unexpected(PacketError::total_length);
    if (total > bytes.size())
        return std::unexpected(PacketError::truncated);
    IpPacket packet;
    packet.bytes = bytes.first(total);
    packet.payload = packet.bytes.subspan(header);
    packet.hop_limit = bytes[8];
    packet.protocol = bytes[9];
    packet.source = v4_at(bytes, 12);
    packet.destination = v4_at(bytes, 16);
    const auto fragment = load_be<std::uint16_t>(bytes, 6);
    const std::size_t offset = static_cast<std::size_t>(fragment & 0x1fffU) * 8;
    if (!set_fragment(packet, offset, (fragment & 0x2000U) != 0, load_be<std::uint16_t>(bytes, 4)))
        return std::unexpected(PacketError::fragment);
    return packet;
}

/// Takes one extension header off the front of the payload. `protocol` says which it is and becomes the next
/// one.
std::expected<void, PacketError> walk_extension(IpPacket& packet) noexcept {
    const Bytes rest = packet.payload;
    if (rest.size() < 8)
        return std::unexpected(PacketError::truncated);
    if (packet.protocol == next_fragment) {
        const auto field = load_be<std::uint16_t>(rest, 2);
        // A second fragment header would make the first one a lie.
        if (packet.fragment != Fragment::whole)
            return std::unexpected(PacketError::extension);
        packet.payload = rest.subspan(fragment_header);
        packet.protocol = rest[0];
        if (!set_fragment(packet, field & 0xfff8U, (field & 1U) != 0, load_be<std::uint32_t>(rest, 4)))
            return std::unexpected(PacketError::fragment);
        return {};
    }
    const std::size_t length = (static_cast<std::size_t>(rest[1]) + 1) * 8;
    if (length > rest.size())
        return std::unexpected(PacketError::truncated);
    packet.protocol = rest[0];
    packet.payload = rest.subspan(length);
    return {};
}

std::expected<IpPacket, PacketError> parse_ipv6(Bytes bytes) noexcept {
    if (bytes.size() < IpPacket::ipv6_header)
        return std::unexpected(PacketError::truncated);
    const std::size_t length = load_be<std::uint16_t>(bytes, 4);
    if (length > bytes.size() - IpPacket::ipv6_header)
        return std::unexpected(PacketError::truncated);
    IpPacket packet;
    packet.bytes = bytes.first(IpPacket::ipv6_header + length);
    packet.payload = packet.bytes.subspan(IpPacket::ipv6_header);
    packet.protocol = bytes[6];
    packet.hop_limit = bytes[7];
    packet.source = v6_at(bytes, 8);
    packet.destination = v6_at(bytes, 24);
    for (std::size_t walked = 0; packet.fragment != Fragment::later; ++walked) {
        const std::uint8_t next = packet.protocol;
        if (next != next_hop_by_hop && next != next_routing && next != next_fragment &&
            next != next_destination)
            break;
        // RFC 8200 section 4.1: hop-by-hop options stand only directly behind the IPv6 header.
        if (walked == IpPacket::extensions_max || (next == next_hop_by_hop && walked > 0))
            return std::unexpected(PacketError::extension);
        if (const auto step = walk_extension(packet); !step)
            return std::unexpected(step.error());
    }
    return packet;
}

} // namespace

std::expected<IpPacket, PacketError> parse_ip(Bytes bytes) noexcept {
    if (bytes.empty())
        return std::unexpected(PacketError::truncated);
    switch (bytes[0] >> 4U) {
    case 4:
        return parse_ipv4(bytes);
    case 6:
        return parse_ipv6(bytes);
    default:
        return std::unexpected(PacketError::version);
    }
}

std::size_t write_ip(std::span<std::uint8_t> out, const IpAddress& source, const IpAddress& destination,
                     std::uint8_t protocol, std::uint8_t hop_limit, std::size_t payload_length) noexcept {
    if (source.family != destination.family || payload_length > packet_max)
        return 0;
    if (source.is_v4()) {
        constexpr std::size_t header = IpPacket::ipv4_header_min;
        if (out.size() < header || payload_length > packet_max - header)
            return 0;
        out[0] = 0x45;
        out[1] = 0;
        store_be(out, 2, static_cast<std::uint16_t>(header + payload_length));
        store_be<std::uint16_t>(out, 4, 0);
        store_be<std::uint16_t>(out, 6, 0x4000);
        out[8] = hop_limit;
        out[9] = protocol;
        store_be<std::uint16_t>(out, 10, 0);
        std::copy_n(source.octets.begin(), 4, out.subspan(12, 4).begin());
        std::copy_n(destination.octets.begin(), 4, out.subspan(16, 4).begin());
        store_be(out, 10, checksum(out.first(header)));
        return header;
    }
    if (!source.is_v6() || out.size() < IpPacket::ipv6_header)
        return 0;
    store_be<std::uint32_t>(out, 0, 0x60000000U);
    store_be(out, 4, static_cast<std::uint16_t>(payload_length));
    out[6] = protocol;
    out[7] = hop_limit;
    std::copy_n(source.octets.begin(), 16, out.subspan(8, 16).begin());
    std::copy_n(destination.octets.begin(), 16, out.subspan(24, 16).begin());
    return IpPacket::ipv6_header;
}

} // namespace tandem::wire
