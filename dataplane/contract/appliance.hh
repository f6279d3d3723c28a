// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The ports and workers of an appliance: what the DPDK engine needs to start.
//
// The brain writes it once it has read the configuration, before the first policy. The engine reads it once:
// another port or another core needs a new start of the engine, which it notices and asks for by leaving.
// Deliberately absent: addresses, groups, roles (policy.hh, grant.hh).

#include "dataplane/contract/limits.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace tandem::contract {

enum class Backend : std::uint8_t { nfqueue, dpdk };

/// What a worker does when nothing has arrived.
enum class Idle : std::uint8_t {
    sleep,     ///< sleeps until the port wakes it, where the port can; else looks every `sleep_max_us`
    poll,      ///< never sleeps: takes a whole core
    interrupt, ///< as `sleep`
};

enum class Hugepages : std::uint8_t { automatic, on, off };

/// How the mirror goes over an HA port.
enum class MirrorSeal : std::uint8_t {
    sealed,
    clear, ///< as it is: on a network to which nothing but the two nodes is connected
};

/// A port that DPDK owns, and the kernel interface behind it. Texts are NUL-terminated.
struct PortSetup {
    static constexpr std::size_t device_max = 128;
    static constexpr std::size_t tags_max = 2;

    /// A PCI address (`0000:03:00.0`) or a virtual device with its arguments (`net_af_packet0,iface=eth1`);
    /// empty: there is no such port.
    std::array<char, device_max> device{};
    /// The TAP interface through which the kernel sees what is not for the fast path.
    std::array<char, interface_name_max> kernel_interface{};
    /// VLAN identifiers of what belongs to this port, the outer first (IEEE 802.1Q, 802.1ad); the kernel
    /// interface sees these frames without them.
    std::array<std::uint16_t, tags_max> tags{};
    std::uint8_t tag_count{0};
    MirrorSeal mirror{MirrorSeal::sealed}; ///< of an HA port
    std::uint16_t mtu{1500};

    bool operator==(const PortSetup&) const = default;
};

inline constexpr std::int16_t any_core = -1; ///< wherever the kernel likes

struct Appliance {
    Backend backend{Backend::nfqueue};
    Idle idle{Idle::sleep};
    Hugepages hugepages{Hugepages::automatic};
    std::uint16_t sleep_max_us{80}; ///< between two looks at a port that cannot wake a worker
    std::uint32_t memory_mb{128};   ///< of all pools together
    std::uint32_t mbufs{16'384};    ///< of all ports together
    std::uint8_t workers{1};        ///< threads that carry packets, at most workers_max
    /// The core of each of them.
    std::array<std::int16_t, workers_max> cores = [] {
        std::array<std::int16_t, workers_max> all{};
        all.fill(any_core);
        return all;
    }();
    PortSetup outside;
    PortSetup inside;
    /// One for each HA path whose network is a port of DPDK; the others use the kernel's sockets.
    std::array<PortSetup, paths_max> ha;

    /// Value by value: octets between them mean nothing, and differ from one life of the brain to the next.
    bool operator==(const Appliance&) const = default;
};
static_assert(std::is_trivially_copyable_v<Appliance>);

} // namespace tandem::contract
