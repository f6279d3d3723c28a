// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The method of a SIP message whose start line is written as everybody writes it.
//
// Problem: wire::summarize() looks at every octet of a start line, and of a response at every one down to its
// CSeq; that alone costs more than all the rest of forwarding. Idea: what is written in the usual form is
// recognised by a few comparisons of 16 to 64 octets; everything else is `unknown`, and the caller asks
// summarize(). So there is one authority, and a glance never says anything else than it (a test compares
// them). Deliberately absent: tolerance.

#include "dataplane/wire/sip_method.hh"

#include <emmintrin.h>
#include <immintrin.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tandem::path::glance {

/// A method and a kind in one octet: the method in the lower half, bit 4 for a response.
using Sight = std::uint8_t;
inline constexpr Sight unknown = 0xff;
inline constexpr Sight response_bit = 0x10;

constexpr wire::SipMethod method_of(Sight sight) {
    return static_cast<wire::SipMethod>(sight & 0x0fU);
}
constexpr wire::SipKind kind_of(Sight sight) {
    return (sight & response_bit) != 0 ? wire::SipKind::response : wire::SipKind::request;
}

inline constexpr std::size_t methods = static_cast<std::size_t>(wire::SipMethod::other);

struct alignas(32) Name {
    std::array<char, 16> text{};
    std::uint32_t mask{0xffffffffU}; ///< which of the first 16 octets count; all bits: none compares
    std::uint32_t length{0};
    std::uint64_t unused{0};
};

/// The names, and behind them one that nothing compares to.
inline constexpr auto name_table = [] {
    std::array<Name, methods + 1> table{};
    constexpr std::array<std::string_view, methods> texts{
        "ACK",     "BYE",   "CANCEL",  "INFO",  "INVITE",   "MESSAGE",   "NOTIFY",
        "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE"};
    for (std::size_t i = 0; i < methods; ++i) {
        for (std::size_t k = 0; k < texts[i].size(); ++k)
            table[i].text[k] = texts[i][k];
        table[i].mask = (1U << texts[i].size()) - 1;
        table[i].length = static_cast<std::uint32_t>(texts[i].size());
    }
    return table;
}();

/// The first three letters lead to the only name that can be meant.
constexpr std::uint32_t place_of(std::uint32_t word, std::uint32_t multiplier) {
    return ((word & 0x00ff'ffffU) * multiplier) >> 26U;
}
constexpr std::uint32_t first_letters(const Name& name) {
    std::uint32_t word = 0;
    for (unsigned i = 0; i < 3; ++i)
        word |= static_cast<std::uint32_t>(static_cast<unsigned char>(name.text[i])) << (8 * i);
    return word;
}
inline constexpr std::uint32_t multiplier = [] {
    for (std::uint32_t candidate = 0x9e3779b1U;; candidate += 2) {
        std::uint64_t taken = 0;
        for (std::size_t i = 0; i < methods; ++i)
            taken |= std::uint64_t{1} << place_of(first_letters(name_table[i]), candidate);
        if (std::popcount(taken) == static_cast<int>(methods))
            return candidate;
    }
}();
// Hidden: otherwise position-independent code asks where it is, each time.
[[gnu::visibility("hidden")]] inline constexpr auto places = [] {
    std::array<std::uint8_t, 64> table{};
    table.fill(methods);
    for (std::size_t i = 0; i < methods; ++i)
        table[place_of(first_letters(name_table[i]), multiplier)] = static_cast<std::uint8_t>(i);
    return table;
}();
[[gnu::visibility("hidden")]] inline constexpr auto names = name_table;

/// The method that 16 octets begin with, `end` being the octet behind it. `length` becomes its length.
[[gnu::always_inline]] inline Sight method_at(const char* octets, char end, std::size_t& length) noexcept {
    std::uint32_t word = 0;
    std::memcpy(&word, octets, sizeof word);
    const std::size_t index = places[place_of(word, multiplier)];
    const Name& name = names[index];
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(octets));
    const __m128i wanted = _mm_load_si128(reinterpret_cast<const __m128i*>(name.text.data()));
    const auto other = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(text, wanted))) ^ 0xffffffffU;
    length = name.length;
    return (other & name.mask) == 0 && octets[length] == end ? static_cast<Sight>(index) : unknown;
}

/// What the lines begin with whose end before is among 64 octets, by the place of that end.
struct Lines {
    std::uint64_t odd; ///< a control character: perhaps a blank line
    std::uint64_t cs;  ///< CS in either case
};
/// Octets that are read for these: two behind the 64 as well.
inline constexpr std::size_t lines_room = 66;

struct Sse2 {
    static std::uint64_t feeds(const char* octets) noexcept { return where(octets, 0, '\n'); }
    static Lines lines(const char* octets) noexcept {
        const std::uint64_t ends = feeds(octets);
        std::uint64_t odd = 0;
        for (unsigned i = 0; i < 64; i += 16) {
            const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(octets + 1 + i));
            const __m128i least = _mm_min_epu8(text, _mm_set1_epi8(0x1f));
            odd |= static_cast<std::uint64_t>(
                       static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(text, least))))
                   << i;
        }
        return {ends & odd, ends & where(octets + 1, 0x20, 'c') & where(octets + 2, 0x20, 's')};
    }
    static std::uint64_t where(const char* octets, char set, char wanted) noexcept {
        std::uint64_t mask = 0;
        for (unsigned i = 0; i < 64; i += 16) {
            const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(octets + i));
            const __m128i equal =
                _mm_cmpeq_epi8(_mm_or_si128(text, _mm_set1_epi8(set)), _mm_set1_epi8(wanted));
            mask |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(equal))) << i;
        }
        return mask;
    }
};

struct Avx512 {
    [[gnu::target("avx512f,avx512bw")]] static std::uint64_t feeds(const char* octets) noexcept {
        return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(octets), _mm512_set1_epi8('\n'));
    }
    [[gnu::target("avx512f,avx512bw")]] static Lines lines(const char* octets) noexcept {
        const __m512i blank = _mm512_set1_epi8(0x20);
        const __mmask64 ends = feeds(octets);
        __m512i first = _mm512_loadu_si512(octets + 1);
        asm("" : "+v"(first)); // otherwise the compiler reads it twice
        const __mmask64 odd = _mm512_mask_cmplt_epu8_mask(ends, first, blank);
        const __mmask64 c =
            _mm512_mask_cmpeq_epi8_mask(ends, _mm512_or_si512(first, blank), _mm512_set1_epi8('c'));
        const __m512i second = _mm512_or_si512(_mm512_loadu_si512(octets + 2), blank);
        return {odd, _mm512_mask_cmpeq_epi8_mask(c, second, _mm512_set1_epi8('s'))};
    }
};

constexpr std::uint64_t word_of(const char (&text)[9]) {
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i)
        word |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
    return word;
}
[[gnu::always_inline]] inline std::uint64_t word_at(const char* text) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, text, sizeof word);
    return word;
}
static_assert(std::endian::native == std::endian::little);

inline constexpr std::size_t block = 64;

/// Does a message begin as a response does? At least 8 octets.
[[gnu::always_inline]] inline bool begins_response(const char* text) noexcept {
    return word_at(text) == word_of("SIP/2.0 ");
}

/// Where the first line of a text ends; `unended`: not within its first 256 octets. At least 64 octets.
inline constexpr std::size_t unended = ~std::size_t{0};
template <class Set>
[[gnu::always_inline]] inline std::size_t first_feed(const char* text, std::size_t size) noexcept {
    std::uint64_t feeds = Set::feeds(text);
    std::size_t base = 0;
    while (feeds == 0)
        [[unlikely]] {
            base += block;
            if (base == 4 * block || base + block > size)
                return unended;
            feeds = Set::feeds(text + base);
        }
    return base + static_cast<std::size_t>(std::countr_zero(feeds));
}

/// A request: `METHOD anything SIP/2.0` and CRLF, the line at most 256 octets. At least 64 octets.
template <class Set>
[[gnu::always_inline]] inline Sight request(const char* text, std::size_t size) noexcept {
    std::size_t length = 0;
    const Sight method = method_at(text, ' ', length);
    const std::size_t end = first_feed<Set>(text, size);
    if (end == unended) [[unlikely]]
        return unknown;
    // The blank in front of the version may be the one behind the method: summarize() takes that.
    if (end < length + 9)
        return unknown;
    return word_at(text + end - 8) == word_of("SIP/2.0\r") && text[end - 9] == ' ' ? method : unknown;
}

/// `CSeq: digits METHOD` and CRLF at `position`, the line not folded. `room`: 64 readable octets.
[[gnu::always_inline]] inline Sight cseq_line(const char* room) noexcept {
    constexpr std::uint64_t case_bits = 0x20202020U;
    const std::uint64_t word = word_at(room);
    if (((word | case_bits) & 0xffff'ffff'ffffU) != (word_of("cseq: \0\0") & 0xffff'ffff'ffffU))
        return unknown;
    constexpr std::size_t number_at = 6;
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(room + number_at));
    const __m128i high = _mm_cmpgt_epi8(text, _mm_set1_epi8('9'));
    const __m128i low = _mm_cmpgt_epi8(_mm_set1_epi8('0'), text);
    const auto others = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(high, low)));
    const auto digits = static_cast<std::size_t>(std::countr_zero(others | 0x10000U));
    // Of nine digits none is 2^31 or more (RFC 3261 section 8.1.1.5).
    if (digits == 0 || digits > 9 || room[number_at + digits] != ' ')
        return unknown;
    const char* name = room + number_at + digits + 1;
    std::size_t length = 0;
    const Sight method = method_at(name, '\r', length);
    if (method == unknown || name[length + 1] != '\n' || name[length + 2] == ' ' || name[length + 2] == '\t')
        return unknown;
    return static_cast<Sight>(method | response_bit);
}

/// A response that begins_response(): its first CSeq within the first 1,024 octets. At least 64 octets.
template <class Set>
[[gnu::always_inline]] inline Sight response(const char* text, std::size_t size) noexcept {
    constexpr std::size_t reach = 16 * block;
    for (std::size_t base = 0; base < reach && base + lines_room <= size; base += block) {
        const Lines lines = Set::lines(text + base);
        if ((lines.odd | lines.cs) == 0)
            continue;
        const auto at = static_cast<std::size_t>(std::countr_zero(lines.odd | lines.cs));
        if ((lines.odd >> at & 1U) != 0)
            return unknown;
        const std::size_t position = base + at + 1;
        if (position + block <= size) [[likely]]
            return cseq_line(text + position);
        std::array<char, block> rest{};
        std::memcpy(rest.data(), text + position, size - position);
        return cseq_line(rest.data());
    }
    return unknown;
}

/// A response that begins_response(), of which nothing but its kind matters: the status line. At least 64
/// octets.
template <class Set>
[[gnu::always_inline]] inline Sight status_line(const char* text, std::size_t size) noexcept {
    constexpr auto any_method = static_cast<Sight>(wire::SipMethod::other);
    return first_feed<Set>(text, size) == unended ? unknown : static_cast<Sight>(any_method | response_bit);
}

} // namespace tandem::path::glance
