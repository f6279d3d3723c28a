// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/cache.hh"
#include "netlink/kernel.hh"

#include <linux/neighbour.h>
#include <netlink/route/neighbour.h>

namespace tandem::netlink {

namespace {

struct NeighbourDeleter {
    void operator()(rtnl_neigh* neighbour) const { rtnl_neigh_put(neighbour); }
};
struct AddressDeleter {
    void operator()(nl_addr* address) const { nl_addr_put(address); }
};
using NeighbourOwner = std::unique_ptr<rtnl_neigh, NeighbourDeleter>;
using AddressOwner = std::unique_ptr<nl_addr, AddressDeleter>;

constexpr int usable_states = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

std::optional<wire::MacAddress> mac_of(rtnl_neigh* neighbour) {
    const nl_addr* address = rtnl_neigh_get_lladdr(neighbour);
    wire::MacAddress mac;
    if (address == nullptr || nl_addr_get_len(address) != mac.octets.size() ||
        (rtnl_neigh_get_state(neighbour) & usable_states) == 0)
        return std::nullopt;
    const auto* octets = static_cast<const std::uint8_t*>(nl_addr_get_binary_addr(address));
    std::copy_n(octets, mac.octets.size(), mac.octets.begin());
    return mac;
}

/// As if somebody had a packet for it: the kernel asks the network (NTF_USE).
void use(nl_sock* socket, int interface_index, nl_addr* address) {
    const NeighbourOwner entry(rtnl_neigh_alloc());
    if (entry == nullptr)
        return;
    rtnl_neigh_set_ifindex(entry.get(), interface_index);
    rtnl_neigh_set_dst(entry.get(), address);
    rtnl_neigh_set_state(entry.get(), NUD_NONE);
    rtnl_neigh_set_flags(entry.get(), NTF_USE);
    static_cast<void>(rtnl_neigh_add(socket, entry.get(), NLM_F_CREATE));
}

} // namespace

std::optional<wire::MacAddress> resolve_neighbour(int interface_index, const wire::IpAddress& address) {
    if (address.size() == 0)
        return std::nullopt;
    const auto socket = connect_route();
    if (!socket)
        return std::nullopt;
    const AddressOwner wanted(
        nl_addr_build(address.is_v4() ? AF_INET : AF_INET6, address.octets.data(), address.size()));
    if (wanted == nullptr)
        return std::nullopt;
    const auto neighbours =
        dump("neighbours", [&](nl_cache** cache) { return rtnl_neigh_alloc_cache(socket->get(), cache); });
    if (!neighbours)
        return std::nullopt;
    const NeighbourOwner found(rtnl_neigh_get(neighbours->get(), interface_index, wanted.get()));
    const auto mac = found == nullptr ? std::nullopt : mac_of(found.get());
    // A known one is used as well, so that the kernel sees to it that it stays true. An operator's entry is
    // left alone: the kernel would take "use" for a wish to find it out anew.
    if (found == nullptr || (rtnl_neigh_get_state(found.get()) & NUD_PERMANENT) == 0)
        use(socket->get(), interface_index, wanted.get());
    return mac;
}

} // namespace tandem::netlink
