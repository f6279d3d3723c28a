// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Where the structure of a SIP header section is: three bits for each octet.
//
// Problem: reading a header section octet by octet costs ten times what its content is worth. Idea: one pass
// over the octets, 16 to 64 at a time, leaves three bitmaps; whoever reads the section then jumps from mark
// to mark. The pass ends at the blank line, so a body costs nothing. Which instructions it uses is chosen at
// run time; the scalar form is the reference. Deliberately absent: what the marks mean.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tandem::wire {

/// Sets of instructions for the pass, from the plainest on.
enum class SipScanner : std::uint8_t { scalar, sse42, avx2, avx512 };
inline constexpr std::size_t sip_scanners = static_cast<std::size_t>(SipScanner::avx512) + 1;

std::string_view to_string(SipScanner scanner) noexcept;
/// Can this machine use it?
bool available(SipScanner scanner) noexcept;
/// The widest that this machine can use.
SipScanner best_sip_scanner() noexcept;

class SipMarks {
public:
    /// Marks `text` (at most 65,535 octets), at least to the end of its first blank
    /// line, or all of it. Uninitialised before.
    void mark(std::string_view text, SipScanner scanner) noexcept;

    /// The first LF at or behind `position`, or a number not below the size of the text.
    std::size_t line_end(std::size_t position) const noexcept { return next(ends_, position); }
    /// The first octet at or behind `position` that no token contains (RFC 3261 section 25.1), or a number
    /// not below the size of the text.
    std::size_t separator(std::size_t position) const noexcept { return next(separators_, position); }
    /// The first octet at or behind `position` that may end a value or need another look: white space, any
    /// other control character, one of `" < > , ; \`. Or a number not below the size of the text.
    std::size_t stop(std::size_t position) const noexcept { return next(stops_, position); }
    /// How many octets are marked.
    std::size_t marked() const noexcept { return marked_; }

    static constexpr std::size_t octets_max = 65'535;

private:
    static constexpr std::size_t words = octets_max / 64 + 1;

public:
    /// One word more is read, and one more ends every search.
    using Bits = std::array<std::uint64_t, words + 2>;

private:
    static std::size_t next(const Bits& bits, std::size_t position) noexcept {
        std::uint64_t word = 0;
        // Any 8 octets of a little-endian bitmap are 57 or more marks from any position on.
        static_assert(std::endian::native == std::endian::little);
        std::memcpy(&word, reinterpret_cast<const char*>(bits.data()) + position / 8, sizeof word);
        word >>= position % 8;
        if (word != 0) [[likely]]
            return position + static_cast<std::size_t>(std::countr_zero(word));
        std::size_t index = position / 64 + 1;
        while (bits[index] == 0)
            ++index;
        return index * 64 + static_cast<std::size_t>(std::countr_zero(bits[index]));
    }

    Bits ends_;
    Bits separators_;
    Bits stops_;
    std::size_t marked_;
};

} // namespace tandem::wire
