// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How the ports of an appliance are: link and counts, for status, SNMP and whoever looks for a lost packet.
//
// Written by the engine's main thread several times a second. Deliberately absent: reasons for drops, which
// are counters (counters.hh).

#include "dataplane/contract/limits.hh"

#include <array>
#include <atomic>
#include <cstdint>

namespace tandem::contract {

/// The places of the ports in the page.
enum class PortPlace : std::uint8_t { outside, inside, ha };
inline constexpr std::size_t ports_max = 2 + paths_max;
inline constexpr std::size_t port_queues_max = workers_max;

/// A pair of queues of a port, in packets.
struct QueueStatus {
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> full{0};        ///< not sent: the queue took no more. Written by the workers
    std::atomic<std::uint64_t> handed{0};      ///< received for another worker, which has them. Likewise
    std::atomic<std::uint64_t> handed_full{0}; ///< received for another worker that was behind: dropped
};

struct PortStatus {
    std::atomic<std::uint32_t> present{0}; ///< 1: the engine has it
    std::atomic<std::uint32_t> link{0};    ///< 1: up
    std::atomic<std::uint32_t> speed_mbps{0};
    std::atomic<std::uint32_t> queues{0};       ///< pairs that are used
    std::atomic<std::int64_t> link_since_ns{0}; ///< CLOCK_MONOTONIC, when `link` changed
    std::atomic<std::uint64_t> received{0};     ///< packets
    std::atomic<std::uint64_t> received_octets{0};
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> sent_octets{0};
    std::atomic<std::uint64_t> missed{0};          ///< arrived while no descriptor was free
    std::atomic<std::uint64_t> receive_errors{0};  ///< damaged frames
    std::atomic<std::uint64_t> no_buffer{0};       ///< arrived while no packet buffer was free
    std::atomic<std::uint64_t> transmit_errors{0}; ///< the device could not send
    std::array<QueueStatus, port_queues_max> queue;
};

} // namespace tandem::contract
