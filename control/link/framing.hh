// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How messages follow each other on the control stream: a 32-bit length, big-endian, and that many octets.
// Lengths that no message can have say something by themselves. Pure.

#include <array>
#include <cstddef>
#include <cstdint>

namespace tandem::link {

enum class FrameKind : std::uint8_t {
    message,
    keepalive, ///< length 0
    goodbye,   ///< 0xffffffff: the process stops
    abandon,   ///< 0xfffffffe: the process gives up this session, and lives
    refused,   ///< any other length above the limit
};

inline constexpr std::size_t frame_header_size = 4;
using FrameHeader = std::array<std::uint8_t, frame_header_size>;

inline constexpr std::uint32_t keepalive_length = 0;
inline constexpr std::uint32_t goodbye_length = 0xffffffffU;
inline constexpr std::uint32_t abandon_length = 0xfffffffeU;

struct Frame {
    FrameKind kind{FrameKind::refused};
    std::size_t length{0}; ///< of a message
};

constexpr FrameHeader frame_header(std::uint32_t length) {
    return {static_cast<std::uint8_t>(length >> 24), static_cast<std::uint8_t>(length >> 16),
            static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
}

/// What a header announces when messages may have at most `message_max` octets.
constexpr Frame read_frame_header(const FrameHeader& header, std::size_t message_max) {
    const std::uint32_t length = std::uint32_t{header[0]} << 24 | std::uint32_t{header[1]} << 16 |
                                 std::uint32_t{header[2]} << 8 | std::uint32_t{header[3]};
    switch (length) {
    case keepalive_length:
        return {FrameKind::keepalive, 0};
    case goodbye_length:
        return {FrameKind::goodbye, 0};
    case abandon_length:
        return {FrameKind::abandon, 0};
    default:
        if (length > message_max)
            return {FrameKind::refused, 0};
        return {FrameKind::message, length};
    }
}

} // namespace tandem::link
