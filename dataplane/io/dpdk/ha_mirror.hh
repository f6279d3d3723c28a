// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The mirror channel of an appliance: HA ports where there are some, the kernel's sockets elsewhere.
//
// Problem: the brain names one path to send on, and behind a path there can be a port of the engine or an
// interface of the kernel; a port can lack the peer's MAC address. Idea: a batch goes by the port of the
// path that the brain chose if that port can send now, else by the path's socket, which for such a path leads
// through the port's TAP. What arrives is accepted from both. Deliberately absent: what frames mean.

#include "dataplane/contract/appliance.hh"
#include "dataplane/io/dpdk/ha_port.hh"
#include "dataplane/io/halink/mirror_links.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace tandem::dpdk {

class HaMirror {
public:
    /// `lanes`: those of the HA ports that there are, in the order of their paths. All outlive this object.
    HaMirror(contract::Page& page, const contract::Appliance& setup, std::span<Lane* const> lanes,
             rte_mempool* pool, std::uint64_t seed);

    /// Once a turn.
    void refresh(const contract::Policy& policy, const path::NextHops& hops, path::Instant now);
    struct Ask {
        path::Segment segment{};
        wire::IpAddress address;
    };
    /// A neighbour that a port misses.
    std::optional<Ask> next_ask(path::Instant now);

    /// As in halink::MirrorLinks; `yes` means of a port that the datagram waits to be sent.
    void add(halink::Purpose purpose, std::uint32_t token, std::span<const std::uint8_t> head,
             std::span<const std::uint8_t> body = {});
    bool full() const { return begun_ && (by_port_ != nullptr ? count_ == batch_.size() : links_.full()); }
    std::span<const halink::Transmitted> flush();
    /// Datagrams wait for room in a port.
    bool waiting() const;

    halink::MirrorLinks& links() { return links_; }
    /// By the place of the lane among those of the constructor.
    HaPort& port(std::size_t lane) { return *ports_[lane]; }
    std::size_t ports() const { return port_count_; }

private:
    HaPort* port_of(std::size_t path);

    contract::Page& page_;
    halink::MirrorLinks links_;
    std::array<std::unique_ptr<HaPort>, contract::paths_max> ports_; ///< those that there are
    std::size_t port_count_{0};
    std::array<halink::Transmitted, halink::MirrorLinks::batch_max> batch_{};
    std::size_t count_{0};
    bool begun_{false};        ///< the batch has a way
    HaPort* by_port_{nullptr}; ///< null: by the sockets
};

} // namespace tandem::dpdk
