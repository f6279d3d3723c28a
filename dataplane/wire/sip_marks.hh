// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Where the structure of a SIP header section is.
//
// Problem: reading a header section octet by octet costs ten times what its content is worth. Idea: one pass
// over the octets, 16 to 64 at a time, makes maps with a bit for each octet: the separators (all octets that
// no token contains), the stops (what ends a value or a URI) and the line feeds, and a list of the lines that
// may have a field that is looked at. Whoever reads the section takes the lines of the list, and asks for the
// next octet of a kind behind a place, which is one word of a map. The same pass tells whether every line is
// one of its own with a name and a colon, by an addition that carries through the octets of a name: nobody
// needs to look at a line for that. The pass ends at the blank line, so a body costs nothing. Which
// instructions it uses is chosen at run time; the scalar form is the reference. Deliberately absent: what the
// separators mean.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tandem::wire {

/// Sets of instructions for the pass, from the plainest on.
enum class SipScanner : std::uint8_t { scalar, sse42, avx2, avx512, avx512_vbmi };
inline constexpr std::size_t sip_scanners = static_cast<std::size_t>(SipScanner::avx512_vbmi) + 1;

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
    /// The line feeds in the head; counts them.
    [[gnu::always_inline]] std::size_t lines() const noexcept {
        const std::size_t count = (head_ + block - 1) / block;
        std::size_t feeds = 0;
#pragma GCC unroll 4
        for (std::size_t word = 0; word < count; ++word)
            feeds += static_cast<std::size_t>(std::popcount(maps_[line_feeds + word]));
        return feeds;
    }
    /// Does every header line have a colon right behind its name?
    bool plain() const noexcept {
        return odd_ == 0;
    }

    // The first one at `position` or behind it. The last octet of the head is one of each kind, so there
    // always is one for a position in the head.

    /// An octet that no token contains.
    std::size_t separator(std::size_t position) const noexcept {
        return first(separators, position);
    }
    /// An octet that may end a value or a URI: a blank, a control octet, one beyond ASCII, any of "<>;,\.
    std::size_t stop(std::size_t position) const noexcept {
        return first(stops, position);
    }
    std::size_t line_feed(std::size_t position) const noexcept {
        return first(line_feeds, position);
    }

    /// The octets of a kind behind a place, one after the other; not beyond the last one of the head.
    class Hops {
    public:
        [[gnu::always_inline]] std::size_t next() noexcept {
            if (word_ == 0) [[unlikely]]
                refill();
            const std::size_t found = base_ + static_cast<std::size_t>(std::countr_zero(word_));
            word_ &= word_ - 1;
            return found;
        }

    private:
        friend SipMarks;
        [[gnu::always_inline]] void refill() noexcept {
            do {
                base_ = base_ / 8 * 8 + block;
                word_ = word_at(map_, base_);
            } while (word_ == 0);
        }
        [[gnu::always_inline]] Hops(const std::uint64_t* map, std::size_t position) noexcept
            : map_(map)
            , base_(position)
            , word_(word_at(map, position)) {}

        const std::uint64_t* map_;
        std::size_t base_;
        std::uint64_t word_; ///< its lowest bit is that of `base_`; those that were told are gone
    };
    Hops separators_from(std::size_t position) const noexcept {
        return {&maps_[separators], position};
    }
    Hops stops_from(std::size_t position) const noexcept {
        return {&maps_[stops], position};
    }

    /// Where the header lines begin that begin with a letter with which the name of a field begins that is
    /// looked at; in their order, with `no_line` behind the last one.
    const std::uint16_t* beginnings() const noexcept {
        return beginnings_.data();
    }
    static constexpr std::uint16_t no_line = 0xffff;

    static constexpr std::size_t block = 64;

private:
    struct Pass;
    static constexpr std::size_t words = octets_max / block + 1;
    /// Room behind each map: for what is read beyond its end, and so that the maps are not a multiple of a
    /// page apart, where stores to one would look like those to another.
    static constexpr std::size_t apart = 128;
    // Where each map begins.
    static constexpr std::size_t separators = 0;
    static constexpr std::size_t stops = words + apart;
    static constexpr std::size_t line_feeds = 2 * (words + apart);

    /// The bits from one position on; 57 of them at least.
    [[gnu::always_inline]] static std::uint64_t word_at(const std::uint64_t* map,
                                                        std::size_t position) noexcept {
        static_assert(std::endian::native == std::endian::little);
        std::uint64_t word = 0;
        std::memcpy(&word, reinterpret_cast<const char*>(map) + position / 8, sizeof word);
        return word >> position % 8;
    }
    [[gnu::always_inline]] std::size_t first(std::size_t map, std::size_t position) const noexcept {
        for (;;) {
            const std::uint64_t word = word_at(&maps_[map], position);
            if (word != 0) [[likely]]
                return position + static_cast<std::size_t>(std::countr_zero(word));
            position = position / 8 * 8 + block;
        }
    }

    std::size_t head_;
    std::uint64_t odd_;
    std::array<std::uint64_t, 3 * (words + apart)> maps_;
    // A line has two octets at least; `no_line` is behind them.
    std::array<std::uint16_t, octets_max / 2 + 2> beginnings_;
};

} // namespace tandem::wire
