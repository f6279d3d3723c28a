// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Writes rtnetlink requests into a Batch.
//
// Problem: a transition is a handful of requests that must be bytes before they are needed, and in memory
// that two processes share. Idea: each function appends one complete request with NLM_F_REQUEST and
// NLM_F_ACK, its sequence number zero (the socket gives it one). What does not fit leaves the batch as it
// was. Deliberately absent: sending, and the order of requests.

#include "netlink/kernel.hh"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::netlink {

/// Seconds an address has to live.
struct Lifetime {
    static constexpr std::uint32_t forever = 0xffffffffU;
    std::uint32_t valid{forever};
    std::uint32_t preferred{forever};
};

enum class RouteKind : std::uint8_t { through_interface, blackhole };

/// A default route of one table.
struct DefaultRoute {
    wire::Family family{wire::Family::none};
    std::uint32_t table{0};
    std::uint32_t metric{0};
    RouteKind kind{RouteKind::blackhole};
    int interface_index{0}; ///< 0 for a blackhole
};

/// The lifetime of a VIP that is served: `vip_lease`. An IPv6 VIP is deprecated (RFC 4862 section 5.5.4) from
/// the start: it serves who binds it, but the kernel does not choose it as source for the host's own
/// connections (RFC 6724 section 5, rule 3), which would break at the next failover.
Lifetime lease_of(const wire::IpAddress& vip);

class RequestWriter {
public:
    /// Starts an empty batch; `batch` must outlive the writer.
    explicit RequestWriter(Batch& batch);

    // Each returns false if the request does not fit, or an address has no family; the batch is then
    // unchanged.

    /// Adds the address, or refreshes its lifetime where it is. No prefix route, no duplicate address
    /// detection.
    bool put_address(const wire::Prefix& address, int interface_index, Lifetime lifetime);
    bool delete_address(const wire::Prefix& address, int interface_index);
    /// `from source lookup table`, refused by the kernel (EEXIST) where it is already.
    bool add_rule(const wire::IpAddress& source, std::uint32_t table, std::uint32_t priority);
    bool delete_rule(const wire::IpAddress& source, std::uint32_t table, std::uint32_t priority);
    /// Adds the route, or replaces the one of the same table and metric.
    bool put_route(const DefaultRoute& route);
    bool delete_route(const DefaultRoute& route);
    bool set_link_up(int interface_index);
    bool delete_link(int interface_index);

private:
    class Request;
    Batch& batch_;
};

} // namespace tandem::netlink
