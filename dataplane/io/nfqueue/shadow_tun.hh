// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The near end of the shadow interface: an existing, persistent TUN. What is written appears to the local
// stack as if it had come in on that interface; what the shadow server sends is read here and goes no
// further. Deliberately absent: making the interface, its addresses and rules (netlink).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace tandem::nfqueue {

class ShadowTun {
public:
    ShadowTun();
    ShadowTun(const ShadowTun&) = delete;
    ShadowTun& operator=(const ShadowTun&) = delete;
    ~ShadowTun();

    /// Attaches to the interface. False when it does not exist or is taken.
    bool open(const std::string& name);
    void close();
    bool is_open() const { return descriptor_ >= 0; }
    int descriptor() const { return descriptor_; }

    /// Puts a packet in front of the local stack; false when the kernel refused it.
    bool write(std::span<const std::uint8_t> packet);
    /// The next packet that the shadow server sent; nothing when there is none. Closes itself when the
    /// interface is gone. Valid until the next call.
    std::optional<std::span<const std::uint8_t>> read();

private:
    int descriptor_{-1};
    std::unique_ptr<std::uint8_t[]> buffer_;
};

} // namespace tandem::nfqueue
