// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Who holds an address, and since when: address events of several network namespaces, written down as they
// come.
//
// One netlink socket a namespace, all read by one thread, so that the lines are in the order in which the
// kernel reported. Renewals of a lease are no change and give no line.

#include <expected>
#include <string>
#include <vector>

namespace tandem::phone {

struct HoldersSettings {
    std::vector<std::string> namespaces; ///< names as of `ip netns`
    std::string interface;               ///< only addresses on the interface of this name count
    std::vector<std::string> addresses;  ///< IPv4 or IPv6
};

/// Writes to standard output, a line each: `<CLOCK_MONOTONIC ns> <namespace> +|- <address>`, those held at
/// the start first, then `ready`. Ends at SIGTERM or SIGINT. The error is a sentence.
std::expected<void, std::string> watch_holders(const HoldersSettings& settings);

} // namespace tandem::phone
