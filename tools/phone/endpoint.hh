// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// An address and a port as the socket calls want them.

#include <netinet/in.h>
#include <sys/socket.h>

#include <expected>
#include <string>

namespace tandem::phone {

struct Endpoint {
    sockaddr_storage storage{};
    socklen_t size{0};

    const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* address() { return reinterpret_cast<sockaddr*>(&storage); }
    int family() const { return storage.ss_family; }
    /// As it stands in a SIP URI or Via: `10.0.0.1:5060`, `[fd00::1]:5060`.
    std::string to_string() const;
};

/// `10.0.0.1`, `10.0.0.1:5060`, `fd00::1`, `[fd00::1]:5060`; names are not looked up.
std::expected<Endpoint, std::string> parse_endpoint(const std::string& text, std::uint16_t default_port);

} // namespace tandem::phone
