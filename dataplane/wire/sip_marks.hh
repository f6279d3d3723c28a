// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Where the structure of a SIP header section is.
//
// Problem: reading a header section octet by octet costs ten times what its content is worth. Idea: one pass
// over the octets, 16 to 64 at a time, writes down where the separators are (all octets that no token
// contains) and which lines may have a field that is looked at; whoever reads the section then goes from
// separator to separator, and past all other lines. The same pass tells whether every line is one of its own
// with a name and a colon, by an addition that carries through the octets of a name: nobody needs to look at
// a line for that. The pass ends at the blank line, so a body costs nothing. Which instructions it uses is
// chosen at run time; the scalar form is the reference. Deliberately absent: what the separators mean.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::wire {

/// Sets of instructions for the pass, from the plainest on.
enum class SipScanner : std::uint8_t { scalar, sse42, avx2, avx512, avx512_vbmi2 };
inline constexpr std::size_t sip_scanners = static_cast<std::size_t>(SipScanner::avx512_vbmi2) + 1;

std::string_view to_string(SipScanner scanner) noexcept;
/// Can this machine use it?
bool available(SipScanner scanner) noexcept;
/// The widest that this machine can use.
SipScanner best_sip_scanner() noexcept;

class alignas(64) SipMarks {
public:
    static constexpr std::size_t octets_max = 65'535;

    /// Marks `text` (at most octets_max octets) to the end of its first blank line. Uninitialised before.
    void mark(std::string_view text, SipScanner scanner) noexcept;

    /// The octets of start line and header section with the blank line; 0: there is no blank line, or a line
    /// in front of it has no name (a folded one, say), and nothing else is said.
    std::size_t head() const noexcept { return head_; }
    /// The line feeds in the head.
    std::size_t lines() const noexcept { return lines_; }
    /// Does every header line have a colon right behind its name?
    bool plain() const noexcept { return odd_ == 0; }

    /// The number of separators in front of `position`, which is in the head.
    [[gnu::always_inline]] std::size_t rank(std::size_t position) const noexcept {
        const std::uint64_t before = (std::uint64_t{1} << position % block) - 1;
        const Word& word = words_[position / block];
        return word.rank + static_cast<std::size_t>(std::popcount(word.separators & before));
    }
    /// Where separator number `i` is; there are rank(head() - 1) + 1 of them, the last one being a line feed.
    std::size_t separator(std::size_t i) const noexcept { return positions_[i]; }

    static constexpr std::size_t block = 64;
    /// Of the 64 octets from 64 * `word` on: where a header line begins with a letter with which the name of
    /// a field begins that is looked at. For words of the head.
    std::uint64_t beginnings(std::size_t word) const noexcept { return words_[word].beginnings; }

private:
    struct Pass;
    static constexpr std::size_t words = octets_max / block + 1;

    struct Word {
        std::uint64_t separators;
        std::uint64_t beginnings;
        std::uint64_t rank; ///< of its first octet
    };

    std::size_t head_;
    std::size_t lines_;
    std::uint64_t odd_;
    std::array<Word, words> words_;
    std::array<std::uint16_t, words * block + block> positions_; ///< a block more may be written
};

} // namespace tandem::wire
