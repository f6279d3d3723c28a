// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/behind.hh"

#include "netlink/kernel.hh"

namespace tandem::watch {

std::expected<BehindSocket, std::string> BehindSocket::open(const Settings& settings) {
    auto look =
        Look::open(settings.interface_index, settings.own_mac, settings.own, settings.vip, settings.port);
    if (!look)
        return std::unexpected(look.error());
    return BehindSocket(std::move(*look), settings);
}

void BehindSocket::ask() {
    if (const auto mac = netlink::resolve_neighbour(settings_.interface_index, settings_.server))
        look_.ask(*mac);
}

OptionsSocket::Received BehindSocket::receive() noexcept {
    return look_.answered() ? OptionsSocket::Received::answer : OptionsSocket::Received::nothing;
}

} // namespace tandem::watch
