// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Questions by ARP or neighbour solicitation over one interface, and the answers to them.
//
// Deliberately absent: when to ask, and what silence means.

#include "control/watch/descriptor.hh"

#include "dataplane/wire/address.hh"

#include <expected>
#include <optional>
#include <span>
#include <string>

namespace tandem::probe {

class NeighbourSocket {
public:
    /// A sentence on failure.
    static std::expected<NeighbourSocket, std::string> open(wire::Family family,
                                                            const std::string& interface);

    int descriptor() const { return socket_.get(); }
    /// `source`: of none, the address that the kernel would choose, or none at all where it has none there.
    /// Never blocks. The number of the error; 0: sent.
    int ask(const wire::IpAddress& to, wire::IpAddress source) noexcept;

    struct Answer {
        wire::IpAddress from;
        wire::MacAddress mac;
    };
    /// The next answer to this machine that has arrived; nothing: there is none. Never blocks.
    std::optional<Answer> receive() noexcept;

private:
    NeighbourSocket(wire::Family family, std::string interface)
        : family_(family)
        , interface_(std::move(interface)) {}
    bool prepare();
    bool read_own_mac() noexcept;
    /// The address from which the kernel would send to `to` over the interface; of none: it would not.
    wire::IpAddress own_address(const wire::IpAddress& to) const noexcept;
    std::optional<Answer> answer_of(std::span<const std::uint8_t> frame) const noexcept;

    wire::Family family_;
    std::string interface_;
    wire::MacAddress own_;
    watch::Descriptor socket_;
};

} // namespace tandem::probe
