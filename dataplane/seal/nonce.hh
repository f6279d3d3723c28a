// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The nonce of a datagram, for every cipher that seals or opens one.

#include <array>
#include <cstddef>
#include <cstdint>

namespace tandem::seal {

using Nonce = std::array<std::uint8_t, 12>;

/// RFC 8446 section 5.3: the sequence number, padded on the left to the nonce's length, exclusive-or the iv.
constexpr Nonce nonce_of(const Nonce& iv, std::uint64_t sequence) {
    Nonce nonce = iv;
    for (std::size_t i = 0; i < 8; ++i)
        nonce[11 - i] =
            static_cast<std::uint8_t>(nonce[11 - i] ^ static_cast<std::uint8_t>(sequence >> (8 * i)));
    return nonce;
}

} // namespace tandem::seal
