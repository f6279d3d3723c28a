// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/ndp.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/octets.hh"

#include <algorithm>

namespace tandem::wire {
namespace {

constexpr std::uint8_t hop_limit_on_link = 255;
constexpr std::uint8_t option_source_link_layer = 1;
constexpr std::uint8_t option_target_link_layer = 2;
constexpr std::size_t option_link_layer_size = 8;

// RFC 4861 sections 4.3 and 4.4; both messages have the same layout.
namespace ndp_at {
constexpr std::size_t type = 0;
constexpr std::size_t code = 1;
constexpr std::size_t checksum = 2;
constexpr std::size_t flags = 4; // and 28 bits reserved
constexpr std::size_t target = 8;
constexpr std::size_t options = 24;
static_assert(options == NdpMessage::size_min);
} // namespace ndp_at

constexpr IpAddress unspecified = IpAddress::v6({});
constexpr IpAddress all_nodes = IpAddress::v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

bool is_multicast(const IpAddress& address) noexcept {
    return address.is_v6() && address.octets[0] == 0xff;
}

bool is_solicited_node(const IpAddress& address) noexcept {
    return address.is_v6() && address == solicited_node(address);
}

constexpr std::uint8_t option_of(NdpType type) noexcept {
    return type == NdpType::solicitation ? option_source_link_layer : option_target_link_layer;
}

/// Reads the options. RFC 4861 section 4.6: the length is in units of 8 octets, and zero is an error.
std::expected<void, PacketError> read_options(std::span<const std::uint8_t> options,
                                              NdpMessage& message) noexcept {
    while (!options.empty()) {
        if (options.size() < 2)
            return std::unexpected(PacketError::truncated);
        const std::size_t length = static_cast<std::size_t>(options[1]) * 8;
        if (length == 0)
            return std::unexpected(PacketError::header_length);
        if (length > options.size())
            return std::unexpected(PacketError::truncated);
        if (options[0] == option_of(message.type) && length == option_link_layer_size &&
            !message.link_layer) {
            MacAddress mac;
            std::copy_n(options.subspan(2, 6).begin(), 6, mac.octets.begin());
            message.link_layer = mac;
        }
        options = options.subspan(length);
    }
    return {};
}

} // namespace

IpAddress solicited_node(const IpAddress& address) noexcept {
    IpAddress group = IpAddress::v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff});
    std::copy_n(address.octets.begin() + 13, 3, group.octets.begin() + 13);
    return group;
}

MacAddress multicast_mac(const IpAddress& group) noexcept {
    return {{0x33, 0x33, group.octets[12], group.octets[13], group.octets[14], group.octets[15]}};
}

NdpFrame unsolicited_advertisement(const MacAddress& own, const IpAddress& vip) noexcept {
    return {multicast_mac(all_nodes), own, all_nodes, vip, {NdpType::advertisement, ndp_override, vip, own}};
}

NdpFrame neighbour_probe(const MacAddress& own, const IpAddress& vip) noexcept {
    const IpAddress group = solicited_node(vip);
    return {multicast_mac(group), own, group, unspecified, {NdpType::solicitation, 0, vip, std::nullopt}};
}

NdpFrame solicited_advertisement(const MacAddress& own, const IpAddress& target, const MacAddress& asker_mac,
                                 const IpAddress& asker) noexcept {
    if (asker == unspecified)
        return unsolicited_advertisement(own, target);
    constexpr auto flags = static_cast<std::uint8_t>(ndp_solicited | ndp_override);
    return {asker_mac, own, asker, target, {NdpType::advertisement, flags, target, own}};
}

std::size_t write_ndp(std::span<std::uint8_t> out, const NdpFrame& frame) noexcept {
    const NdpMessage& message = frame.message;
    const std::size_t body_size = NdpMessage::size_min + (message.link_layer ? option_link_layer_size : 0);
    const std::size_t length = EthernetFrame::header_size + IpPacket::ipv6_header + body_size;
    if (out.size() < length || !frame.source_ip.is_v6() || !frame.destination_ip.is_v6() ||
        !message.target.is_v6())
        return 0;
    std::size_t offset = write_ethernet(out, frame.destination, frame.source, ether_type_ipv6);
    offset += write_ip(out.subspan(offset), frame.source_ip, frame.destination_ip, protocol_icmpv6,
                       hop_limit_on_link, body_size);
    const auto body = out.subspan(offset, body_size);
    std::fill(body.begin(), body.end(), std::uint8_t{0});
    body[ndp_at::type] = static_cast<std::uint8_t>(message.type);
    body[ndp_at::flags] = message.flags;
    std::copy_n(message.target.octets.begin(), 16, body.subspan(ndp_at::target, 16).begin());
    if (message.link_layer) {
        body[ndp_at::options] = option_of(message.type);
        body[ndp_at::options + 1] = 1;
        std::copy_n(message.link_layer->octets.begin(), 6, body.subspan(ndp_at::options + 2, 6).begin());
    }
    store_be(body, ndp_at::checksum,
             transport_checksum(frame.source_ip, frame.destination_ip, protocol_icmpv6, body));
    return length;
}

std::expected<NdpMessage, PacketError> parse_ndp(const IpPacket& packet) noexcept {
    const auto body = packet.payload;
    if (!packet.source.is_v6() || packet.protocol != protocol_icmpv6)
        return std::unexpected(PacketError::kind);
    // RFC 6980: neighbour messages are never fragmented.
    if (packet.fragment != Fragment::whole)
        return std::unexpected(PacketError::fragment);
    if (body.empty())
        return std::unexpected(PacketError::truncated);
    const auto type = static_cast<NdpType>(body[ndp_at::type]);
    if (type != NdpType::solicitation && type != NdpType::advertisement)
        return std::unexpected(PacketError::kind);
    if (body.size() < NdpMessage::size_min)
        return std::unexpected(PacketError::truncated);
    if (packet.hop_limit != hop_limit_on_link)
        return std::unexpected(PacketError::off_link);
    if (transport_checksum(packet.source, packet.destination, protocol_icmpv6, body) != 0)
        return std::unexpected(PacketError::checksum);
    if (body[ndp_at::code] != 0)
        return std::unexpected(PacketError::kind);
    NdpMessage message;
    message.type = type;
    if (type == NdpType::advertisement)
        message.flags = body[ndp_at::flags] & (ndp_router | ndp_solicited | ndp_override);
    message.target = IpAddress::v6({});
    std::copy_n(body.subspan(ndp_at::target, 16).begin(), 16, message.target.octets.begin());
    if (const auto options = read_options(body.subspan(ndp_at::options), message); !options)
        return std::unexpected(options.error());
    // RFC 4861 section 7.1.1: a solicitation without sender goes to a solicited-node group and carries no
    // option; section 7.1.2: an advertisement to a group is not solicited.
    const bool nameless = type == NdpType::solicitation && packet.source == unspecified;
    if (is_multicast(message.target) ||
        (nameless && (message.link_layer.has_value() || !is_solicited_node(packet.destination))) ||
        (is_multicast(packet.destination) && (message.flags & ndp_solicited) != 0))
        return std::unexpected(PacketError::address);
    return message;
}

} // namespace tandem::wire
