// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The kernel's view of a port: a TAP interface.
//
// What is not for the fast path goes through it, in both directions: ARP and neighbour discovery, the node's
// own address, checks, announcements. The interface is persistent, so that its addresses outlive the engine;
// it has the port's MAC address, and its carrier is the port's link, so that whoever watches the interface
// watches the port. Without an engine it has no carrier. Deliberately absent: offloads, several queues (what
// needs speed does not come here).

#include "dataplane/wire/address.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>

namespace tandem::dpdk {

enum class Carrier : std::uint8_t { off, on };

class Tap {
public:
    /// Opens the interface, makes it where it is absent, gives it the MAC address and the MTU and sets it up.
    /// The error is a sentence.
    static std::expected<Tap, std::string> open(const std::string& name, const wire::MacAddress& mac,
                                                std::size_t mtu);
    Tap(Tap&& other) noexcept;
    Tap& operator=(Tap&& other) noexcept;
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;
    ~Tap();

    /// Gives the kernel a frame. False: it did not take it.
    bool write(std::span<const std::uint8_t> frame) noexcept;
    /// A frame of the kernel, written to `out`; its length, 0: there is none.
    std::size_t read(std::span<std::uint8_t> out) noexcept;
    /// Shows the port's link. From any thread.
    void set_carrier(Carrier carrier) noexcept;

    int descriptor() const { return descriptor_; }
    int index() const { return index_; }

private:
    Tap(int descriptor, int index)
        : descriptor_(descriptor)
        , index_(index) {}
    int descriptor_{-1};
    int index_{0};
};

} // namespace tandem::dpdk
