// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What rules, routes and links of the shadow arrangement are there. Internal to this folder.

#include "netlink/kernel.hh"
#include "netlink/request.hh"

#include <cstdint>
#include <expected>
#include <vector>

namespace tandem::netlink {

struct ObservedRule {
    wire::Family family{wire::Family::none};
    wire::Prefix source; ///< family `none`: any source
    std::uint32_t table{0};
    std::uint32_t priority{0};
};

/// Every rule of both families, duplicates included.
std::expected<std::vector<ObservedRule>, Error> list_rules();

/// What stands in one route table.
struct ObservedTable {
    std::vector<DefaultRoute> defaults; ///< the default routes through an interface or into a blackhole
    std::size_t others{0};              ///< all that is something else
};
std::expected<ObservedTable, Error> list_routes(std::uint32_t table);

enum class LinkKind : std::uint8_t { absent, tun, other };
/// What kind of interface has this name.
std::expected<LinkKind, Error> kind_of_link(const std::string& name);

} // namespace tandem::netlink
