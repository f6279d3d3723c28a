// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The mirror of one machine: the real ends of the stream (dataplane/path), and the books about them.
//
// Problem: "every request once, every loss counted" is a promise over two machines, lost frames and restarts
// of either engine. Idea: the real MirrorSender and MirrorReceiver, with bounds so small that they are met,
// send real frames over the modelled paths; beside them stands what a perfect bookkeeper would write down. A
// copy is only the number of its request. Deliberately absent: packets, seals, several groups.

#include "dataplane/path/mirror_receiver.hh"
#include "dataplane/path/mirror_sender.hh"
#include "tests/sim/mutation.hh"
#include "tests/sim/random.hh"

#include <optional>
#include <vector>

namespace tandem::sim {

/// A frame of the mirror on its way; big enough for a copy and a full request.
struct MirrorBytes {
    std::array<std::uint8_t, path::RequestFrame::size_max> octets{};
    std::size_t length{0};
};

class Mirror {
public:
    /// What the receiving engine of this life did, by a count of our own.
    struct Books {
        std::uint64_t delivered{0};       ///< of the present stream
        std::uint64_t lost{0};            ///< of the present stream, as the receiver counted them
        std::uint64_t base{0};            ///< handled when the stream was adopted
        std::uint64_t delivered_twice{0}; ///< in all streams
        std::uint64_t unbalanced{0};      ///< streams that ended with other sums than they should have
    };

    Mirror(std::uint64_t stream, std::uint64_t incarnation, std::size_t history, Mutation mutation);

    /// A matching request came to the active.
    void copy(std::uint64_t request, std::uint64_t epoch, Instant local);
    void take_in(const MirrorBytes& bytes, Instant local);
    /// The next frame to be sent to the peer.
    std::optional<MirrorBytes> next(Instant local);
    /// The next request for the shadow server.
    std::optional<std::uint64_t> deliver();
    Instant deadline() const;

    bool in_sync() const { return receiver_.announced() == receiver_.handled(); }
    const Books& books() const { return books_; }
    /// Every number that the receiver is through with was delivered or counted as lost.
    bool balanced() const;

private:
    void take_packet(const path::PacketFrame& frame, path::Instant at);
    void take_mark(const path::MarkFrame& frame, path::Instant at);
    void count_lost();

    path::MirrorSender sender_;
    path::MirrorReceiver receiver_;
    Mutation mutation_;
    Books books_;
    std::vector<std::uint64_t> delivered_; ///< one bit per request
    std::optional<std::uint64_t> again_;   ///< of the mutation
};

} // namespace tandem::sim
