// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/translate.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/octets.hh"
#include "dataplane/wire/tcp.hh"
#include "dataplane/wire/udp.hh"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace tandem::path {
namespace {

using Octets = std::span<std::uint8_t>;
using wire::IpAddress;
using wire::IpPacket;

constexpr std::size_t ipv4_checksum_at = 10;
constexpr std::size_t udp_checksum_at = 6;
constexpr std::size_t icmp_checksum_at = 2;
constexpr std::size_t icmp_header = 8;

/// What went out of a sum and what came in.
struct Change {
    std::uint64_t removed{0};
    std::uint64_t added{0};

    void replace(std::span<const std::uint8_t> before, std::span<const std::uint8_t> after) {
        removed = wire::checksum_add(removed, before);
        added = wire::checksum_add(added, after);
    }
    void replace(std::uint16_t before, std::uint16_t after) {
        removed += before;
        added += after;
    }
};

constexpr std::uint64_t fold(std::uint64_t sum) {
    while (sum >> 16U != 0)
        sum = (sum & 0xffffU) + (sum >> 16U);
    return sum;
}

/// RFC 1624 equation 3.
constexpr std::uint16_t mended(std::uint16_t checksum, const Change& change) {
    const std::uint64_t sum =
        (static_cast<std::uint64_t>(checksum) ^ 0xffffU) + (fold(change.removed) ^ 0xffffU) + change.added;
    return static_cast<std::uint16_t>(fold(sum) ^ 0xffffU);
}

/// Mends the checksum at an offset, and adds to `around` what that changes for a checksum over it. Nothing
/// when the octets are not there.
void mend_at(Octets bytes, std::size_t offset, const Change& change, Change* around = nullptr) {
    if (bytes.size() < offset + 2)
        return;
    const auto before = wire::load_be<std::uint16_t>(bytes, offset);
    const std::uint16_t after = mended(before, change);
    wire::store_be(bytes, offset, after);
    if (around != nullptr)
        around->replace(before, after);
}

/// The same for UDP: zero says that there is none, and a computed zero is all ones (RFC 768).
void mend_udp(Octets bytes, const Change& change, Change* around = nullptr) {
    if (bytes.size() < udp_checksum_at + 2)
        return;
    const auto before = wire::load_be<std::uint16_t>(bytes, udp_checksum_at);
    if (before == 0)
        return;
    const std::uint16_t sum = mended(before, change);
    const std::uint16_t after = sum == 0 ? 0xffff : sum;
    wire::store_be(bytes, udp_checksum_at, after);
    if (around != nullptr)
        around->replace(before, after);
}

std::size_t address_at(wire::Family family, Side side) {
    if (family == wire::Family::ipv4)
        return side == Side::source ? 12 : 16;
    return side == Side::source ? 8 : 24;
}

void put_address(Octets packet, Side side, const IpAddress& to) {
    std::ranges::copy(to.bytes(), packet.subspan(address_at(to.family, side)).begin());
}

bool is_error(wire::Family family, std::uint8_t type) {
    if (family ==
        wire::Family::ipv4) // RFC 792: unreachable, source quench, redirect, time exceeded, parameter
        return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    return type >= 1 && type <= 4; // RFC 4443 section 2.1
}

/// Where the transport header of a quoted packet begins and which it is. A quoted packet is cut short, so
/// this walks no IPv6 extension headers.
struct Quoted {
    std::size_t transport;
    std::uint8_t protocol;
};

std::optional<Quoted> quoted_header(Octets quoted, wire::Family family) {
    if (family == wire::Family::ipv4) {
        if (quoted.size() < IpPacket::ipv4_header_min || quoted[0] >> 4U != 4)
            return std::nullopt;
        const std::size_t header = static_cast<std::size_t>(quoted[0] & 0x0fU) * 4;
        if (header < IpPacket::ipv4_header_min || header > quoted.size())
            return std::nullopt;
        const bool later = (wire::load_be<std::uint16_t>(quoted, 6) & 0x1fffU) != 0;
        return Quoted{header, later ? std::uint8_t{0} : quoted[9]};
    }
    if (quoted.size() < IpPacket::ipv6_header || quoted[0] >> 4U != 6)
        return std::nullopt;
    return Quoted{IpPacket::ipv6_header, quoted[6]};
}

/// Replaces the address in the packet that an error quotes; gives what that changes for the error's checksum.
Change translate_quoted(Octets quoted, Side side, const IpAddress& from, const IpAddress& to) {
    Change around;
    const auto header = quoted_header(quoted, to.family);
    if (!header)
        return around;
    const std::size_t at = address_at(to.family, side);
    if (!std::ranges::equal(quoted.subspan(at, from.size()), from.bytes()))
        return around;
    Change change;
    change.replace(from.bytes(), to.bytes());
    around = change;
    put_address(quoted, side, to);
    if (to.is_v4())
        mend_at(quoted, ipv4_checksum_at, change, &around);
    const Octets transport = quoted.subspan(header->transport);
    if (header->protocol == wire::protocol_tcp)
        mend_at(transport, wire::TcpSegment::checksum_at, change, &around);
    else if (header->protocol == wire::protocol_udp)
        mend_udp(transport, change, &around);
    else if (header->protocol == wire::protocol_icmpv6)
        mend_at(transport, icmp_checksum_at, change, &around);
    return around;
}

} // namespace

bool translate(std::span<std::uint8_t> packet, Side side, const IpAddress& to) noexcept {
    const auto ip = wire::parse_ip(packet);
    if (!ip || ip->family() != to.family)
        return false;
    const IpAddress from = side == Side::source ? ip->source : ip->destination;
    Change change;
    change.replace(from.bytes(), to.bytes());
    put_address(packet, side, to);
    if (to.is_v4())
        mend_at(packet, ipv4_checksum_at, change);
    if (ip->fragment == wire::Fragment::later)
        return true;
    const Octets transport =
        packet.subspan(static_cast<std::size_t>(ip->payload.data() - packet.data()), ip->payload.size());
    switch (ip->protocol) {
    case wire::protocol_tcp:
        mend_at(transport, wire::TcpSegment::checksum_at, change);
        break;
    case wire::protocol_udp:
        mend_udp(transport, change);
        break;
    case wire::protocol_icmp:
    case wire::protocol_icmpv6: {
        // ICMP has no pseudo-header, ICMPv6 has (RFC 4443 section 2.3).
        Change over = ip->protocol == wire::protocol_icmpv6 ? change : Change{};
        if (transport.size() > icmp_header && is_error(to.family, transport[0])) {
            const Side other = side == Side::source ? Side::destination : Side::source;
            const Change inner = translate_quoted(transport.subspan(icmp_header), other, from, to);
            over.removed += inner.removed;
            over.added += inner.added;
        }
        mend_at(transport, icmp_checksum_at, over);
        break;
    }
    default:
        break;
    }
    return true;
}

} // namespace tandem::path
