// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Settings of this network namespace under net. Internal to this folder.
// Deliberately absent: settings outside net, and text longer than a number.

#include "netlink/kernel.hh"

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::netlink {

enum class Setting : std::uint8_t { was_so, changed };

/// The setting with this key, as `ipv4/conf/eth0/arp_ignore`; nothing where the kernel has no such setting.
std::optional<int> read_setting(std::string_view key);

/// Writes only where the value is another, so that a read-only /proc with the right values is good enough.
std::expected<Setting, Error> want_setting(std::string_view key, int value);

/// The key as operators write it: `net.ipv4.conf.eth0.arp_ignore`, with the dots of an interface name as
/// slashes.
std::string display_name(std::string_view key);

} // namespace tandem::netlink
