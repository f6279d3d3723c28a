// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Creates the shadow interface. Internal to this folder.

#include "netlink/kernel.hh"

#include <expected>
#include <string>

namespace tandem::netlink {

/// Makes a TUN interface (IP packets without further header, one queue) that stays when nobody has it open.
/// Whoever attaches must ask for the same form: IFF_TUN | IFF_NO_PI.
std::expected<void, Error> create_tun(const std::string& name);

} // namespace tandem::netlink
