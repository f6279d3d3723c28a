// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The HA datagrams, octet by octet. docs/wire.md is the same in prose.
//
// Every datagram begins with a header in clear that is bound by the seal; what follows is sealed.
// A node speaks its own version and the one before; this is the first.
// Deliberately absent: keys, sockets, what a heartbeat means.

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace tandem::wire {

inline constexpr std::uint8_t ha_version = 1;

enum class HaType : std::uint8_t {
    heartbeat = 1,
    mirror = 2,
    mirror_clear = 3, ///< not sealed, association 0: only where both nodes are configured for it
};

struct HaHeader {
    static constexpr std::size_t size = 16;
    std::uint8_t version{ha_version};
    HaType type{HaType::heartbeat};
    std::uint32_t association{0};
    std::uint64_t sequence{0};
};

enum class HaError : std::uint8_t { truncated, version, type, malformed };

/// Writes exactly HaHeader::size octets; `out` must have them.
void write(const HaHeader& header, std::span<std::uint8_t> out) noexcept;
std::expected<HaHeader, HaError> read_ha_header(std::span<const std::uint8_t> datagram) noexcept;

/// What one node says of one group.
struct BeatGroup {
    std::uint32_t name_hash{
        0}; ///< FNV-1a of the group's name: the two files may list groups in another order
    std::uint64_t epoch{0};
    std::uint8_t role{0}; ///< the HA engine's role, as a number
    std::uint8_t priority{0};
    std::uint16_t score{0};      ///< health, 0 to 1000
    std::uint16_t flags{0};      ///< see BeatFlag
    std::uint8_t lacks{0};       ///< what keeps the node from taking over without loss; see BeatLack
    std::uint8_t role_serial{0}; ///< of the configured role, modulo 256; the later one wins
};

enum BeatFlag : std::uint16_t {
    beat_resigning = 1, ///< active, and asks the peer to take over now
    beat_ready = 2,     ///< could take over at once
    beat_holds = 4,     ///< has the group's VIPs on its outside interface
    beat_in_sync = 8,   ///< has handled all that was mirrored to it
    beat_leaving = 16,  ///< is shutting down: after this comes silence
    beat_primary = 32,  ///< is configured as primary
};

/// The bits of BeatGroup::lacks; those that are not known are kept as they come.
enum BeatLack : std::uint8_t {
    beat_lacks_engine = 1, ///< the packet path is absent or hangs
    beat_lacks_mirror = 2, ///< not everything that was mirrored has been handled
    beat_lacks_server = 4, ///< the SIP server behind the node does not answer
    beat_lacks_config = 8, ///< the two nodes' configurations differ
    beat_lacks_yield = 16, ///< the last hand-over still redirects stragglers
    beat_lacks_reach = 32, ///< isolated: no carrier, or no witness answers
    beat_lacks_state = 64, ///< registrations or dialogs are known to be incomplete
};

struct Beat {
    static constexpr std::size_t groups_max = 8;
    std::uint32_t pair_hash{0};
    std::uint8_t node_id{0};
    std::uint8_t group_count{0};
    std::uint32_t incarnation{0}; ///< random per life of the brain
    std::uint64_t config_digest{0};
    std::uint64_t sent_ns{0};        ///< sender's CLOCK_MONOTONIC
    std::uint64_t echo_ns{0};        ///< the peer's last `sent_ns`; 0: none yet
    std::uint32_t echo_age_us{0};    ///< how long ago it was received
    std::uint64_t mirror_sent{0};    ///< high-water mark of the sender's mirror stream
    std::uint64_t mirror_handled{0}; ///< how far the sender has handled the peer's
    std::array<BeatGroup, groups_max> groups{};

    static constexpr std::size_t size_max = 56 + groups_max * 20;
};

/// Writes the payload of a heartbeat; returns its length (at most Beat::size_max), 0 if `out` is too small.
std::size_t write(const Beat& beat, std::span<std::uint8_t> out) noexcept;
std::expected<Beat, HaError> read_beat(std::span<const std::uint8_t> payload) noexcept;

/// FNV-1a, 32 bit.
constexpr std::uint32_t name_hash(const char* text, std::size_t length) {
    std::uint32_t hash = 2166136261U;
    for (std::size_t i = 0; i < length; ++i)
        hash = (hash ^ static_cast<std::uint8_t>(text[i])) * 16777619U;
    return hash;
}

} // namespace tandem::wire
