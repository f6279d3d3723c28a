// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The mirror channel of one HA path on a port of the engine, past the kernel.
//
// Problem: the mirror shares its port with heartbeats and the control stream, which are the kernel's business
// and more urgent; and what arrives is anybody's until it is authentic. Idea: datagrams are made here and
// wait in a queue of bounded length, before which everything that the kernel has for this network is sent.
// What was asked for again is the first to be dropped when the port falls behind: it will be asked for once
// more. What comes from the peer's address to ours, on the mirror's port of UDP, is opened here; everything
// else, also what cannot be told yet, is the kernel's. Keys, numbers and replay windows are the path's
// (halink::LinkSeal), so that the kernel's socket may take over at any time. Deliberately absent: what frames
// mean (path), which path is used (brain), finding the peer's MAC address (the kernel, asked by the engine).

#include "dataplane/contract/page.hh"
#include "dataplane/io/dpdk/gcm.hh"
#include "dataplane/io/dpdk/kept.hh"
#include "dataplane/io/dpdk/lane.hh"
#include "dataplane/io/dpdk/mirror_port.hh"
#include "dataplane/io/halink/link_seal.hh"
#include "dataplane/path/fragments.hh"
#include "dataplane/path/next_hops.hh"
#include "dataplane/path/path.hh"
#include "dataplane/wire/ip.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tandem::dpdk {

/// What a full port does to a frame.
enum class Urgency : std::uint8_t {
    live,   ///< it waits
    history ///< it is dropped: the receiver asks for it again
};

class HaPort {
public:
    struct Setup {
        std::size_t path{0}; ///< its place in the policy
        contract::MirrorSeal mirror{contract::MirrorSeal::sealed};
        std::size_t queue_max{1024}; ///< datagrams or pieces of them
        std::uint64_t seed{1};       ///< random
    };

    /// All outlive this object.
    HaPort(Lane& lane, halink::LinkSeal& seal, contract::Counters& counters, rte_mempool* pool,
           const Setup& setup);
    ~HaPort();
    HaPort(const HaPort&) = delete;
    HaPort& operator=(const HaPort&) = delete;

    /// Once a turn, after the path's keys were refreshed: addresses, next hop, keys.
    void refresh(const contract::Policy& policy, const path::NextHops& hops, path::Instant now);
    /// The peer can be reached by this port now.
    bool ready() const { return mirror_.ready(); }
    /// A neighbour without a MAC address on the way to the peer, from time to time.
    std::optional<wire::IpAddress> next_ask(path::Instant now);

    /// Makes a datagram of a frame, or its two parts. The port sends it with the next flush(), or later.
    path::Sent send(Urgency urgency, std::span<const std::uint8_t> head, std::span<const std::uint8_t> body);
    /// Sends what the kernel has for this network, then what waits here, as far as the port takes it.
    void flush();
    /// Datagrams, or frames of the kernel, wait for room in the port.
    bool waiting() const { return count_ > 0 || lane_.is_behind(); }

    /// Takes a frame that the port received. What is for the kernel goes there; the content of an authentic
    /// mirror datagram is given back, valid until the next call.
    std::optional<std::span<const std::uint8_t>> take(rte_mbuf* packet, path::Instant now);

    Lane& lane() { return lane_; }
    std::size_t path() const { return setup_.path; }

private:
    struct Queued {
        rte_mbuf* packet{nullptr};
        Urgency urgency{};
    };
    struct Opening {
        std::uint32_t association{0};
        std::optional<Gcm> cipher;
    };

    void find_route(const contract::Policy& policy, const path::NextHops& hops);
    void take_keys();
    bool queue_split(Urgency urgency, std::span<const std::uint8_t> head, std::span<const std::uint8_t> body);
    void queue(rte_mbuf* packet, Urgency urgency) { queue_[count_++] = {packet, urgency}; }
    std::optional<wire::IpPacket> from_peer(rte_mbuf* packet) const;
    std::optional<std::span<const std::uint8_t>> mirror_in(const wire::IpPacket& ip) const;
    std::optional<std::span<const std::uint8_t>> take_fragment(rte_mbuf* packet, const wire::IpPacket& ip,
                                                               path::Instant now);
    std::optional<std::span<const std::uint8_t>> open(std::span<const std::uint8_t> datagram,
                                                      const wire::IpPacket& ip);
    std::optional<std::size_t> open_sealed(const halink::LinkSeal::Admitted& admitted);
    void release_given_up();
    void hold(rte_mbuf* packet);
    void count(contract::Counter c, std::uint64_t n = 1) { counters_.add(c, n); }

    Lane& lane_;
    halink::LinkSeal& seal_;
    contract::Counters& counters_;
    rte_mempool* pool_;
    Setup setup_;
    MirrorPort mirror_;
    std::uint32_t keys_version_{0};
    std::uint64_t hops_version_{0};
    contract::MirrorEndpoint endpoint_;
    std::uint16_t udp_port_{0};
    std::optional<wire::IpAddress> missing_; ///< the next hop whose MAC address is not known
    path::Instant ask_at_{};

    std::vector<Queued> queue_;
    std::vector<rte_mbuf*> burst_;
    std::size_t count_{0};
    bool behind_{false}; ///< the port did not take all of the last burst

    path::Fragments fragments_;
    Kept kept_;
    std::array<Opening, 2> openings_;
    std::unique_ptr<std::uint8_t[]> plain_;
    std::unique_ptr<std::uint8_t[]> whole_; ///< of a datagram that is longer than the MTU
    std::uint32_t identification_;
    rte_mbuf* held_{nullptr}; ///< what was given back lies in it
};

} // namespace tandem::dpdk
