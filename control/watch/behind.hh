// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Asks the SIP server behind an appliance, at the VIP.
//
// Problem: with transparent forwarding the server has the VIP as an address, and may listen nowhere else. The
// appliance's own kernel has the VIP as well while it is active, so a common socket would ask itself. Idea:
// the look that a standby takes at the other node's service (look.hh), here over the inside interface and to
// the link-layer address of this node's own server, which the kernel's neighbour table knows. The answer goes
// to this node's own inside address, so it comes back whatever the role is. Deliberately absent: when to ask,
// and what silence means.

#include "control/watch/look.hh"
#include "control/watch/options_socket.hh"

#include <expected>
#include <string>

namespace tandem::watch {

class BehindSocket {
public:
    struct Settings {
        int interface_index{0}; ///< of the inside interface
        wire::MacAddress own_mac;
        wire::IpAddress own;    ///< this node's, on the inside network
        wire::IpAddress server; ///< of any family: only its link-layer address matters
        wire::IpAddress vip;    ///< of the family of `own`
        std::uint16_t port{0};
    };

    static std::expected<BehindSocket, std::string> open(const Settings& settings);

    int descriptor() const { return look_.descriptor(); }
    /// Sends the next question. As long as the server's link-layer address is not known, the kernel is asked
    /// to find it out, and nothing is sent.
    void ask();
    /// `answer` or `nothing`. Never blocks. Call until `nothing`.
    OptionsSocket::Received receive() noexcept;

private:
    BehindSocket(Look look, const Settings& settings)
        : look_(std::move(look))
        , settings_(settings) {}
    Look look_;
    Settings settings_;
};

} // namespace tandem::watch
