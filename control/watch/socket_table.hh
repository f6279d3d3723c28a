// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Asks the kernel which local sockets exist (sock_diag(7)).
//
// One question per address and port, answered from the kernel's own look-up for an arriving packet: a socket
// on the address or on the wildcard, also one of IPv6 that serves IPv4. Nothing is listed, so the cost does
// not grow with the number of sockets. Deliberately absent: whose socket it is.

#include "control/watch/descriptor.hh"

#include <expected>
#include <optional>
#include <string>

namespace tandem::watch {

enum class Transport : std::uint8_t { udp, tcp };

class SocketTable {
public:
    static std::expected<SocketTable, std::string> open();

    /// Whether a packet to this address and port would find a socket that receives from anybody (of TCP: that
    /// listens), bound to no interface or to this one. Nothing: the kernel would not say.
    std::optional<bool> bound(Transport transport, const wire::IpAddress& address, std::uint16_t port,
                              int interface_index);

private:
    explicit SocketTable(Descriptor fd)
        : fd_(std::move(fd)) {}
    std::optional<bool> look_up(Transport transport, const wire::IpAddress& address, std::uint16_t port,
                                int interface_index);
    Descriptor fd_;
    std::uint32_t sequence_{0};
};

} // namespace tandem::watch
