// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Blocks of a pcapng capture file (draft-ietf-opsawg-pcapng), as far as packets with comments need them.
//
// libpcap writes only the older format, which has neither several interfaces nor comments. Deliberately
// absent: reading (libpcap and Wireshark do), name resolution, statistics, secrets.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tandem::wire::pcapng {

using Octets = std::vector<std::uint8_t>;

/// Link types (draft-ietf-opsawg-pcaplinktype).
inline constexpr std::uint16_t link_ethernet = 1;
inline constexpr std::uint16_t link_raw_ip = 101;

/// A section begins. `application`: who wrote it.
void add_section(Octets& out, std::string_view application);
/// An interface of the section; the first one added is number 0. Times are in nanoseconds.
void add_interface(Octets& out, std::uint16_t link_type, std::string_view name);

enum class Direction : std::uint8_t { inbound = 1, outbound = 2 };

struct PacketInfo {
    std::uint32_t interface { 0 };
    std::uint64_t at_ns{0};  ///< since 1970
    std::uint32_t length{0}; ///< on the wire
    Direction direction{Direction::inbound};
    std::string_view comment; ///< UTF-8; empty: none
};
/// A packet, of which `octets` were kept.
void add_packet(Octets& out, const PacketInfo& info, std::span<const std::uint8_t> octets);

} // namespace tandem::wire::pcapng
