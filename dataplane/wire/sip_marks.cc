// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_marks.hh"

#include "dataplane/wire/sip_text.hh"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

namespace tandem::wire {
namespace {

constexpr std::size_t block = SipMarks::block;

/// What is seen of one block of 64 octets.
struct Block {
    std::uint64_t line_feeds;
    std::uint64_t colons;
    std::uint64_t separators;
    std::uint64_t stops;
    std::uint64_t initials;
};

/// Call-ID, Contact, Content-Length, CSeq, Expires, From, Max-Forwards, Path, Record-Route, Route, To, Via,
/// and the compact forms f, i, l, m, t, v.
constexpr bool is_initial(char c) {
    return std::string_view{"cefilmprtv"}.find(sip_text::lower(c)) != std::string_view::npos;
}

/// What a value or a URI goes on with.
constexpr bool is_inner(char c) {
    return c > ' ' && c < 0x7f && std::string_view{"\"<>;,\\"}.find(c) == std::string_view::npos;
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
alignas(block) constexpr Table inner_rows = rows_of(is_inner);
alignas(block) constexpr Table initial_rows = rows_of(is_initial);

/// The bit that stands for the upper half of an octet; none for those beyond ASCII.
alignas(block) constexpr Table row_bits = [] {
    Table bits{};
    for (unsigned i = 0; i < block; ++i)
        bits[i] = static_cast<std::uint8_t>(i % 16 < 8 ? 1U << i % 16 : 0U);
    return bits;
}();

// Each set reads a whole block, or one of which the first octets are there and zeros stand for the others.

/// Reads a part by a copy.
template <class Set>
struct ByCopy {
    [[gnu::always_inline]] Block read_part(const char* octets, std::size_t length) const noexcept {
        std::array<char, block> copy{};
        std::memcpy(copy.data(), octets, length);
        return Set::read(copy.data());
    }
};

struct Scalar : ByCopy<Scalar> {
    static Block read(const char* octets) noexcept {
        Block found{0, 0, 0, 0, 0};
        for (std::size_t i = 0; i < block; ++i) {
            const std::uint64_t bit = std::uint64_t{1} << i;
            found.line_feeds |= octets[i] == '\n' ? bit : 0;
            found.colons |= octets[i] == ':' ? bit : 0;
            found.separators |= sip_text::is_token_char(octets[i]) ? 0 : bit;
            found.stops |= is_inner(octets[i]) ? 0 : bit;
            found.initials |= is_initial(octets[i]) ? bit : 0;
        }
        return found;
    }
};

struct Sse42 : ByCopy<Sse42> {
    [[gnu::target("sse4.2")]] static Block read(const char* octets) noexcept {
        const __m128i tokens = _mm_loadu_si128(reinterpret_cast<const __m128i*>(token_rows.data()));
        const __m128i inner = _mm_loadu_si128(reinterpret_cast<const __m128i*>(inner_rows.data()));
        const __m128i letters = _mm_loadu_si128(reinterpret_cast<const __m128i*>(initial_rows.data()));
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row_bits.data()));
        const __m128i half = _mm_set1_epi8(0x0f);
        Block found{0, 0, 0, 0, 0};
        for (std::size_t i = 0; i < block; i += 16) {
            const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(octets + i));
            const __m128i low = _mm_and_si128(text, half);
            const __m128i bit = _mm_shuffle_epi8(bits, _mm_and_si128(_mm_srli_epi16(text, 4), half));
            found.separators |= none(_mm_and_si128(_mm_shuffle_epi8(tokens, low), bit)) << i;
            found.stops |= none(_mm_and_si128(_mm_shuffle_epi8(inner, low), bit)) << i;
            found.initials |= (none(_mm_and_si128(_mm_shuffle_epi8(letters, low), bit)) ^ 0xffffU) << i;
            found.line_feeds |= mask(_mm_cmpeq_epi8(text, _mm_set1_epi8('\n'))) << i;
            found.colons |= mask(_mm_cmpeq_epi8(text, _mm_set1_epi8(':'))) << i;
        }
        return found;
    }
    [[gnu::target("sse4.2")]] static std::uint64_t mask(__m128i equal) noexcept {
        return static_cast<std::uint32_t>(_mm_movemask_epi8(equal));
    }
    [[gnu::target("sse4.2")]] static std::uint64_t none(__m128i bits) noexcept {
        return mask(_mm_cmpeq_epi8(bits, _mm_setzero_si128()));
    }
};

struct Avx2 : ByCopy<Avx2> {
    [[gnu::target("avx2")]] static Block read(const char* octets) noexcept {
        const __m256i tokens = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(token_rows.data()));
        const __m256i inner = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(inner_rows.data()));
        const __m256i letters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(initial_rows.data()));
        const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row_bits.data()));
        const __m256i half = _mm256_set1_epi8(0x0f);
        Block found{0, 0, 0, 0, 0};
        for (std::size_t i = 0; i < block; i += 32) {
            const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(octets + i));
            const __m256i low = _mm256_and_si256(text, half);
            const __m256i bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(text, 4), half));
            found.separators |= none(_mm256_and_si256(_mm256_shuffle_epi8(tokens, low), bit)) << i;
            found.stops |= none(_mm256_and_si256(_mm256_shuffle_epi8(inner, low), bit)) << i;
            found.initials |= (none(_mm256_and_si256(_mm256_shuffle_epi8(letters, low), bit)) ^ 0xffffffffU)
                              << i;
            found.line_feeds |= mask(_mm256_cmpeq_epi8(text, _mm256_set1_epi8('\n'))) << i;
            found.colons |= mask(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(':'))) << i;
        }
        return found;
    }
    [[gnu::target("avx2")]] static std::uint64_t mask(__m256i equal) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_epi8(equal));
    }
    [[gnu::target("avx2")]] static std::uint64_t none(__m256i bits) noexcept {
        return mask(_mm256_cmpeq_epi8(bits, _mm256_setzero_si256()));
    }
};

struct Avx512 {
    [[gnu::target("avx512f,avx512bw")]] static Block read(__m512i text) noexcept {
        const __m512i half = _mm512_set1_epi8(0x0f);
        const __m512i low = _mm512_and_si512(text, half);
        const __m512i bit = _mm512_shuffle_epi8(_mm512_load_si512(row_bits.data()),
                                                _mm512_and_si512(_mm512_srli_epi16(text, 4), half));
        const __m512i token = _mm512_shuffle_epi8(_mm512_load_si512(token_rows.data()), low);
        const __m512i inner = _mm512_shuffle_epi8(_mm512_load_si512(inner_rows.data()), low);
        const __m512i letter = _mm512_shuffle_epi8(_mm512_load_si512(initial_rows.data()), low);
        return {_mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8('\n')),
                _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(':')), _mm512_testn_epi8_mask(token, bit),
                _mm512_testn_epi8_mask(inner, bit), _mm512_test_epi8_mask(letter, bit)};
    }
    [[gnu::target("avx512f,avx512bw")]] static Block read(const char* octets) noexcept {
        return read(_mm512_loadu_si512(octets));
    }
    [[gnu::target("avx512f,avx512bw,bmi2")]] static Block read_part(const char* octets,
                                                                    std::size_t length) noexcept {
        return read(
            _mm512_maskz_loadu_epi8(_bzhi_u64(~std::uint64_t{0}, static_cast<unsigned>(length)), octets));
    }
};

/// Bit 7: of a token; bit 6: what a value goes on with; bit 5: a letter that a name begins with.
template <unsigned first>
constexpr Table kinds_from() {
    Table kinds{};
    for (unsigned i = 0; i < block; ++i) {
        const auto octet = static_cast<char>(first + i);
        kinds[i] = static_cast<std::uint8_t>((sip_text::is_token_char(octet) ? 0x80 : 0) |
                                             (is_inner(octet) ? 0x40 : 0) | (is_initial(octet) ? 0x20 : 0));
    }
    return kinds;
}
alignas(block) constexpr Table low_kinds = kinds_from<0>();
alignas(block) constexpr Table high_kinds = kinds_from<64>();

/// A constant that stays in its register: made again for each block, it costs more than it is worth.
[[gnu::target("avx512f"), gnu::always_inline]] inline __m512i kept(__m512i constant) noexcept {
    asm("" : "+v"(constant));
    return constant;
}

class Avx512Vbmi {
public:
    [[gnu::target("avx512f,avx512bw,avx512vbmi")]] Avx512Vbmi() noexcept
        : low_(kept(_mm512_load_si512(low_kinds.data())))
        , high_(kept(_mm512_load_si512(high_kinds.data())))
        , last_(kept(_mm512_set1_epi8(0x7f)))
        , line_feed_(kept(_mm512_set1_epi8('\n')))
        , colon_(kept(_mm512_set1_epi8(':')))
        , inner_(kept(_mm512_set1_epi8(0x40)))
        , initial_(kept(_mm512_set1_epi8(0x20))) {}

    [[gnu::target("avx512f,avx512bw,avx512vbmi")]] Block read(const char* octets) const noexcept {
        return read(_mm512_loadu_si512(octets));
    }
    [[gnu::target("avx512f,avx512bw,avx512vbmi,bmi2")]] Block read_part(const char* octets,
                                                                        std::size_t length) const noexcept {
        return read(
            _mm512_maskz_loadu_epi8(_bzhi_u64(~std::uint64_t{0}, static_cast<unsigned>(length)), octets));
    }

private:
    /// One table of 128 octets, of which the last is of no kind: it stands for those beyond ASCII too.
    [[gnu::target("avx512f,avx512bw,avx512vbmi")]] Block read(__m512i text) const noexcept {
        const __m512i kinds = _mm512_permutex2var_epi8(low_, _mm512_min_epu8(text, last_), high_);
        return {_mm512_cmpeq_epi8_mask(text, line_feed_), _mm512_cmpeq_epi8_mask(text, colon_),
                ~_mm512_movepi8_mask(kinds), _mm512_testn_epi8_mask(kinds, inner_),
                _mm512_test_epi8_mask(kinds, initial_)};
    }

    __m512i low_;
    __m512i high_;
    __m512i last_;
    __m512i line_feed_;
    __m512i colon_;
    __m512i inner_;
    __m512i initial_;
};

} // namespace

/// Keeps a value in a register of the ordinary kind: several steps work on it.
[[gnu::always_inline]] inline std::uint64_t plain_register(std::uint64_t word) noexcept {
    asm("" : "+r"(word));
    return word;
}

/// The pass over one text.
struct SipMarks::Pass {
    SipMarks& marks;
    std::string_view text;
    // Where the next word of the maps and the next line go.
    std::uint64_t* map;
    std::uint16_t* beginning;
    std::size_t position{0}; ///< of the block
    // What of the block before reaches into this one.
    std::uint64_t behind_feed{0};
    std::uint64_t in_name{0};
    // Of the marks; here they stay in registers.
    std::uint64_t odd{0};
    std::size_t head{0};

    [[gnu::always_inline]] Pass(SipMarks& marks_of, std::string_view text_of) noexcept
        : marks(marks_of)
        , text(text_of)
        , map(marks_of.maps_.data())
        , beginning(marks_of.beginnings_.data()) {}

    /// Takes the next block. True: the pass is over.
    [[gnu::always_inline]] bool take(Block found) noexcept {
        found.line_feeds = plain_register(found.line_feeds);
        const std::uint64_t starts = found.line_feeds << 1U | behind_feed;
        behind_feed = found.line_feeds >> (block - 1);
        // A one that is added at the beginning of a name comes out behind its end. No name begins at the
        // first octet of a block in which one goes on.
        const std::uint64_t tokens = ~found.separators;
        const std::uint64_t sum = tokens + ((starts & tokens) | in_name);
        in_name = sum < tokens ? 1 : 0;
        const std::uint64_t strange = sum & found.separators & ~found.colons;
        const std::uint64_t beginnings = starts & found.initials;
        const std::uint64_t nameless = starts & found.separators;
        if (nameless != 0) [[unlikely]] {
            end(found, beginnings, strange, static_cast<std::size_t>(std::countr_zero(nameless)));
            return true;
        }
        odd |= strange;
        list(beginnings);
        put(found);
        return false;
    }

    /// A line that begins with no name is in this block, at `bit`: the blank one, or else nothing is plain.
    [[gnu::always_inline]] void end(Block found, std::uint64_t beginnings, std::uint64_t strange,
                                    std::size_t bit) noexcept {
        const std::uint64_t through = last_line(bit);
        found.separators &= through;
        found.stops &= through;
        found.line_feeds &= through;
        odd |= strange & through;
        list(beginnings & through);
        const std::size_t behind = position + block;
        put(found);
        if (head > behind) // the line feed alone is in the next one
            put({1, 0, 1, 1, 0});
    }

    [[gnu::always_inline]] void put(const Block& found) noexcept {
        map[separators] = found.separators;
        map[stops] = found.stops;
        map[line_feeds] = found.line_feeds;
        ++map;
        position += block;
    }

    [[gnu::always_inline]] void list(std::uint64_t beginnings) noexcept {
        while (beginnings != 0) {
            *beginning++ =
                static_cast<std::uint16_t>(position + static_cast<std::size_t>(std::countr_zero(beginnings)));
            // Pinned: the compiler would count the bits once more to know where `beginning` comes to.
            beginnings = plain_register(beginnings & (beginnings - 1));
        }
    }

    /// Which octets of the block belong to the head?
    [[gnu::always_inline]] std::uint64_t last_line(std::size_t bit) noexcept {
        const std::size_t begin = position + bit;
        const std::size_t feed = begin < text.size() && text[begin] == '\r' ? begin + 1 : begin;
        if (feed >= text.size() || text[feed] != '\n')
            return 0;
        head = feed + 1;
        return feed - position < block - 1 ? (std::uint64_t{2} << (feed - position)) - 1 : ~std::uint64_t{0};
    }

    template <class Set>
    [[gnu::always_inline]] void run() noexcept {
        take_all(Set{});
        marks.head_ = head;
        marks.odd_ = odd;
        *beginning = no_line;
    }

    template <class Set>
    [[gnu::always_inline]] void take_all(const Set& set) noexcept {
        const char* at = text.data();
        const char* const behind_whole = at + text.size() / block * block;
        for (; at != behind_whole; at += block)
            if (take(set.read(at)))
                return;
        if (text.size() % block != 0)
            take(set.read_part(at, text.size() % block));
    }

    static void scalar(SipMarks& marks, std::string_view text) noexcept { Pass{marks, text}.run<Scalar>(); }
    [[gnu::target("sse4.2,popcnt"), gnu::flatten]] static void sse42(SipMarks& marks,
                                                                     std::string_view text) noexcept {
        Pass{marks, text}.run<Sse42>();
    }
    [[gnu::target("avx2,bmi,bmi2,popcnt"), gnu::flatten]] static void avx2(SipMarks& marks,
                                                                           std::string_view text) noexcept {
        Pass{marks, text}.run<Avx2>();
    }
    [[gnu::target("avx512f,avx512bw,bmi,bmi2,popcnt"), gnu::flatten]] static void
    avx512(SipMarks& marks, std::string_view text) noexcept {
        Pass{marks, text}.run<Avx512>();
    }
    [[gnu::target("avx512f,avx512bw,avx512vbmi,bmi,bmi2,popcnt"), gnu::flatten]] static void
    avx512_vbmi(SipMarks& marks, std::string_view text) noexcept {
        Pass{marks, text}.run<Avx512Vbmi>();
    }
};

namespace {

/// The reader counts and shifts with these; every machine with AVX2 has them.
bool has_bmi() noexcept {
    return __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0 &&
           __builtin_cpu_supports("popcnt") != 0;
}

} // namespace

std::string_view to_string(SipScanner scanner) noexcept {
    constexpr std::array<std::string_view, sip_scanners> names{"scalar", "sse4.2", "avx2", "avx512",
                                                               "avx512-vbmi"};
    return names[static_cast<std::size_t>(scanner)];
}

bool available(SipScanner scanner) noexcept {
    switch (scanner) {
    case SipScanner::scalar:
        return true;
    case SipScanner::sse42:
        return __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("popcnt") != 0;
    case SipScanner::avx2:
        return __builtin_cpu_supports("avx2") != 0 && has_bmi();
    case SipScanner::avx512:
        return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 && has_bmi();
    case SipScanner::avx512_vbmi:
        return available(SipScanner::avx512) && __builtin_cpu_supports("avx512vbmi") != 0;
    }
    return false;
}

SipScanner best_sip_scanner() noexcept {
    for (const auto scanner :
         {SipScanner::avx512_vbmi, SipScanner::avx512, SipScanner::avx2, SipScanner::sse42})
        if (available(scanner))
            return scanner;
    return SipScanner::scalar;
}

void SipMarks::mark(std::string_view text, SipScanner scanner) noexcept {
    static constexpr std::array mark_by{&Pass::scalar, &Pass::sse42, &Pass::avx2, &Pass::avx512,
                                        &Pass::avx512_vbmi};
    static_assert(mark_by.size() == sip_scanners);
    mark_by[static_cast<std::size_t>(scanner)](*this, text.substr(0, octets_max));
}

} // namespace tandem::wire
