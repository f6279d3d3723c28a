// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Keys, numbers and memory of one HA path's mirror channel.
//
// Problem: an engine can have two ways to send and receive the datagrams of a path (the kernel's socket, a
// port of its own), and both use the same keys. Idea: what must be one for both is here: the numbers, of
// which none may seal twice, also not after the engine was killed, and the windows that tell what was
// received before. A datagram climbs the same ladder whichever way it came: admit(), the cipher, accept().
// Deliberately absent: the ciphers' choice, sockets, ports; the keys' origin (control/link).

#include "dataplane/contract/page.hh"
#include "dataplane/seal/numbers.hh"
#include "dataplane/seal/seal.hh"
#include "dataplane/wire/ha_frame.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace tandem::halink {

class LinkSeal {
public:
    /// One of the two associations whose datagrams are accepted.
    struct Receiving {
        std::uint32_t association{0}; ///< 0: none
        contract::DatagramKey key;
        std::optional<seal::Opener> opener;
        seal::ReplayWindow window;
    };
    /// A datagram that may be opened.
    struct Admitted {
        Receiving& under;
        std::uint64_t sequence;
        std::span<const std::uint8_t> header;
        std::span<const std::uint8_t> sealed;
    };

    /// The page outlives this object; `path` is the path's place in it.
    void attach(contract::Page& page, std::size_t path);
    /// Once a turn: takes new keys over.
    void refresh();
    /// Grows when refresh() has taken keys over.
    std::uint32_t version() const { return version_; }

    /// Under which datagrams are sent; 0: there are no keys.
    std::uint32_t association() const { return association_; }
    const contract::DatagramKey& transmit_key() const { return transmit_key_; }
    seal::Numbers& numbers() { return numbers_; }
    seal::Sealer& sealer() { return *sealer_; }

    std::span<const Receiving> receiving() const { return receiving_; }
    /// Looks at everything that can be known before opening; counts what is refused.
    std::optional<Admitted> admit(std::span<const std::uint8_t> datagram);
    /// It was authentic.
    void accept(const Admitted& admitted);

private:
    Receiving make_receiving(const contract::MirrorKeys& keys);
    void begin_sending(const contract::MirrorKeys& keys);
    void count(contract::Counter c) { page_->counters.add(c); }
    contract::MirrorSequence& kept() { return page_->mirror_sequences[path_]; }

    contract::Page* page_{nullptr};
    std::size_t path_{0};
    std::uint32_t keys_sequence_{0};
    std::uint32_t version_{0};
    std::uint32_t association_{0};
    contract::DatagramKey transmit_key_;
    std::optional<seal::Sealer> sealer_;
    seal::Numbers numbers_;
    std::array<Receiving, 2> receiving_; ///< current, previous
};

} // namespace tandem::halink
