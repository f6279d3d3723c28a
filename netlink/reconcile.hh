// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Wanted x observed -> operations. Pure.

#include "dataplane/wire/address.hh"

#include <compare>
#include <cstdint>
#include <vector>

namespace tandem::netlink {

/// What there can be of one thing. `vip_outside`: the VIP on an outside interface; `vip_shadow`: on the
/// shadow interface; `egress_rule`: the rule that keeps the shadow server's traffic back.
enum class Kind : std::uint8_t { egress_rule, vip_shadow, vip_outside };

struct Item {
    Kind kind{};
    wire::IpAddress address;
    int interface_index{0}; ///< 0 for rules
    auto operator<=>(const Item&) const = default;
};

enum class Verb : std::uint8_t { add, remove };

struct Operation {
    Verb verb{};
    Item item;
    bool operator==(const Operation&) const = default;
};

/// The operations that lead from `observed` to `wanted`, in safe order: rules added first, then addresses
/// removed, then addresses added, rules removed last.
std::vector<Operation> reconcile(std::vector<Item> wanted, std::vector<Item> observed);

} // namespace tandem::netlink
