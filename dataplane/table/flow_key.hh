// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What tells the flows of a VIP apart, in two words that are compared as they are.
//
// Whoever classifies packets makes it, whoever keeps flows looks it up. Deliberately absent: the numbers in
// host order, and IPv6 addresses in full: 64 bits of a keyed hash stand for two of them.

#include <cstddef>
#include <cstdint>

namespace tandem::table {

struct FlowKey {
    /// IPv4: the remote address in the lower half, the VIP (or the server that stands for it) in the upper
    /// one, both as they lie in the packet. IPv6: a keyed hash of both.
    std::uint64_t addresses{0};
    /// The remote port in the lowest 16 bits, then that of the VIP, both as they lie in the packet; then the
    /// protocol and the IP version, 8 bits each.
    std::uint64_t rest{0};

    static constexpr std::uint64_t rest_of(std::uint32_t ports, std::uint8_t protocol, std::uint8_t version) {
        return ports | std::uint64_t{protocol} << 32U | std::uint64_t{version} << 40U;
    }
    constexpr std::uint8_t protocol() const { return static_cast<std::uint8_t>(rest >> 32U); }
    constexpr std::uint8_t version() const { return static_cast<std::uint8_t>(rest >> 40U); }
    /// `seed`: random, so that nobody can choose keys that meet.
    constexpr std::uint64_t hash(std::uint64_t seed) const {
        std::uint64_t value = (addresses ^ seed) * 0x9e3779b97f4a7c15ULL;
        value = (value ^ value >> 32U ^ rest) * 0xd6e8feb86659fd93ULL;
        return value ^ value >> 32U;
    }
    constexpr bool operator==(const FlowKey&) const = default;
};

/// Where the table of flows looks first for a hash, for those who know the hash earlier. Sixteen lines of
/// 64 octets are a set; the upper bits of the hash choose one of them, the lower ones the set.
struct FlowLines {
    std::byte* first{nullptr};
    std::uint64_t set_mask{0};
    std::uint64_t seed{0};

    static constexpr std::size_t ways = 16;
    static constexpr std::size_t line_size = 64;
    static constexpr std::uint64_t place(std::uint64_t hash, std::uint64_t set_mask) {
        return (hash & set_mask) * ways + (hash >> 60U);
    }
    std::byte* line(std::uint64_t hash) const { return first + place(hash, set_mask) * line_size; }
};

} // namespace tandem::table
