// SPDX-License-Identifier: GPL-3.0-or-later

#include "dataplane/seal/seal.hh"

#include <algorithm>

namespace tandem::seal {

namespace {

// A ring of 64-bit words with one word more than the width needs: moving ahead then clears whole words and
// never shifts (RFC 6479 section 2).
constexpr std::uint64_t word_bits = 64;

constexpr std::uint64_t bit_of(std::uint64_t sequence) {
    return std::uint64_t{1} << (sequence % word_bits);
}

} // namespace

bool ReplayWindow::fresh(std::uint64_t sequence) const noexcept {
    if (sequence == 0)
        return false;
    if (sequence > highest_)
        return true;
    if (highest_ - sequence >= width)
        return false;
    return (seen_[(sequence / word_bits) % words] & bit_of(sequence)) == 0;
}

void ReplayWindow::accept(std::uint64_t sequence) noexcept {
    if (!fresh(sequence))
        return; // a number behind the window would set the bit of another
    if (sequence > highest_) {
        const std::uint64_t from = highest_ / word_bits;
        const std::uint64_t ahead = std::min<std::uint64_t>(sequence / word_bits - from, words);
        for (std::uint64_t i = 1; i <= ahead; ++i)
            seen_[(from + i) % words] = 0;
        highest_ = sequence;
    }
    seen_[(sequence / word_bits) % words] |= bit_of(sequence);
}

void ReplayWindow::begin_after(std::uint64_t sequence) noexcept {
    seen_.fill(~std::uint64_t{0});
    // The numbers above in the same word are still to come and are not cleared on the way to them.
    seen_[(sequence / word_bits) % words] = bit_of(sequence) | (bit_of(sequence) - 1);
    highest_ = sequence;
}

} // namespace tandem::seal
