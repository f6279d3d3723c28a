// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Who has the VIP? The answer of an appliance, whose kernel is not asked (RFC 826; RFC 4861 section 7.2.4).
//
// Problem: the kernel answers for an address for as long as it has it, whatever became of the role. Idea: the
// engine answers, under the grant, and nobody else hears the question. Deliberately absent: announcements
// (control/announce), questions about other addresses (the kernel's).

#include "dataplane/contract/policy.hh"
#include "dataplane/path/decide.hh"
#include "dataplane/wire/ethernet.hh"

#include <array>
#include <cstdint>
#include <span>

namespace tandem::path {

enum class VipQuestion : std::uint8_t {
    none,     ///< the frame does not ask for a VIP
    silent,   ///< it does, and this node is not the one to answer
    answered, ///< `size` octets of `out` are the answer
};

struct VipAnswer {
    VipQuestion question{VipQuestion::none};
    std::uint8_t group{0};
    std::size_t size{0};
};

/// Octets that the longest answer has, without tags.
inline constexpr std::size_t vip_answer_max = 96;

/// Looks at an ARP or IPv6 frame. `stances`: of this node, by group. `own`: the port's MAC address.
/// A station that claims a VIP does not ask for it. While the grant has lapsed, only probes are answered:
/// they draw no traffic, and tell the other node that somebody is still there (it looks at the service next).
VipAnswer answer_for_vip(const wire::EthernetFrame& frame, const contract::Policy& policy,
                         const std::array<Stance, contract::groups_max>& stances, const wire::MacAddress& own,
                         std::span<std::uint8_t> out) noexcept;

} // namespace tandem::path
