// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Authentication and encryption of HA datagrams: AES-128-GCM with a counter nonce (as in TLS 1.3, RFC 8446
// section 5.3) and a replay window (RFC 6479's idea).
//
// Deliberately absent: key agreement (control/link exports the keys from its TLS session), sockets.

#include "dataplane/contract/policy.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace tandem::seal {

inline constexpr std::size_t tag_size = 16;

/// Seals datagrams of one direction. One thread. No allocation after construction.
class Sealer {
public:
    explicit Sealer(const contract::DatagramKey& key);
    ~Sealer();
    Sealer(Sealer&&) noexcept;
    Sealer& operator=(Sealer&&) noexcept;

    /// Takes over another key without allocating; false if the library refused, and every seal() then fails
    /// too.
    bool rekey(const contract::DatagramKey& key) noexcept;
    /// Encrypts `plain` into `out` (at least plain.size() + tag_size octets), binding `header`. Never use a
    /// sequence number twice. Returns the octets written; 0 if the library failed or `out` is too small.
    std::size_t seal(std::uint64_t sequence, std::span<const std::uint8_t> header,
                     std::span<const std::uint8_t> plain, std::span<std::uint8_t> out) noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Opens datagrams of one direction. One thread. No allocation after construction.
class Opener {
public:
    explicit Opener(const contract::DatagramKey& key);
    ~Opener();
    Opener(Opener&&) noexcept;
    Opener& operator=(Opener&&) noexcept;

    /// Takes over another key without allocating; false if the library refused, and every open() then fails
    /// too.
    bool rekey(const contract::DatagramKey& key) noexcept;
    /// Decrypts and authenticates; the plain text's length, or nothing if it is not authentic or `out` too
    /// small. Text that is not authentic is wiped from `out`.
    std::optional<std::size_t> open(std::uint64_t sequence, std::span<const std::uint8_t> header,
                                    std::span<const std::uint8_t> sealed,
                                    std::span<std::uint8_t> out) noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Remembers which sequence numbers were seen. Ask before opening (`fresh`), tell after authentication
/// (`accept`).
class ReplayWindow {
public:
    static constexpr std::uint64_t width = 2048;
    bool fresh(std::uint64_t sequence) const noexcept;
    void accept(std::uint64_t sequence) noexcept;
    /// Forgets everything and treats all numbers up to `sequence` as seen.
    void begin_after(std::uint64_t sequence) noexcept;

private:
    static constexpr std::size_t words = width / 64 + 1;
    std::uint64_t highest_{0}; ///< sequence numbers begin at 1
    std::array<std::uint64_t, words> seen_{};
};

} // namespace tandem::seal
