// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The heartbeat datagrams of one HA path: a connected UDP socket, sealed.
//
// Belongs to the pulse thread: nothing allocates or blocks after open(). Keys arrive from the stream by way
// of the mailbox, on the two nodes at different moments. So that no heartbeat is lost in between, those of
// the session before stay valid for receiving until the next come, and for sending until the peer is heard
// with the new ones (or `patience` heartbeats have left). Deliberately absent: clocks, time-outs, and what a
// heartbeat means.

#include "dataplane/seal/seal.hh"
#include "dataplane/wire/address.hh"
#include "dataplane/wire/ha_frame.hh"

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>

namespace tandem::link {

struct BeatCounters {
    std::uint64_t sent{0};
    std::uint64_t send_failed{0};
    std::uint64_t received{0};    ///< authentic and understood
    std::uint64_t truncated{0};   ///< shorter or longer than any heartbeat
    std::uint64_t version{0};     ///< unknown version or type
    std::uint64_t association{0}; ///< unknown association
    std::uint64_t unauthentic{0};
    std::uint64_t replayed{0};
    std::uint64_t malformed{0}; ///< authentic, but not understood
    std::uint64_t foreign{0};   ///< another pair, or our own node id
};

enum class Received : std::uint8_t {
    beat,
    nothing,     ///< no datagram is waiting
    refused,     ///< a datagram was there and was counted; ask again
    unreachable, ///< ICMP port unreachable: the peer's host lives, its process is gone
};

class BeatSocket {
public:
    struct Settings {
        wire::IpAddress local;
        wire::IpAddress peer;
        std::uint16_t port{0};
        std::uint32_t pair_hash{0};
        std::uint8_t node_id{0};
    };
    static std::expected<BeatSocket, std::string> open(const Settings& settings);
    BeatSocket(BeatSocket&&) noexcept;
    BeatSocket& operator=(BeatSocket&&) noexcept;
    ~BeatSocket();

    /// Heartbeats that still leave under the keys before while the peer is not heard under the new ones.
    static constexpr unsigned patience = 64;

    int descriptor() const { return fd_; }
    /// Takes over the keys of a new association; those that it has already change nothing.
    void rekey(std::uint32_t association, const contract::DatagramKey& transmit,
               const contract::DatagramKey& receive);
    bool keyed() const;
    /// Seals and sends; false when there are no keys or the kernel refused.
    bool send(const wire::Beat& beat) noexcept;
    /// Reads one datagram. Call until `nothing`. `beat` is written only when the answer is `beat`.
    Received receive(wire::Beat& beat) noexcept;
    const BeatCounters& counters() const { return counters_; }

private:
    BeatSocket() = default;
    struct Keys {
        std::uint32_t association{0};   ///< 0: none yet
        contract::DatagramKey transmit; ///< to know the keys again when they are told twice
        std::optional<seal::Sealer> sealer;
        std::optional<seal::Opener> opener;
        seal::ReplayWindow window;
        std::uint64_t next_sequence{1};
    };
    Keys* keys_of(std::uint32_t association) noexcept;
    Keys& sending() noexcept;
    Received examine(std::span<const std::uint8_t> datagram, wire::Beat& beat) noexcept;
    void read_errors() noexcept;

    int fd_{-1};
    Settings settings_;
    Keys current_;
    Keys previous_;
    unsigned patience_left_{0}; ///< heartbeats that may still leave under the previous keys
    bool unreachable_{false};   ///< port unreachable was seen and not yet told
    BeatCounters counters_;
};

} // namespace tandem::link
