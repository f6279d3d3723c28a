// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The mirror on a port of DPDK: frames for the peer, made of packets that a burst has found.
//
// Problem: a copy of a packet must be numbered, put behind five headers, sealed or not, and be ready for a
// port, for less than the packet itself costs. Idea: the headers are made once, as octets; a datagram takes a
// copy of them and fills in lengths and numbers. In clear, the packet is not copied either: the headers stand
// in a buffer of their own, and a second one refers to the packet's (`reference`), which nobody may change
// afterwards behind its Ethernet header. Sealing needs a copy anyway, which is encrypted where it lies. What
// is longer than the MTU is written in memory of the caller, who splits it. Deliberately absent: numbering
// and history of what is mirrored (path::MirrorSender), queues, ports, deciding what is mirrored.

#include "dataplane/contract/policy.hh"
#include "dataplane/io/dpdk/burst.hh"
#include "dataplane/io/dpdk/gcm.hh"
#include "dataplane/path/mirror_frame.hh"
#include "dataplane/seal/numbers.hh"
#include "dataplane/seal/seal.hh"
#include "dataplane/wire/address.hh"
#include "dataplane/wire/ha_frame.hh"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

struct rte_mempool;

namespace tandem::dpdk {

/// The way to the peer on one HA port.
struct MirrorRoute {
    wire::MacAddress station;  ///< of the port
    wire::MacAddress next_hop; ///< of the peer, or of the router to it
    wire::IpAddress local;
    wire::IpAddress peer;
    std::uint16_t port{0};   ///< of UDP, at both ends
    std::uint16_t mtu{1500}; ///< of the IP packet

    bool operator==(const MirrorRoute&) const = default;
};

/// How a packet gets into a datagram that is sent in clear.
enum class Copying : std::uint8_t { reference, deep };

/// Which of the two libraries seals; what they write is the same.
enum class Sealing : std::uint8_t { fastest, openssl };

/// Where buffers come from.
struct MirrorPools {
    rte_mempool* headers{nullptr};  ///< small buffers
    rte_mempool* indirect{nullptr}; ///< buffers without room, which refer to others
    rte_mempool* copies{nullptr};   ///< buffers with room for a datagram
};

class MirrorPort {
public:
    explicit MirrorPort(const MirrorPools& pools);
    ~MirrorPort();
    MirrorPort(const MirrorPort&) = delete;
    MirrorPort& operator=(const MirrorPort&) = delete;

    void set_route(const MirrorRoute& route);
    /// There is no way to the peer until the next set_route().
    void forget_route() { header_size_ = 0; }
    /// Datagrams are sealed with this key from now on. `numbers`, which outlives this object, is all that
    /// gives numbers under this key.
    void seal_with(std::uint32_t association, const contract::DatagramKey& key, seal::Numbers& numbers,
                   Sealing sealing = Sealing::fastest);
    /// Datagrams are sent in clear from now on: on a network that only the two nodes share.
    void send_in_clear(Copying copying);
    /// Nothing is sent until the next of these two.
    void forget_key();

    /// The datagram for a mirror frame that consists of `head` and the first `length` octets of a packet
    /// behind `offset`. Null: no buffer, or it is too long. The caller transmits or frees it.
    rte_mbuf* datagram(std::span<const std::uint8_t> head, rte_mbuf* packet, std::size_t offset,
                       std::size_t length);
    /// The same for a frame, or its two parts, in memory of the caller.
    rte_mbuf* datagram(std::span<const std::uint8_t> head, std::span<const std::uint8_t> body = {});
    /// Writes the datagram, from its Ethernet header on, into memory of the caller; its length, 0: there is
    /// no room. With a UDP checksum, since it may go in pieces.
    std::size_t write(std::span<std::uint8_t> out, std::span<const std::uint8_t> head,
                      std::span<const std::uint8_t> body);

    /// The length of the IP packet that a frame of so many octets makes.
    std::size_t packet_size(std::size_t frame) const { return header_size_ - ethernet + frame + tag_size(); }
    const MirrorRoute& route() const { return route_; }
    bool ready() const { return header_size_ > 0 && (fast_sealer_ || sealer_ || clear_); }

private:
    static constexpr std::size_t ethernet = 14;
    static constexpr std::size_t header_max = ethernet + 40 + 8 + wire::HaHeader::size;

    /// Buffers taken from a pool ahead of their use: one call for many. Those of a reference are few and
    /// small: more of them than a burst needs would only push each other out of the nearest cache.
    struct Stash {
        static constexpr unsigned room = 32;
        rte_mempool* pool{nullptr};
        unsigned at_once{room};
        std::array<rte_mbuf*, room> buffers{};
        unsigned left{0};

        rte_mbuf* take();
        bool fill();
        void give_back();
    };

    std::size_t tag_size() const { return clear_ ? 0 : seal::tag_size; }
    void write_form();
    static void copy_head(std::uint8_t* out, std::span<const std::uint8_t> head);
    std::size_t write_headers(std::uint8_t* out, std::uint64_t sequence, std::size_t payload);
    std::size_t fill(std::uint8_t* data, std::span<const std::uint8_t> head, const std::uint8_t* body,
                     std::size_t length);
    void finish_checksum(rte_mbuf* first) const;
    rte_mbuf* copied(std::span<const std::uint8_t> head, const std::uint8_t* body, std::size_t length);
    rte_mbuf* referred(std::span<const std::uint8_t> head, rte_mbuf* packet, std::size_t offset,
                       std::size_t length);

    static constexpr unsigned references_at_once = 8;
    Stash headers_{.at_once = references_at_once};
    Stash indirect_{.at_once = references_at_once};
    Stash copies_;
    MirrorRoute route_;
    wire::HaHeader form_{};              ///< of every datagram, but for the sequence
    std::optional<Gcm> fast_sealer_;     ///< where the processor has what it needs
    std::optional<seal::Sealer> sealer_; ///< elsewhere
    bool clear_{false};
    Copying copying_{Copying::reference};
    std::atomic<std::uint64_t> clear_reserved_{0};
    seal::Numbers clear_numbers_; ///< of what is sent in clear: for whoever reads a capture
    seal::Numbers* numbers_{nullptr};
    std::array<std::uint8_t, header_max> header_{}; ///< lengths, checksum and sequence are zero
    std::size_t header_size_{0};                    ///< 0: no route
    std::uint32_t header_sum_{0};                   ///< of the IPv4 header as it stands there
    std::uint16_t identification_{0};
};

} // namespace tandem::dpdk
