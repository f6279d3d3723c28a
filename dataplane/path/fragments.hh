// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Fragmented packets, put together ahead of classification.
//
// Problem: SIP over UDP is often larger than an MTU, and only the first fragment says what the packet is; but
// anybody can send fragments that never become a packet. Idea: a copy of each fragment is kept in a store of
// fixed size, while the engine keeps the fragment itself under a token; when the last piece is there, the
// packet is shown in one piece for inspection, and the tokens say which fragments share its verdict. Memory
// is bounded in packets, fragments and octets; the oldest make room. Overlapping fragments are refused, and
// with them the whole packet (RFC 5722, RFC 8200 section 4.5; for IPv4 likewise: no honest sender needs
// them). A fragment that comes twice is dropped. Deliberately absent: ICMP "reassembly time exceeded" (this
// is not the destination), and reassembly for forwarding: what is passed on are the fragments as they came.

#include "dataplane/path/instant.hh"
#include "dataplane/path/packet_store.hh"
#include "dataplane/table/aged_table.hh"
#include "dataplane/wire/ip.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tandem::path {

struct FragmentLimits {
    std::size_t packets{1024};     ///< incomplete at once
    std::size_t fragments{8192};   ///< kept, of all packets
    std::size_t octets{4U << 20U}; ///< kept, of all packets
    Duration patience{std::chrono::seconds{30}};
};

/// What became of a fragment.
enum class Fragmented : std::uint8_t {
    kept,      ///< the packet is not whole yet; the engine keeps the fragment under its token
    whole,     ///< it completed its packet: see packet() and tokens()
    duplicate, ///< it is there already; drop it
    overlap,   ///< it contradicts others, or its packet was refused before; drop it
    too_many,  ///< its packet has more pieces than any honest one; drop it
};

class Fragments {
public:
    /// More pieces than the longest packet has at the smallest MTU in use (RFC 791: 576).
    static constexpr std::size_t pieces_max = 128;

    /// `seed`: random, so that nobody can choose colliding packets.
    explicit Fragments(std::uint64_t seed, const FragmentLimits& limits = {});

    /// Takes a fragment (`fragment.fragment` is not `whole`). `now` never goes back.
    Fragmented take(Instant now, const wire::IpPacket& fragment, std::uint32_t token);

    /// The packet that the last take() completed, from its IP header on, without traces of fragmentation
    /// (an IPv4 header checksum is right). Valid until the next take().
    std::span<const std::uint8_t> packet() const { return {packet_.get(), packet_size_}; }
    /// The tokens of its fragments, in the order of their arrival; its own is the last.
    std::span<const std::uint32_t> tokens() const { return {tokens_.data(), token_count_}; }

    /// A fragment whose packet was given up: too old, refused, or the oldest when room was needed. The engine
    /// drops it. Drain after each take() and expire().
    std::optional<std::uint32_t> next_given_up();
    /// Gives up what has waited for longer than the patience.
    void expire(Instant now);
    /// When expire() has work; `Instant::max()`: never.
    Instant deadline() const;

    std::size_t incomplete() const { return partials_.size(); }

private:
    struct Key {
        wire::IpAddress source;
        wire::IpAddress destination;
        std::uint32_t identification{0};
        std::uint8_t protocol{0};
        bool operator==(const Key&) const = default;
    };
    struct Partial {
        std::uint64_t last_piece{0}; ///< number in the store; the pieces are linked backwards
        std::size_t pieces{0};
        std::size_t octets{0};
        std::size_t total{0}; ///< octets of all pieces together; 0: the last one has not come
        bool refused{false};
    };
    using Partials = table::AgedTable<Key, Partial>;
    using Index = Partials::Index;
    struct Piece {
        Index partial{Partials::none}; ///< none: done
        std::uint32_t token{0};
        std::uint64_t before{0}; ///< the piece of the same packet that came before; meaningless in the first
        std::uint16_t offset{0};
        std::uint16_t length{0};
        std::uint16_t header{0}; ///< of the first fragment: octets of headers in front of the piece
    };

    static Key key_of(const wire::IpPacket& fragment);
    std::uint64_t hash_of(const Key& key) const;
    void close(Index index);
    void give_up_pieces(Partial& partial);
    void pop_done();
    bool make_room(std::size_t octets, Index keep);
    Fragmented fit(const Partial& partial, const wire::IpPacket& fragment);
    Fragmented refuse(Partial& partial);
    bool assemble(const Partial& partial, wire::Family family);
    template <typename Visit>
    void each_piece(const Partial& partial, Visit visit);

    FragmentLimits limits_;
    std::uint64_t seed_;
    PacketStore<Piece> store_;
    Partials partials_;
    std::vector<std::uint32_t> given_up_;
    std::unique_ptr<std::uint8_t[]> packet_;
    std::size_t packet_size_{0};
    std::array<std::uint32_t, pieces_max> tokens_{};
    std::size_t token_count_{0};
};

} // namespace tandem::path
