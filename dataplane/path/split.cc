// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/split.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/octets.hh"

#include <algorithm>

namespace tandem::path {
namespace {

using wire::Family;
using wire::IpPacket;
using wire::load_be;
using wire::store_be;

constexpr std::size_t length_at = 2;
constexpr std::size_t identification_at = 4;
constexpr std::size_t flags_at = 6;
constexpr std::size_t checksum_at = 10;
constexpr std::uint16_t dont_fragment = 0x4000;
constexpr std::uint16_t more_fragments = 0x2000;
constexpr std::size_t ipv6_length_at = 4;
constexpr std::size_t ipv6_next_at = 6;
constexpr std::uint8_t next_fragment = 44;
constexpr std::size_t fragment_header = 8;
constexpr std::uint8_t hop_limit = 64;
constexpr std::uint8_t icmp_unreachable = 3;
constexpr std::uint8_t icmp_fragmentation_needed = 4;
constexpr std::uint8_t icmpv6_packet_too_big = 2;
constexpr std::size_t ipv6_mtu_min = 1280;
constexpr std::size_t quoted_ipv4_max = 548; // RFC 1812 section 4.3.2.3: 576 octets in all

bool is_group_address(const wire::IpAddress& address) {
    return address.is_v4() ? address.octets[0] >= 224 : address.octets[0] == 0xff;
}

std::size_t ipv4_header(std::span<const std::uint8_t> packet) {
    return static_cast<std::size_t>(packet[0] & 0x0fU) * 4;
}

} // namespace

bool may_split(std::span<const std::uint8_t> packet) noexcept {
    return packet.size() >= IpPacket::ipv4_header_min && packet[0] >> 4U == 4 &&
           (load_be<std::uint16_t>(packet, flags_at) & dont_fragment) == 0;
}

std::optional<Splitter> Splitter::begin(std::span<const std::uint8_t> packet, std::size_t mtu,
                                        std::uint32_t identification) noexcept {
    const auto ip = wire::parse_ip(packet);
    if (!ip || mtu < 576)
        return std::nullopt;
    Splitter splitter;
    splitter.ip_ = *ip;
    splitter.identification_ = identification;
    if (ip->family() == Family::ipv4) {
        splitter.header_ = ipv4_header(packet);
        splitter.first_offset_ = ip->fragment_offset;
        splitter.piece_ = (mtu - splitter.header_) / 8 * 8;
        return splitter;
    }
    if (ip->fragment != wire::Fragment::whole)
        return std::nullopt;
    splitter.header_ = IpPacket::ipv6_header;
    splitter.piece_ = (mtu - IpPacket::ipv6_header - fragment_header) / 8 * 8;
    return splitter;
}

std::size_t Splitter::next(std::span<std::uint8_t> out) noexcept {
    const std::span<const std::uint8_t> payload = ip_.bytes.subspan(header_);
    if (at_ >= payload.size())
        return 0;
    const std::size_t length = std::min(piece_, payload.size() - at_);
    const bool last = at_ + length == payload.size();
    if (ip_.family() == Family::ipv4) {
        // Options are in the first piece only.
        const std::size_t header = at_ == 0 ? header_ : IpPacket::ipv4_header_min;
        if (out.size() < header + length)
            return 0;
        std::copy_n(ip_.bytes.begin(), header, out.begin());
        out[0] = static_cast<std::uint8_t>(0x40U | header / 4);
        store_be(out, length_at, static_cast<std::uint16_t>(header + length));
        // A packet that was not to be split has no identification of its own (RFC 6864 section 4).
        if ((load_be<std::uint16_t>(ip_.bytes, flags_at) & dont_fragment) != 0)
            store_be(out, identification_at, static_cast<std::uint16_t>(identification_));
        const auto offset = static_cast<std::uint16_t>((first_offset_ + at_) / 8);
        const bool more = !last || ip_.more_fragments;
        store_be(out, flags_at, static_cast<std::uint16_t>(offset | (more ? more_fragments : 0U)));
        store_be(out, checksum_at, std::uint16_t{0});
        store_be(out, checksum_at, wire::checksum(out.first(header)));
        std::copy_n(payload.begin() + static_cast<std::ptrdiff_t>(at_), length,
                    out.begin() + static_cast<std::ptrdiff_t>(header));
        at_ += length;
        return header + length;
    }
    const std::size_t header = IpPacket::ipv6_header + fragment_header;
    if (out.size() < header + length)
        return 0;
    std::copy_n(ip_.bytes.begin(), IpPacket::ipv6_header, out.begin());
    store_be(out, ipv6_length_at, static_cast<std::uint16_t>(fragment_header + length));
    out[IpPacket::ipv6_header] = ip_.bytes[ipv6_next_at];
    out[ipv6_next_at] = next_fragment;
    out[IpPacket::ipv6_header + 1] = 0;
    store_be(out, IpPacket::ipv6_header + 2, static_cast<std::uint16_t>(at_ | (last ? 0U : 1U)));
    store_be(out, IpPacket::ipv6_header + 4, identification_);
    std::copy_n(payload.begin() + static_cast<std::ptrdiff_t>(at_), length,
                out.begin() + static_cast<std::ptrdiff_t>(header));
    at_ += length;
    return header + length;
}

std::size_t write_too_big(std::span<std::uint8_t> out, std::span<const std::uint8_t> packet,
                          const wire::IpAddress& own, std::size_t mtu) noexcept {
    const auto ip = wire::parse_ip(packet);
    if (!ip || ip->family() != own.family || ip->fragment == wire::Fragment::later ||
        is_group_address(ip->source) || is_group_address(ip->destination))
        return 0;
    if (const auto icmp = wire::parse_icmp(*ip); icmp && icmp->kind == wire::IcmpKind::error)
        return 0;
    const bool v4 = own.is_v4();
    const std::size_t header = v4 ? IpPacket::ipv4_header_min : IpPacket::ipv6_header;
    const std::size_t quoted_max =
        v4 ? quoted_ipv4_max : ipv6_mtu_min - header - wire::IcmpMessage::header_size;
    const std::size_t quoted = std::min(ip->bytes.size(), quoted_max);
    const std::size_t length = wire::IcmpMessage::header_size + quoted;
    const std::uint8_t protocol = v4 ? wire::protocol_icmp : wire::protocol_icmpv6;
    if (out.size() < header + length ||
        wire::write_ip(out, own, ip->source, protocol, hop_limit, length) != header)
        return 0;
    const std::span<std::uint8_t> icmp = out.subspan(header, length);
    icmp[0] = v4 ? icmp_unreachable : icmpv6_packet_too_big;
    icmp[1] = v4 ? icmp_fragmentation_needed : std::uint8_t{0};
    store_be(icmp, 2, std::uint16_t{0});
    store_be(icmp, 4, static_cast<std::uint32_t>(mtu)); // IPv4: the upper half is unused
    std::copy_n(ip->bytes.begin(), quoted, icmp.begin() + wire::IcmpMessage::header_size);
    store_be(icmp, 2, v4 ? wire::checksum(icmp) : wire::transport_checksum(own, ip->source, protocol, icmp));
    return header + length;
}

} // namespace tandem::path
