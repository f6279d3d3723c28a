// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Asks the kernel about one network interface at a time (rtnetlink(7)), by name: an interface that was
// removed and made again has another index and is the same port.
//
// Deliberately absent: notifications of changes, which the service has from netlink's Monitor.

#include "control/watch/descriptor.hh"
#include "control/watch/nic.hh"

#include <expected>
#include <optional>
#include <string>

namespace tandem::watch {

class LinkTable {
public:
    static std::expected<LinkTable, std::string> open();
    /// Nothing: the kernel would not say. An interface that does not exist is an answer.
    std::optional<PortFacts> look(const std::string& name);

private:
    explicit LinkTable(Descriptor fd)
        : fd_(std::move(fd)) {}
    Descriptor fd_;
    std::uint32_t sequence_{0};
};

} // namespace tandem::watch
