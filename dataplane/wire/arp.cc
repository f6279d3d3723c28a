// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/arp.hh"

#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/octets.hh"

#include <algorithm>

namespace tandem::wire {
namespace {

constexpr std::uint16_t hardware_ethernet = 1;

// RFC 826, "Packet format", for Ethernet and IPv4.
namespace arp_at {
constexpr std::size_t hardware_type = 0;
constexpr std::size_t protocol_type = 2;
constexpr std::size_t hardware_length = 4;
constexpr std::size_t protocol_length = 5;
constexpr std::size_t operation = 6;
constexpr std::size_t sender_mac = 8;
constexpr std::size_t sender_ip = 14;
constexpr std::size_t target_mac = 18;
constexpr std::size_t target_ip = 24;
static_assert(target_ip + 4 == ArpPacket::size);
} // namespace arp_at

constexpr IpAddress unspecified_v4 = IpAddress::v4({0, 0, 0, 0});

void put(std::span<std::uint8_t> out, std::size_t offset, std::span<const std::uint8_t> bytes) noexcept {
    std::copy(bytes.begin(), bytes.end(), out.subspan(offset, bytes.size()).begin());
}

MacAddress mac_at(std::span<const std::uint8_t> bytes, std::size_t offset) noexcept {
    MacAddress mac;
    std::copy_n(bytes.subspan(offset, 6).begin(), 6, mac.octets.begin());
    return mac;
}

IpAddress ip_at(std::span<const std::uint8_t> bytes, std::size_t offset) noexcept {
    return IpAddress::v4({bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]});
}

} // namespace

ArpFrame gratuitous_arp_request(const MacAddress& own, const IpAddress& vip) noexcept {
    return {MacAddress::broadcast(), own, {ArpOperation::request, own, vip, MacAddress{}, vip}};
}

ArpFrame gratuitous_arp_reply(const MacAddress& own, const IpAddress& vip) noexcept {
    return {MacAddress::broadcast(), own, {ArpOperation::reply, own, vip, own, vip}};
}

ArpFrame arp_probe(const MacAddress& own, const IpAddress& vip) noexcept {
    return {MacAddress::broadcast(), own, {ArpOperation::request, own, unspecified_v4, MacAddress{}, vip}};
}

ArpFrame arp_reply(const MacAddress& own, const ArpPacket& request) noexcept {
    return {request.sender_mac,
            own,
            {ArpOperation::reply, own, request.target_ip, request.sender_mac, request.sender_ip}};
}

std::size_t write_arp(std::span<std::uint8_t> out, const ArpFrame& frame) noexcept {
    const ArpPacket& packet = frame.packet;
    if (out.size() < ArpFrame::size || !packet.sender_ip.is_v4() || !packet.target_ip.is_v4())
        return 0;
    const std::size_t header = write_ethernet(out, frame.destination, frame.source, ether_type_arp);
    const auto body = out.subspan(header, ArpPacket::size);
    store_be(body, arp_at::hardware_type, hardware_ethernet);
    store_be(body, arp_at::protocol_type, ether_type_ipv4);
    body[arp_at::hardware_length] = 6;
    body[arp_at::protocol_length] = 4;
    store_be(body, arp_at::operation, static_cast<std::uint16_t>(packet.operation));
    put(body, arp_at::sender_mac, packet.sender_mac.octets);
    put(body, arp_at::sender_ip, packet.sender_ip.bytes());
    put(body, arp_at::target_mac, packet.target_mac.octets);
    put(body, arp_at::target_ip, packet.target_ip.bytes());
    return ArpFrame::size;
}

std::expected<ArpPacket, PacketError> parse_arp(std::span<const std::uint8_t> payload) noexcept {
    if (payload.size() < ArpPacket::size)
        return std::unexpected(PacketError::truncated);
    const auto operation = static_cast<ArpOperation>(load_be<std::uint16_t>(payload, arp_at::operation));
    if (load_be<std::uint16_t>(payload, arp_at::hardware_type) != hardware_ethernet ||
        load_be<std::uint16_t>(payload, arp_at::protocol_type) != ether_type_ipv4 ||
        payload[arp_at::hardware_length] != 6 || payload[arp_at::protocol_length] != 4 ||
        (operation != ArpOperation::request && operation != ArpOperation::reply))
        return std::unexpected(PacketError::kind);
    return ArpPacket{operation, mac_at(payload, arp_at::sender_mac), ip_at(payload, arp_at::sender_ip),
                     mac_at(payload, arp_at::target_mac), ip_at(payload, arp_at::target_ip)};
}

} // namespace tandem::wire
