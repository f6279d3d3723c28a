// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the workers hear of next hops, and what their quick way is told of them.

#include "dataplane/contract/policy.hh"
#include "dataplane/contract/ring.hh"
#include "dataplane/io/dpdk/burst.hh"
#include "dataplane/path/next_hops.hh"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace tandem::dpdk {

/// A neighbour that a worker misses.
struct HopAsk {
    path::Segment segment{};
    wire::IpAddress address;
};
using HopChanges = contract::Ring<path::HopChange, 8192>; ///< main thread to one worker
using HopAsks = contract::Ring<HopAsk, 256>;              ///< first worker to main thread

/// Where the server of a VIP is, on the inside network.
inline const wire::IpAddress& server_of(const contract::Vip& vip) {
    return vip.server.family == wire::Family::none ? vip.address : vip.server;
}

/// Tells the quick way where the servers are, and that what it knows of other next hops is old.
inline void tell_servers(Burst& burst, const path::NextHops& hops, const contract::Policy& policy) {
    burst.clear_next_hops();
    const std::size_t count = std::min<std::size_t>(policy.vip_count, policy.vips.size());
    for (std::size_t i = 0; i < count; ++i) {
        const auto hop = hops.neighbour(path::Segment::inside, server_of(policy.vips[i]));
        const bool known = hop.found == path::NextHops::Hop::Found::known;
        burst.set_server(i, known ? std::optional{hop.mac} : std::nullopt);
    }
}

} // namespace tandem::dpdk
