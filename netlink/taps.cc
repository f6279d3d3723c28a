// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/kernel.hh"
#include "netlink/reconcile.hh"
#include "netlink/request.hh"
#include "netlink/sysctl.hh"

#include <algorithm>
#include <cerrno>

namespace tandem::netlink {

namespace {

using Words = std::expected<std::vector<std::string>, Error>;

/// The VIPs that are on their interfaces.
std::vector<Item> observed(const TapSetup& setup, const std::vector<Interface>& interfaces) {
    std::vector<Item> items;
    for (const TapSetup::Served& served : setup.interfaces)
        for (const Interface& interface : interfaces)
            if (interface.name == served.interface)
                for (const wire::Prefix& address : interface.addresses)
                    if (std::ranges::find(served.vips, address.address) != served.vips.end())
                        items.push_back({Kind::vip_outside, address.address, interface.index});
    return items;
}

/// Until the role says otherwise no VIP is wanted anywhere.
Words remove_vips(const TapSetup& setup) {
    const auto interfaces = list_interfaces();
    if (!interfaces)
        return std::unexpected(interfaces.error());
    auto socket = BatchSocket::open();
    if (!socket)
        return std::unexpected(socket.error());
    std::vector<std::string> words;
    for (const Operation& operation : reconcile({}, observed(setup, *interfaces))) {
        const auto interface =
            std::ranges::find(*interfaces, operation.item.interface_index, &Interface::index);
        for (const wire::Prefix& address : interface->addresses) {
            if (address.address != operation.item.address)
                continue;
            const std::string sentence = "removed " + address.to_string() + " from " + interface->name;
            Batch batch;
            RequestWriter writer(batch);
            if (!writer.delete_address(address, interface->index))
                return std::unexpected(Error{EINVAL, "cannot ask the kernel: " + sentence});
            if (const int code = socket->send(batch); code != 0)
                return std::unexpected(Error{code, "the kernel refused: " + sentence});
            words.push_back(sentence);
        }
    }
    return words;
}

} // namespace

Words set_up_taps(const TapSetup& setup) {
    auto words = remove_vips(setup);
    if (!words)
        return words;
    for (const TapSetup::Served& served : setup.interfaces) {
        // What another interface has is not answered for here, nor used as sender.
        for (const auto& [setting, value] : {std::pair{"/arp_ignore", 1}, std::pair{"/arp_announce", 2}}) {
            const std::string key = "ipv4/conf/" + served.interface + setting;
            const auto done = want_setting(key, value);
            if (!done)
                return std::unexpected(done.error());
            if (*done == Setting::changed)
                words->push_back("set " + display_name(key) + " to " + std::to_string(value));
        }
    }
    return words;
}

Words clean_up(const TapSetup& setup) {
    return remove_vips(setup);
}

} // namespace tandem::netlink
