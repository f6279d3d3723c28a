// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/vip_answer.hh"

#include "dataplane/path/inspect.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/ndp.hh"

#include <algorithm>

namespace tandem::path {
namespace {

enum class Asker : std::uint8_t { neighbour, prober };

bool may_answer(Stance stance, Asker asker) {
    return stance == Stance::active || (stance == Stance::lapsed && asker == Asker::prober);
}

bool is_unspecified(const wire::IpAddress& address) {
    return std::ranges::all_of(address.octets, [](std::uint8_t octet) { return octet == 0; });
}

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
    // RFC 5227 section 1.1: a probe has no sender address.
    if (!may_answer(stances[vip->group], is_unspecified(arp->sender_ip) ? Asker::prober : Asker::neighbour))
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
    // RFC 4862 section 5.4.3: nor has one of duplicate address detection.
    if (!may_answer(stances[vip->group], is_unspecified(ip->source) ? Asker::prober : Asker::neighbour))
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
