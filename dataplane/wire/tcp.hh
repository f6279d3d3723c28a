// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// TCP segments (RFC 9293 section 3.1).
//
// Deliberately absent: options, connections, checksums while reading (a packet that the kernel or a NIC hands
// over may carry an unfinished one).

#include "dataplane/wire/packet_error.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace tandem::wire {

struct TcpSegment {
    static constexpr std::size_t header_min = 20;
    static constexpr std::size_t checksum_at = 16;

    std::uint16_t source_port{0};
    std::uint16_t destination_port{0};
    std::uint32_t sequence{0};
    std::uint32_t acknowledgement{0};
    bool fin{false};
    bool syn{false};
    bool rst{false};
    bool ack{false};
    std::span<const std::uint8_t> payload;
};

/// Reads the payload of a whole IP packet of protocol TCP. Errors: truncated, header_length.
std::expected<TcpSegment, PacketError> parse_tcp(std::span<const std::uint8_t> bytes) noexcept;

} // namespace tandem::wire
