// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/action_kernel.hh"

#include "control/announce/announce.hh"
#include "netlink/kernel.hh"
#include "netlink/request.hh"

#include <algorithm>
#include <cstring>
#include <optional>

namespace tandem::app {
namespace {

using Words = std::expected<std::string, std::string>;

std::expected<netlink::Interface, std::string> find_interface(const std::string& name) {
    const auto interfaces = netlink::list_interfaces();
    if (!interfaces)
        return std::unexpected(interfaces.error().what);
    const auto found = std::ranges::find(*interfaces, name, &netlink::Interface::name);
    if (found == interfaces->end())
        return std::unexpected("there is no interface " + name);
    return *found;
}

std::optional<wire::Prefix> held(const netlink::Interface& interface, const wire::IpAddress& address) {
    const auto found = std::ranges::find(interface.addresses, address, &wire::Prefix::address);
    return found == interface.addresses.end() ? std::nullopt : std::optional{*found};
}

enum class Change : std::uint8_t { put, remove };

/// Asks the kernel; empty, or why not.
std::string ask(const netlink::Interface& interface, const wire::Prefix& address, Change change) {
    auto socket = netlink::BatchSocket::open();
    if (!socket)
        return socket.error().what;
    netlink::Batch batch;
    netlink::RequestWriter writer(batch);
    const bool written = change == Change::put ? writer.put_address(address, interface.index, {})
                                               : writer.delete_address(address, interface.index);
    const int error = written ? socket->send(batch) : EINVAL;
    return error == 0 ? std::string{} : std::string{"the kernel refused: "} + std::strerror(error);
}

/// Tells the network that these addresses live here.
Words announce_addresses(const std::string& name, const std::vector<wire::IpAddress>& addresses) {
    const auto interface = find_interface(name);
    if (!interface)
        return std::unexpected(interface.error());
    auto announcer =
        announce::Announcer::open(interface->index, announce::announcement(interface->mac, addresses));
    if (!announcer)
        return std::unexpected(announcer.error());
    if (announcer->send() != announcer->size())
        return std::unexpected("the interface " + name + " did not take every announcement");
    return "announced on " + name;
}

} // namespace

Words add_address(const std::string& name, const wire::Prefix& address) {
    const auto interface = find_interface(name);
    if (!interface)
        return std::unexpected(interface.error());
    const bool was_there = held(*interface, address.address).has_value();
    if (!was_there) {
        if (const std::string why = ask(*interface, address, Change::put); !why.empty())
            return std::unexpected(why);
        const auto now = find_interface(name);
        if (!now || !held(*now, address.address))
            return std::unexpected(address.to_string() + " did not come to " + name);
    }
    const auto told = announce_addresses(name, {address.address});
    return address.to_string() + (was_there ? " was on " : " is on ") + name +
           (told ? ", announced" : ", not announced: " + told.error());
}

Words delete_address(const std::string& name, const wire::Prefix& address) {
    const auto interface = find_interface(name);
    if (!interface)
        return std::unexpected(interface.error());
    // As the kernel has it, whatever length the action gives.
    const auto have = held(*interface, address.address);
    if (!have)
        return address.address.to_string() + " was not on " + name;
    if (const std::string why = ask(*interface, *have, Change::remove); !why.empty())
        return std::unexpected(why);
    const auto now = find_interface(name);
    if (now && held(*now, address.address))
        return std::unexpected(address.address.to_string() + " did not go from " + name);
    return have->to_string() + " is off " + name;
}

} // namespace tandem::app
