// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Has the SIP server bound its ports?
//
// Problem: a server that runs may have failed to bind (the port taken, an address missing at its start), and
// then serves nobody without saying so. Idea: a UDP packet to each SIP port of each VIP must find a socket.
// A TCP listener is no duty, but one that was there and went is worth a word. What cannot be looked at is not
// known, and never a failure. Deliberately absent: whose socket it is.

#include "control/watch/state.hh"

#include "dataplane/wire/address.hh"

#include <optional>
#include <span>
#include <vector>

namespace tandem::watch {

struct ListenerPlace {
    wire::IpAddress address;
    std::uint16_t port{0};
};

/// What the kernel says of one place; nothing: it could not be asked.
struct ListenerFacts {
    std::optional<bool> udp;
    std::optional<bool> tcp;
};

class ListenerJudge {
public:
    struct Verdict {
        State state{State::unknown};
        std::string detail;
        bool unbound{false}; ///< a UDP socket is missing
    };

    explicit ListenerJudge(std::vector<ListenerPlace> places)
        : places_(std::move(places))
        , had_tcp_(places_.size(), false) {}
    const std::vector<ListenerPlace>& places() const { return places_; }
    /// `facts` in the order of the places.
    Verdict look(std::span<const ListenerFacts> facts);

private:
    std::vector<ListenerPlace> places_;
    std::vector<bool> had_tcp_;
};

} // namespace tandem::watch
