// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_marks.hh"

#include "dataplane/wire/sip_text.hh"

#include <immintrin.h>

#include <algorithm>

namespace tandem::wire {
namespace {

constexpr std::size_t block = 64;

/// The marks of one block of 64 octets.
struct Block {
    std::uint64_t line_feeds;
    std::uint64_t returns;
    std::uint64_t separators;
    std::uint64_t stops;
};

/// The maps that are written, from their first word on.
struct Maps {
    std::uint64_t* ends;
    std::uint64_t* separators;
    std::uint64_t* stops;

    [[gnu::always_inline]] void put(std::size_t word, const Block& found) const noexcept {
        ends[word] = found.line_feeds;
        separators[word] = found.separators;
        stops[word] = found.stops;
    }
};

constexpr bool is_stop(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet <= 0x20 || octet == 0x7f || c == '"' || c == '<' || c == '>' || c == ',' || c == ';' ||
           c == '\\';
}

/// A table of 16 octets, repeated for the widest register.
using Table = std::array<std::uint8_t, block>;

/// Bit h of entry l: the octet 16 h + l belongs to a set.
template <typename Member>
constexpr Table rows_of(Member member) {
    Table rows{};
    for (unsigned octet = 0; octet < 128; ++octet)
        for (unsigned lane = 0; lane < block; lane += 16)
            if (member(static_cast<char>(octet)))
                rows[lane + octet % 16] |= static_cast<std::uint8_t>(1U << (octet / 16));
    return rows;
}
alignas(block) constexpr Table token_rows = rows_of(sip_text::is_token_char);
alignas(block) constexpr Table stop_rows = rows_of(is_stop);

/// The bit that stands for the upper half of an octet; none for those beyond ASCII.
alignas(block) constexpr Table row_bits = [] {
    Table bits{};
    for (unsigned i = 0; i < block; ++i)
        bits[i] = static_cast<std::uint8_t>(i % 16 < 8 ? 1U << i % 16 : 0U);
    return bits;
}();

struct Scalar {
    static Block read(const char* octets) noexcept {
        Block found{0, 0, 0, 0};
        for (std::size_t i = 0; i < block; ++i) {
            const std::uint64_t bit = std::uint64_t{1} << i;
            if (octets[i] == '\n')
                found.line_feeds |= bit;
            if (octets[i] == '\r')
                found.returns |= bit;
            if (!sip_text::is_token_char(octets[i]))
                found.separators |= bit;
            if (is_stop(octets[i]))
                found.stops |= bit;
        }
        return found;
    }
};

struct Sse42 {
    [[gnu::target("sse4.2")]] static Block read(const char* octets) noexcept {
        const __m128i rows = _mm_loadu_si128(reinterpret_cast<const __m128i*>(token_rows.data()));
        const __m128i stops = _mm_loadu_si128(reinterpret_cast<const __m128i*>(stop_rows.data()));
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row_bits.data()));
        const __m128i half = _mm_set1_epi8(0x0f);
        Block found{0, 0, 0, 0};
        for (std::size_t i = 0; i < block; i += 16) {
            const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(octets + i));
            const __m128i row = _mm_shuffle_epi8(rows, _mm_and_si128(text, half));
            const __m128i bit = _mm_shuffle_epi8(bits, _mm_and_si128(_mm_srli_epi16(text, 4), half));
            const __m128i none = _mm_cmpeq_epi8(_mm_and_si128(row, bit), _mm_setzero_si128());
            const __m128i stop_row = _mm_shuffle_epi8(stops, _mm_and_si128(text, half));
            const __m128i no_stop = _mm_cmpeq_epi8(_mm_and_si128(stop_row, bit), _mm_setzero_si128());
            found.separators |= mask(none) << i;
            found.stops |= (mask(no_stop) ^ 0xffffU) << i;
            found.line_feeds |= mask(_mm_cmpeq_epi8(text, _mm_set1_epi8('\n'))) << i;
            found.returns |= mask(_mm_cmpeq_epi8(text, _mm_set1_epi8('\r'))) << i;
        }
        return found;
    }
    [[gnu::target("sse4.2")]] static std::uint64_t mask(__m128i equal) noexcept {
        return static_cast<std::uint32_t>(_mm_movemask_epi8(equal));
    }
};

struct Avx2 {
    [[gnu::target("avx2")]] static Block read(const char* octets) noexcept {
        const __m256i rows = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(token_rows.data()));
        const __m256i stops = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(stop_rows.data()));
        const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row_bits.data()));
        const __m256i half = _mm256_set1_epi8(0x0f);
        Block found{0, 0, 0, 0};
        for (std::size_t i = 0; i < block; i += 32) {
            const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(octets + i));
            const __m256i row = _mm256_shuffle_epi8(rows, _mm256_and_si256(text, half));
            const __m256i bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(text, 4), half));
            const __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(row, bit), _mm256_setzero_si256());
            const __m256i stop_row = _mm256_shuffle_epi8(stops, _mm256_and_si256(text, half));
            const __m256i no_stop =
                _mm256_cmpeq_epi8(_mm256_and_si256(stop_row, bit), _mm256_setzero_si256());
            found.separators |= mask(none) << i;
            found.stops |= (mask(no_stop) ^ 0xffffffffU) << i;
            found.line_feeds |= mask(_mm256_cmpeq_epi8(text, _mm256_set1_epi8('\n'))) << i;
            found.returns |= mask(_mm256_cmpeq_epi8(text, _mm256_set1_epi8('\r'))) << i;
        }
        return found;
    }
    [[gnu::target("avx2")]] static std::uint64_t mask(__m256i equal) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_epi8(equal));
    }
};

struct Avx512 {
    [[gnu::target("avx512f,avx512bw")]] static Block read(const char* octets) noexcept {
        const __m512i rows = _mm512_loadu_si512(token_rows.data());
        const __m512i stops = _mm512_loadu_si512(stop_rows.data());
        const __m512i bits = _mm512_loadu_si512(row_bits.data());
        const __m512i half = _mm512_set1_epi8(0x0f);
        const __m512i text = _mm512_loadu_si512(octets);
        const __m512i row = _mm512_shuffle_epi8(rows, _mm512_and_si512(text, half));
        const __m512i bit = _mm512_shuffle_epi8(bits, _mm512_and_si512(_mm512_srli_epi16(text, 4), half));
        const __m512i stop_row = _mm512_shuffle_epi8(stops, _mm512_and_si512(text, half));
        return {_mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\n')),
                _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\r')), _mm512_testn_epi8_mask(row, bit),
                _mm512_test_epi8_mask(stop_row, bit)};
    }
};

/// What of the block before reaches into this one: whether it ended with LF, CR, or LF CR.
struct Carry {
    bool line_feed{false};
    bool line_feed_return{false};
};

/// Is there an LF right behind an LF, or behind an LF and a CR: a blank line?
[[gnu::always_inline]] inline bool blank_line(const Block& found, Carry& carry) noexcept {
    constexpr unsigned top = block - 1;
    const std::uint64_t behind_feed = found.line_feeds << 1U | (carry.line_feed ? 1U : 0U);
    const std::uint64_t feed_return = found.returns & behind_feed;
    const std::uint64_t behind_both = feed_return << 1U | (carry.line_feed_return ? 1U : 0U);
    carry.line_feed = found.line_feeds >> top != 0;
    carry.line_feed_return = feed_return >> top != 0;
    return (found.line_feeds & (behind_feed | behind_both)) != 0;
}

/// Writes the marks of `text`. Gives how many octets are marked.
template <class Set>
[[gnu::always_inline]] inline std::size_t mark_with(std::string_view text, const Maps& maps) noexcept {
    Carry carry;
    std::size_t word = 0;
    bool over = false;
    for (; !over && (word + 1) * block <= text.size(); ++word) {
        const Block found = Set::read(text.data() + word * block);
        maps.put(word, found);
        over = blank_line(found, carry);
    }
    std::size_t marked = word * block;
    if (!over && marked < text.size()) {
        std::array<char, block> rest{};
        std::memcpy(rest.data(), text.data() + marked, text.size() - marked);
        maps.put(word, Set::read(rest.data()));
        marked = text.size();
    }
    // The end is a mark in every map, so that every search ends; behind the blank line it is none of the
    // text.
    const std::uint64_t bit = std::uint64_t{1} << marked % block;
    const std::uint64_t before = bit - 1;
    for (std::uint64_t* map : {maps.ends, maps.separators, maps.stops}) {
        map[marked / block] = (before == 0 ? 0 : map[marked / block] & before) | bit;
        map[marked / block + 1] = 0;
    }
    return marked;
}

std::size_t mark_scalar(std::string_view text, const Maps& maps) noexcept {
    return mark_with<Scalar>(text, maps);
}
[[gnu::target("sse4.2"), gnu::flatten]] std::size_t mark_sse42(std::string_view text,
                                                               const Maps& maps) noexcept {
    return mark_with<Sse42>(text, maps);
}
[[gnu::target("avx2"), gnu::flatten]] std::size_t mark_avx2(std::string_view text,
                                                            const Maps& maps) noexcept {
    return mark_with<Avx2>(text, maps);
}
[[gnu::target("avx512f,avx512bw"), gnu::flatten]] std::size_t mark_avx512(std::string_view text,
                                                                          const Maps& maps) noexcept {
    return mark_with<Avx512>(text, maps);
}

constexpr std::array mark_by{&mark_scalar, &mark_sse42, &mark_avx2, &mark_avx512};
static_assert(mark_by.size() == sip_scanners);

} // namespace

namespace {

/// The reader counts and shifts with these; every machine with AVX2 has them.
bool has_bmi() noexcept {
    return __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0;
}

} // namespace

std::string_view to_string(SipScanner scanner) noexcept {
    constexpr std::array<std::string_view, sip_scanners> names{"scalar", "sse4.2", "avx2", "avx512"};
    return names[static_cast<std::size_t>(scanner)];
}

bool available(SipScanner scanner) noexcept {
    switch (scanner) {
    case SipScanner::scalar:
        return true;
    case SipScanner::sse42:
        return __builtin_cpu_supports("sse4.2") != 0;
    case SipScanner::avx2:
        return __builtin_cpu_supports("avx2") != 0 && has_bmi();
    case SipScanner::avx512:
        return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 && has_bmi();
    }
    return false;
}

SipScanner best_sip_scanner() noexcept {
    for (const auto scanner : {SipScanner::avx512, SipScanner::avx2, SipScanner::sse42})
        if (available(scanner))
            return scanner;
    return SipScanner::scalar;
}

void SipMarks::mark(std::string_view text, SipScanner scanner) noexcept {
    text = text.substr(0, octets_max);
    marked_ =
        mark_by[static_cast<std::size_t>(scanner)](text, {ends_.data(), separators_.data(), stops_.data()});
}

} // namespace tandem::wire
