// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The other node's end of the mirror channel, played by the test with keys of its own.

#include "dataplane/contract/page.hh"
#include "dataplane/path/mirror_frame.hh"
#include "dataplane/seal/seal.hh"

#include <cstdint>
#include <span>
#include <vector>

namespace packet_suite {

using Bytes = std::vector<std::uint8_t>;

/// The keys as the node under test has them.
tandem::contract::MirrorLink test_keys();

class Peer {
public:
    /// `descriptor`: a non-blocking UDP socket connected to the node; taken over.
    explicit Peer(int descriptor);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// Takes in what has arrived.
    void poll();
    /// Sends a frame to the node, sealed.
    void send(std::span<const std::uint8_t> frame);
    /// The same in clear.
    void send_clear(std::span<const std::uint8_t> frame);
    void send_raw(std::span<const std::uint8_t> datagram);
    /// The last datagram that send() made.
    const Bytes& last() const { return last_; }

    std::vector<Bytes> mirrored;   ///< inner packets of packet frames, in order of arrival
    std::vector<Bytes> redirected; ///< inner packets of redirected frames
    std::size_t marks{0};
    std::size_t reports{0};
    std::uint64_t stream{0};
    std::uint64_t reported_handled{0};
    std::size_t replayed{0}; ///< a sequence number was used twice under one key
    std::size_t clear{0};    ///< of all that is above: frames that came in clear
    std::size_t garbage{0};

private:
    void take(std::span<const std::uint8_t> plain);

    int descriptor_;
    tandem::seal::Opener opener_;
    tandem::seal::Sealer sealer_;
    tandem::seal::ReplayWindow window_;
    std::uint64_t sequence_{1};
    Bytes last_;
};

} // namespace packet_suite
