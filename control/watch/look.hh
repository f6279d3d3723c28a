// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Is the service itself there? One SIP OPTIONS to a VIP over the network.
//
// Problem: the active is not heard, yet something answers ARP for the VIP. It may be the active, cut off on
// the HA paths only; it may be a router with proxy ARP. Only the service can tell. The standby's own kernel
// has the VIP on the shadow interface, so a common socket would ask the shadow server. Idea: the request is a
// prebuilt frame, sent on the outside interface to the link-layer address that answered; the answer is taken
// from a packet socket with a filter of its own. Deliberately absent: what follows from the answer.

#include "dataplane/wire/address.hh"

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

namespace tandem::watch {

class Look {
public:
    /// `vip` and `own` are of the same family; `own` is this node's address on the outside interface.
    static std::expected<Look, std::string> open(int interface_index, wire::MacAddress own_mac,
                                                 wire::IpAddress own, wire::IpAddress vip,
                                                 std::uint16_t port);
    Look(Look&&) noexcept;
    Look& operator=(Look&&) noexcept;
    ~Look();

    /// Sends the question to `station`, and before it an ARP request or neighbour solicitation for the VIP in
    /// our own name, so that the station knows where the answer goes; it answers that one too. No allocation,
    /// never blocks: the pulse may call it.
    void ask(wire::MacAddress station) noexcept;
    /// For poll: readable when an answer may be there.
    int descriptor() const;
    /// True when a SIP response to one of the last questions was read. Never blocks, does not allocate.
    bool answered() noexcept;

private:
    struct State;
    explicit Look(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace tandem::watch
