// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A capture file as a sequence of packets that begin with their IP header.
//
// Knows Ethernet (VLAN tags included), raw IP, and Linux cooked captures of both versions.
// Deliberately absent: live capture, filters, what a packet means.

#include "dataplane/path/instant.hh"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace tandem::pcap {

struct Captured {
    path::Instant at;                     ///< as the file says: time since its own epoch, or since 1970
    std::span<const std::uint8_t> packet; ///< empty: no IP packet; valid until the next read
};

class Capture {
public:
    /// The error is a sentence with the file's name.
    static std::expected<Capture, std::string> open(const std::string& file);

    Capture(Capture&&) noexcept;
    Capture& operator=(Capture&&) noexcept;
    ~Capture();

    /// The next packet; nothing at the end of the file or where it is damaged.
    std::optional<Captured> next();
    /// Where the file is damaged, a sentence; empty: it is not, as far as it was read.
    const std::string& damage() const;

private:
    struct Impl;
    explicit Capture(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem::pcap
