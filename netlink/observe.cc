// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/observe.hh"
#include "netlink/cache.hh"

#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>

#include <array>
#include <cstring>

namespace tandem::netlink {

std::expected<std::vector<ObservedRule>, Error> list_rules() {
    const auto socket = connect_route();
    if (!socket)
        return std::unexpected(socket.error());
    // libnl 3.7 lists the rules of all families whatever family it is asked for; asked for all, every version
    // does.
    const auto rules = dump("routing rules", [&](nl_cache** cache) {
        return rtnl_rule_alloc_cache(socket->get(), AF_UNSPEC, cache);
    });
    if (!rules)
        return std::unexpected(rules.error());
    std::vector<ObservedRule> result;
    for_each<rtnl_rule>(**rules, [&](rtnl_rule* rule) {
        ObservedRule seen;
        seen.family = rtnl_rule_get_family(rule) == AF_INET    ? wire::Family::ipv4
                      : rtnl_rule_get_family(rule) == AF_INET6 ? wire::Family::ipv6
                                                               : wire::Family::none;
        seen.table = rtnl_rule_get_table(rule);
        seen.priority = rtnl_rule_get_prio(rule);
        const nl_addr* source = rtnl_rule_get_src(rule);
        seen.source.address = address_from(source);
        if (source != nullptr)
            seen.source.length = static_cast<std::uint8_t>(nl_addr_get_prefixlen(source));
        if (seen.family != wire::Family::none) // multicast routing has rules, too
            result.push_back(seen);
    });
    return result;
}

namespace {

/// The route as one of the two forms that the shadow table holds; nothing for any other.
std::optional<DefaultRoute> as_default(rtnl_route* route, wire::Family family) {
    if (const nl_addr* destination = rtnl_route_get_dst(route);
        destination != nullptr && nl_addr_get_prefixlen(destination) != 0)
        return std::nullopt;
    DefaultRoute result;
    result.family = family;
    result.table = rtnl_route_get_table(route);
    result.metric = rtnl_route_get_priority(route);
    if (rtnl_route_get_type(route) == RTN_BLACKHOLE)
        return result;
    rtnl_nexthop* hop = rtnl_route_get_nnexthops(route) == 1 ? rtnl_route_nexthop_n(route, 0) : nullptr;
    if (rtnl_route_get_type(route) != RTN_UNICAST || hop == nullptr ||
        rtnl_route_nh_get_gateway(hop) != nullptr)
        return std::nullopt;
    result.kind = RouteKind::through_interface;
    result.interface_index = rtnl_route_nh_get_ifindex(hop);
    return result;
}

} // namespace

std::expected<ObservedTable, Error> list_routes(std::uint32_t table) {
    const auto socket = connect_route();
    if (!socket)
        return std::unexpected(socket.error());
    ObservedTable result;
    for (const auto family : {wire::Family::ipv4, wire::Family::ipv6}) {
        const int number = family == wire::Family::ipv4 ? AF_INET : AF_INET6;
        const auto routes = dump("routes", [&](nl_cache** cache) {
            return rtnl_route_alloc_cache(socket->get(), number, 0, cache);
        });
        if (!routes)
            return std::unexpected(routes.error());
        for_each<rtnl_route>(**routes, [&](rtnl_route* route) {
            if (rtnl_route_get_table(route) != table)
                return;
            if (const auto known = as_default(route, family))
                result.defaults.push_back(*known);
            else
                ++result.others;
        });
    }
    return result;
}

std::expected<LinkKind, Error> kind_of_link(const std::string& name) {
    const auto socket = connect_route();
    if (!socket)
        return std::unexpected(socket.error());
    rtnl_link* found = nullptr;
    const int result = rtnl_link_get_kernel(socket->get(), 0, name.c_str(), &found);
    if (result == -NLE_NODEV || result == -NLE_OBJ_NOTFOUND)
        return LinkKind::absent;
    if (result < 0)
        return std::unexpected(library_error(result, "cannot look up interface " + name));
    const std::unique_ptr<rtnl_link, decltype(&rtnl_link_put)> link(found, rtnl_link_put);
    const char* type = rtnl_link_get_type(link.get());
    // A TAP is of type "tun" too, but has Ethernet addresses.
    const bool tun =
        type != nullptr && std::strcmp(type, "tun") == 0 && rtnl_link_get_arptype(link.get()) == ARPHRD_NONE;
    return tun ? LinkKind::tun : LinkKind::other;
}

} // namespace tandem::netlink
