// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/vip_answer.hh"

#include "dataplane/path/inspect.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/ndp.hh"

namespace tandem::path {
namespace {

VipAnswer answer_arp(const wire::EthernetFrame& frame, const contract::Policy& policy,
                     const std::array<Stance, contract::groups_max>& stances, const wire::MacAddress& own,
                     std::span<std::uint8_t> out) {
    const auto arp = wire::parse_arp(frame.payload);
    // An announcement has the same address on both sides (RFC 5227 section 1.1): a claim, no question.
    if (!arp || arp->operation != wire::ArpOperation::request || arp->sender_ip == arp->target_ip)
        return {};
    const contract::Vip* vip = find_vip(policy, arp->target_ip);
    if (vip == nullptr || find_vip(policy, arp->sender_ip) != nullptr)
        return {};
    if (stances[vip->group] != Stance::active)
        return {VipQuestion::silent, vip->group, 0};
    return {VipQuestion::answered, vip->group, wire::write_arp(out, wire::arp_reply(own, *arp))};
}

VipAnswer answer_solicitation(const wire::EthernetFrame& frame, const contract::Policy& policy,
                              const std::array<Stance, contract::groups_max>& stances,
                              const wire::MacAddress& own, std::span<std::uint8_t> out) {
    const auto ip = wire::parse_ip(frame.payload);
    if (!ip || ip->protocol != wire::protocol_icmpv6)
        return {};
    const auto message = wire::parse_ndp(*ip);
    if (!message || message->type != wire::NdpType::solicitation)
        return {};
    const contract::Vip* vip = find_vip(policy, message->target);
    if (vip == nullptr)
        return {};
    if (stances[vip->group] != Stance::active)
        return {VipQuestion::silent, vip->group, 0};
    const wire::MacAddress asker = message->link_layer.value_or(frame.source);
    return {VipQuestion::answered, vip->group,
            wire::write_ndp(out, wire::solicited_advertisement(own, vip->address, asker, ip->source))};
}

} // namespace

VipAnswer answer_for_vip(const wire::EthernetFrame& frame, const contract::Policy& policy,
                         const std::array<Stance, contract::groups_max>& stances, const wire::MacAddress& own,
                         std::span<std::uint8_t> out) noexcept {
    if (frame.ether_type == wire::ether_type_arp)
        return answer_arp(frame, policy, stances, own, out);
    if (frame.ether_type == wire::ether_type_ipv6)
        return answer_solicitation(frame, policy, stances, own, out);
    return {};
}

} // namespace tandem::path
