// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/inspect.hh"

#include "dataplane/wire/ip.hh"
#include "dataplane/wire/sip.hh"
#include "dataplane/wire/udp.hh"

#include <algorithm>
#include <array>
#include <optional>

namespace tandem::path {
namespace {

/// The destination of a packet that parse_ip refused, for the safe way: on the standby even a damaged packet
/// to a VIP must not reach the shadow server.
std::optional<wire::IpAddress> destination_of_damaged(std::span<const std::uint8_t> packet) {
    if (packet.size() >= wire::IpPacket::ipv4_header_min && packet[0] >> 4U == 4) {
        std::array<std::uint8_t, 4> octets{};
        std::copy_n(packet.begin() + 16, octets.size(), octets.begin());
        return wire::IpAddress::v4(octets);
    }
    if (packet.size() >= wire::IpPacket::ipv6_header && packet[0] >> 4U == 6) {
        std::array<std::uint8_t, 16> octets{};
        std::copy_n(packet.begin() + 24, octets.size(), octets.begin());
        return wire::IpAddress::v6(octets);
    }
    return std::nullopt;
}

} // namespace

std::string_view to_string(Kind kind) {
    switch (kind) {
    case Kind::sip_matching:
        return "sip_matching";
    case Kind::sip_other:
        return "sip_other";
    case Kind::sip_malformed:
        return "sip_malformed";
    case Kind::keepalive:
        return "keepalive";
    case Kind::other_port:
        return "other_port";
    case Kind::fragment:
        return "fragment";
    case Kind::truncated:
        return "truncated";
    case Kind::unreadable:
        return "unreadable";
    case Kind::not_vip:
        return "not_vip";
    case Kind::late_binding:
        return "late_binding";
    case Kind::outdated:
        return "outdated";
    case Kind::count_:
        break;
    }
    return "?";
}

const contract::Vip* find_vip(const contract::Policy& policy, const wire::IpAddress& address) noexcept {
    const std::size_t count = std::min<std::size_t>(policy.vip_count, policy.vips.size());
    for (std::size_t i = 0; i < count; ++i)
        if (policy.vips[i].address == address && policy.vips[i].group < contract::groups_max)
            return &policy.vips[i];
    return nullptr;
}

Inspection inspect_sip(std::span<const std::uint8_t> payload, const contract::GroupPolicy& group,
                       std::uint8_t index) noexcept {
    const std::string_view text{reinterpret_cast<const char*>(payload.data()), payload.size()};
    switch (wire::classify_datagram(text)) {
    case wire::SipContent::keepalive:
        return {Kind::keepalive, index};
    case wire::SipContent::not_sip:
        return {Kind::sip_malformed, index};
    case wire::SipContent::response:
        if (!reads_responses(group))
            return {wire::summarize_start_line(text) ? Kind::sip_other : Kind::sip_malformed, index};
        break;
    case wire::SipContent::request:
        break;
    }
    const auto summary = wire::summarize(text);
    if (!summary)
        return {Kind::sip_malformed, index};
    const bool wanted =
        group.mirroring == contract::Mirroring::on && group.pattern.matches(summary->method, summary->kind);
    const bool binding =
        summary->kind == wire::SipKind::request && summary->method == wire::SipMethod::register_;
    return {wanted ? Kind::sip_matching : Kind::sip_other, index, binding};
}

Inspection inspect(std::span<const std::uint8_t> packet, const contract::Policy& policy) noexcept {
    const auto ip = wire::parse_ip(packet);
    if (!ip) {
        const auto destination = destination_of_damaged(packet);
        if (!destination)
            return {Kind::unreadable, 0};
        const contract::Vip* vip = find_vip(policy, *destination);
        if (vip == nullptr)
            return {Kind::not_vip, 0};
        return {ip.error() == wire::PacketError::fragment ? Kind::fragment : Kind::truncated, vip->group};
    }
    const contract::Vip* vip = find_vip(policy, ip->destination);
    if (vip == nullptr)
        return {Kind::not_vip, 0};
    if (ip->fragment != wire::Fragment::whole)
        return {Kind::fragment, vip->group};
    if (ip->protocol != wire::protocol_udp)
        return {Kind::other_port, vip->group};
    const auto udp = wire::parse_udp(ip->payload);
    if (!udp)
        return {Kind::truncated, vip->group};
    const contract::GroupPolicy& group = policy.groups[vip->group];
    if (!is_sip_port(group, udp->destination_port))
        return {Kind::other_port, vip->group};
    return inspect_sip(udp->payload, group, vip->group);
}

bool is_sip_port(const contract::GroupPolicy& group, std::uint16_t port) noexcept {
    const std::size_t count = std::min<std::size_t>(group.sip_port_count, group.sip_ports.size());
    return std::find(group.sip_ports.begin(), group.sip_ports.begin() + count, port) !=
           group.sip_ports.begin() + count;
}

std::optional<SipText> sip_text(std::span<const std::uint8_t> packet,
                                const contract::Policy& policy) noexcept {
    const auto ip = wire::parse_ip(packet);
    if (!ip || ip->fragment != wire::Fragment::whole || ip->protocol != wire::protocol_udp)
        return std::nullopt;
    const contract::Vip* vip = find_vip(policy, ip->destination);
    const auto udp = wire::parse_udp(ip->payload);
    if (vip == nullptr || !udp || !is_sip_port(policy.groups[vip->group], udp->destination_port))
        return std::nullopt;
    return SipText{vip->group,
                   udp->source_port,
                   ip->source,
                   {reinterpret_cast<const char*>(udp->payload.data()), udp->payload.size()}};
}

} // namespace tandem::path
