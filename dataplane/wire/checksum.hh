// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The Internet checksum (RFC 1071), whole and with the pseudo-header of UDP, TCP and ICMPv6 (RFC 768, RFC
// 9293 section 3.1, RFC 8200 section 8.1).
//
// Deliberately absent: deciding whether a checksum must be right. A packet that the kernel hands over may
// carry an unfinished one, which is not an error, so only the neighbour messages check it while they are
// read.

#include "dataplane/wire/address.hh"

#include <cstdint>
#include <span>

namespace tandem::wire {

/// Adds octets to a running sum. A part of odd length must be the last one.
constexpr std::uint64_t checksum_add(std::uint64_t sum, std::span<const std::uint8_t> bytes) noexcept {
    std::size_t i = 0;
    for (; i + 1 < bytes.size(); i += 2)
        sum += static_cast<std::uint64_t>(bytes[i] << 8U | bytes[i + 1]);
    if (i < bytes.size())
        sum += static_cast<std::uint64_t>(bytes[i] << 8U);
    return sum;
}

/// Folds the sum and complements it: what goes into the field. Over octets that contain a right checksum it
/// is 0.
constexpr std::uint16_t checksum_finish(std::uint64_t sum) noexcept {
    while (sum >> 16U != 0)
        sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum & 0xffffU);
}

constexpr std::uint16_t checksum(std::span<const std::uint8_t> bytes) noexcept {
    return checksum_finish(checksum_add(0, bytes));
}

/// The sum over the pseudo-header; `length` is that of the transport header and its payload.
inline std::uint64_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination,
                                       std::uint8_t protocol, std::size_t length) noexcept {
    std::uint64_t sum = checksum_add(0, source.bytes());
    sum = checksum_add(sum, destination.bytes());
    return sum + protocol + (length >> 16U) + (length & 0xffffU);
}

/// The checksum of a transport header with payload, its own field included as it stands.
inline std::uint16_t transport_checksum(const IpAddress& source, const IpAddress& destination,
                                        std::uint8_t protocol, std::span<const std::uint8_t> bytes) noexcept {
    return checksum_finish(
        checksum_add(pseudo_header_sum(source, destination, protocol, bytes.size()), bytes));
}

} // namespace tandem::wire
