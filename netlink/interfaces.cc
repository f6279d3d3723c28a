// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/cache.hh"
#include "netlink/kernel.hh"

#include <linux/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include <algorithm>
#include <cstring>

namespace tandem::netlink {

namespace {

Interface interface_of(rtnl_link* link) {
    Interface result;
    result.index = rtnl_link_get_ifindex(link);
    if (const char* name = rtnl_link_get_name(link); name != nullptr)
        result.name = name;
    const unsigned flags = rtnl_link_get_flags(link);
    result.up = (flags & IFF_UP) != 0;
    result.carrier = (flags & IFF_LOWER_UP) != 0;
    if (const nl_addr* mac = rtnl_link_get_addr(link);
        mac != nullptr && nl_addr_get_len(mac) == sizeof(wire::MacAddress))
        std::memcpy(result.mac.octets.data(), nl_addr_get_binary_addr(mac), result.mac.octets.size());
    return result;
}

void take_address(rtnl_addr* entry, std::vector<Interface>& interfaces) {
    const nl_addr* local = rtnl_addr_get_local(entry);
    const wire::IpAddress address = address_from(local);
    if (address.size() == 0)
        return;
    const auto owner = std::ranges::find(interfaces, rtnl_addr_get_ifindex(entry), &Interface::index);
    if (owner != interfaces.end())
        owner->addresses.push_back({address, static_cast<std::uint8_t>(rtnl_addr_get_prefixlen(entry))});
}

} // namespace

std::expected<std::vector<Interface>, Error> list_interfaces() {
    const auto socket = connect_route();
    if (!socket)
        return std::unexpected(socket.error());
    const auto links = dump("interfaces", [&](nl_cache** cache) {
        return rtnl_link_alloc_cache(socket->get(), AF_UNSPEC, cache);
    });
    if (!links)
        return std::unexpected(links.error());
    const auto addresses =
        dump("addresses", [&](nl_cache** cache) { return rtnl_addr_alloc_cache(socket->get(), cache); });
    if (!addresses)
        return std::unexpected(addresses.error());

    std::vector<Interface> result;
    for_each<rtnl_link>(**links, [&](rtnl_link* link) { result.push_back(interface_of(link)); });
    for_each<rtnl_addr>(**addresses, [&](rtnl_addr* entry) { take_address(entry, result); });
    return result;
}

} // namespace tandem::netlink
