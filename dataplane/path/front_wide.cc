// SPDX-License-Identifier: GPL-3.0-or-later
// The first look with AVX-512: eight frames at once. Each step is that of look() in front_look.hh, for eight
// numbers that stand in one register; what fails a test is looked at again by look_alone().
#include "dataplane/path/front_look.hh"

#include <immintrin.h>

#include <algorithm>

// GCC 12 takes the registers that its own intrinsics leave undefined on purpose for a mistake of ours.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

// What Front's constructor asks the processor for.
#define TANDEM_WIDE [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2")]]

namespace tandem::path {
namespace {

using namespace front_look;

constexpr std::size_t lanes = 8;

TANDEM_WIDE inline __m512i all(std::uint64_t word) noexcept {
    return _mm512_set1_epi64(static_cast<long long>(word));
}

// Truth tables of vpternlog.
constexpr int differ_within = 0x28; ///< (a ^ b) & c
constexpr int any = 0xfe;           ///< a | b | c
constexpr int within_and = 0xea;    ///< (a & b) | c

/// Octets 10 to 41 of eight frames, the same eight octets of each in one register.
struct Heads {
    __m512i type;      ///< 10 to 17: ether type, version, total length
    __m512i kind;      ///< 18 to 25: fragment, protocol
    __m512i addresses; ///< 26 to 33
    __m512i ports;     ///< 34 to 41: ports, length of the datagram
};
constexpr std::size_t headers = ethernet + ipv4 + udp;

/// What eight lanes are compared and joined with. It is read out of memory, into all lanes at once: for
/// numbers that the compiler knows it would take two instructions and the busiest unit of the processor.
struct Numbers {
    std::uint64_t type_mask{0x0000'00ff'ffff'0000U};
    std::uint64_t type_usual{0x0000'0045'0008'0000U};
    std::uint64_t kind_mask{0x0000'ff00'ff3f'0000U};
    std::uint64_t kind_usual{std::uint64_t{wire::protocol_udp} << 40U};
    std::uint64_t low{0xffff'ffffU};
    std::uint64_t vip_bits{0x0000'ff00'0000'0000U}; ///< of a slot
    std::uint64_t place_bits{0xffff'0000U};         ///< group and VIP in Seen
    std::uint64_t ether_type{std::uint64_t{wire::ether_type_ipv4} << 16U};
    std::uint64_t udp_of_four{table::FlowKey::rest_of(0, wire::protocol_udp, 4)};
    std::uint64_t frame_headers{headers};
    std::uint64_t packet_headers{ipv4 + udp};
    std::uint64_t datagram_header{udp};
    std::uint64_t head_other{seen_head(Kind::other_port)};
    std::uint64_t head_sip{seen_head(Kind::sip_malformed)};
    std::uint64_t first_factor{0x9e3779b97f4a7c15ULL};
    std::uint64_t second_factor{0xd6e8feb86659fd93ULL};
};
inline const Numbers& numbers() noexcept {
    static constexpr Numbers all_of_them;
    const Numbers* at = &all_of_them;
    asm("" : "+r"(at)); // now the compiler does not know them
    return *at;
}

TANDEM_WIDE inline __m512i pair_of(const std::uint8_t* low, const std::uint8_t* high) noexcept {
    constexpr std::size_t at = 10;
    const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(low + at));
    const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high + at));
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}

/// For vpshufb: in each lane these two octets of it, then zeros.
TANDEM_WIDE inline __m512i octets_in_each(char first, char second) noexcept {
    return _mm512_broadcast_i32x4(_mm_setr_epi8(first, second, -1, -1, -1, -1, -1, -1,
                                                static_cast<char>(first + 8), static_cast<char>(second + 8),
                                                -1, -1, -1, -1, -1, -1));
}
/// For vpshufb: in each lane two octets of it, from `at` on, four times.
TANDEM_WIDE inline __m512i word_four_times(char at) noexcept {
    const auto low = static_cast<short>(at | (at + 1) << 8U);
    const auto high = static_cast<short>(low + 0x0808);
    return _mm512_broadcast_i32x4(_mm_setr_epi16(low, low, low, low, high, high, high, high));
}

TANDEM_WIDE inline Heads heads_of(const std::uint8_t* const* frames) noexcept {
    const __m512i a = pair_of(frames[0], frames[2]);
    const __m512i b = pair_of(frames[1], frames[3]);
    const __m512i c = pair_of(frames[4], frames[6]);
    const __m512i d = pair_of(frames[5], frames[7]);
    const __m512i ab_even = _mm512_unpacklo_epi64(a, b);
    const __m512i ab_odd = _mm512_unpackhi_epi64(a, b);
    const __m512i cd_even = _mm512_unpacklo_epi64(c, d);
    const __m512i cd_odd = _mm512_unpackhi_epi64(c, d);
    constexpr int first = 0x88;  // of each the quarters 0 and 2
    constexpr int second = 0xdd; // 1 and 3
    return {_mm512_shuffle_i64x2(ab_even, cd_even, first), _mm512_shuffle_i64x2(ab_odd, cd_odd, first),
            _mm512_shuffle_i64x2(ab_even, cd_even, second), _mm512_shuffle_i64x2(ab_odd, cd_odd, second)};
}

/// Eight octets of each of eight frames, from `at` on. A gather takes three times as long.
template <std::size_t at>
TANDEM_WIDE inline __m512i words_of(const std::uint8_t* const* frames) noexcept {
    const auto two = [frames](std::size_t i) {
        return _mm_set_epi64x(raw<long long>(frames[i + 1] + at), raw<long long>(frames[i] + at));
    };
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(two(0)), two(2), 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(two(4)), two(6), 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/// Writes what was seen of a frame and of the next but one.
TANDEM_WIDE inline void put(Seen* seen, __m512i two) noexcept {
    static_assert(sizeof(Seen) == sizeof(__m256i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(seen), _mm512_castsi512_si256(two));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(seen + 2), _mm512_extracti64x4_epi64(two, 1));
}

/// Writes what was seen of eight frames, of each the four words in turn.
TANDEM_WIDE inline void write(Seen* seen, __m512i first, __m512i second, __m512i third,
                              __m512i fourth) noexcept {
    const __m512i even_front = _mm512_unpacklo_epi64(first, second);
    const __m512i odd_front = _mm512_unpackhi_epi64(first, second);
    const __m512i even_back = _mm512_unpacklo_epi64(third, fourth);
    const __m512i odd_back = _mm512_unpackhi_epi64(third, fourth);
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    put(seen, _mm512_permutex2var_epi64(even_front, low, even_back));
    put(seen + 1, _mm512_permutex2var_epi64(odd_front, low, odd_back));
    put(seen + 4, _mm512_permutex2var_epi64(even_front, high, even_back));
    put(seen + 5, _mm512_permutex2var_epi64(odd_front, high, odd_back));
}

/// FlowKey::hash() of eight keys.
TANDEM_WIDE inline __m512i hash_of(const Numbers& is, __m512i addresses, __m512i rest,
                                   std::uint64_t seed) noexcept {
    __m512i value = _mm512_mullo_epi64(_mm512_xor_si512(addresses, all(seed)), all(is.first_factor));
    constexpr int xor_all = 0x96;
    value = _mm512_ternarylogic_epi64(value, _mm512_srli_epi64(value, 32), rest, xor_all);
    value = _mm512_mullo_epi64(value, all(is.second_factor));
    return _mm512_xor_si512(value, _mm512_srli_epi64(value, 32));
}

/// FlowLines::line() of eight lines.
TANDEM_WIDE inline __m512i lines_of(__m512i hash, const table::FlowLines& lines) noexcept {
    constexpr unsigned line_bits = 6;
    constexpr unsigned set_bits = 10;
    static_assert(1U << line_bits == table::FlowLines::line_size);
    static_assert(1U << (set_bits - line_bits) == table::FlowLines::ways);
    const __m512i set = _mm512_slli_epi64(_mm512_and_si512(hash, all(lines.set_mask)), set_bits);
    const __m512i way = _mm512_slli_epi64(_mm512_srli_epi64(hash, 60), line_bits);
    return _mm512_add_epi64(_mm512_add_epi64(set, way), all(std::bit_cast<std::uint64_t>(lines.first)));
}

/// Adds those of eight texts that are chosen.
template <class Texts>
TANDEM_WIDE inline void add(Texts& texts, __mmask8 chosen, __m512i first, __m512i rest) noexcept {
    _mm512_storeu_si512(texts.first.data() + texts.count, _mm512_maskz_compress_epi64(chosen, first));
    _mm512_storeu_si512(texts.rest.data() + texts.count, _mm512_maskz_compress_epi64(chosen, rest));
    texts.count += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(chosen)));
}

/// Sorts the texts of eight frames from `i` on, of which some are SIP. `size`: of each text.
template <class Unread>
TANDEM_WIDE inline void note_texts(Unread& unread, __mmask8 sip, const std::uint8_t* const* frames,
                                   __m512i size, std::size_t i) noexcept {
    const __mmask8 long_enough = _mm512_mask_cmpge_epu64_mask(sip, size, all(glance::block));
    const __m512i first = _mm512_add_epi64(_mm512_loadu_si512(frames + i), all(headers));
    const __m512i begin = long_enough == 0xff ? words_of<headers>(frames + i)
                                              : _mm512_mask_i64gather_epi64(_mm512_setzero_si512(),
                                                                            long_enough, first, nullptr, 1);
    const __mmask8 response =
        _mm512_mask_cmpeq_epi64_mask(long_enough, begin, all(glance::word_of("SIP/2.0 ")));
    const __m512i frame =
        _mm512_slli_epi64(_mm512_add_epi64(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), all(i)), 32);
    const __m512i rest = _mm512_or_si512(size, frame);
    add(unread.responses, response, first, rest);
    add(unread.requests, static_cast<__mmask8>(long_enough ^ response), first, rest);
    for (unsigned left = sip ^ long_enough; left != 0; left &= left - 1)
        [[unlikely]] unread.others[unread.other_count++] =
            static_cast<std::uint8_t>(i + static_cast<std::size_t>(std::countr_zero(left)));
}

} // namespace

/// What the VIP of the first frame is found as: mostly the others are for the same.
struct Front::First {
    __m512i vip;  ///< its address, in each lane
    __m512i slot; ///< what is known of it, likewise
};

/// What a look at eight frames gives.
struct Front::Eight {
    std::uint32_t usual; ///< those of the usual form, a bit for each; of the others nothing is said
    bool one_vip;        ///< their VIP is that of the first frame of the burst
    __m512i lengths;     ///< of their IP packets
};

/// `frames`: eight or more.
template <Facing facing>
[[gnu::always_inline]] TANDEM_WIDE inline Front::First
Front::first_of(const RawFrames& frames) const noexcept {
    constexpr std::size_t vip_at = facing == Facing::outside ? 30 : 26;
    if (frames.lengths[0] < headers)
        return {_mm512_set1_epi64(-1), _mm512_setzero_si512()}; // no VIP is like this
    const auto vip = raw<std::uint32_t>(frames.data[0] + vip_at);
    const Slot4& slot = sides_[static_cast<std::size_t>(facing)].addresses.find4(vip);
    return {all(vip), all(std::bit_cast<std::uint64_t>(slot))};
}

template <Facing facing>
[[gnu::always_inline]] TANDEM_WIDE inline Front::Eight
Front::look_at_eight(const RawFrames& frames, Seen* seen, std::byte** lines, std::size_t i,
                     const First& first, Unread& unread) const noexcept {
    constexpr bool outside = facing == Facing::outside;
    const Side& side = sides_[static_cast<std::size_t>(facing)];
    const Numbers& is = numbers();
    const __m512i length =
        _mm512_cvtepu32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(frames.lengths + i)));
    if (_mm512_cmplt_epu64_mask(length, all(is.frame_headers)) != 0) [[unlikely]]
        return {0, false, length}; // there may be nothing to read
    const Heads heads = heads_of(frames.data + i);
    const __m512i station = words_of<0>(frames.data + i);
    const __m512i odd = _mm512_ternarylogic_epi64(
        _mm512_ternarylogic_epi64(heads.type, all(is.type_usual), all(is.type_mask), differ_within),
        _mm512_ternarylogic_epi64(heads.kind, all(is.kind_usual), all(is.kind_mask), differ_within),
        _mm512_ternarylogic_epi64(station, all(side.station), all(side.station_mask), differ_within), any);
    const __m512i total = _mm512_shuffle_epi8(heads.type, octets_in_each(7, 6));
    const __m512i datagram = _mm512_shuffle_epi8(heads.ports, octets_in_each(5, 4));
    const __m512i behind = _mm512_sub_epi64(total, all(is.packet_headers));
    const __m512i text = _mm512_sub_epi64(datagram, all(is.datagram_header));
    // Unsigned: what is too small is very large.
    __mmask8 usual = _mm512_testn_epi64_mask(odd, odd);
    usual = _mm512_mask_cmple_epu64_mask(usual, behind, _mm512_sub_epi64(length, all(is.frame_headers)));
    usual = _mm512_mask_cmple_epu64_mask(usual, text, behind);

    const __m512i vip =
        outside ? _mm512_srli_epi64(heads.addresses, 32) : _mm512_and_si512(heads.addresses, all(is.low));
    const bool one_vip = _mm512_cmpneq_epi64_mask(vip, first.vip) == 0;
    __m512i slot = first.slot;
    if (!one_vip) {
        const __m512i product = _mm512_mul_epu32(vip, _mm512_set1_epi64(side.addresses.multiplier4));
        const __m512i place = _mm512_srli_epi64(_mm512_slli_epi64(product, 32), 56);
        static_assert(slots == 256 && sizeof(Slot4) == 8);
        slot = _mm512_i64gather_epi64(place, side.addresses.v4.data(), 8);
    }
    static_assert(nothing == 0xff && offsetof(Slot4, vip) == 5 && offsetof(Slot4, group) == 4);
    usual = _mm512_mask_cmpeq_epi64_mask(usual, _mm512_and_si512(slot, all(is.low)), vip);
    usual = _mm512_mask_cmpneq_epi64_mask(usual, _mm512_and_si512(slot, all(is.vip_bits)), all(is.vip_bits));

    // The port four times, beside the eight ports of the group.
    const __m512i port = _mm512_shuffle_epi8(heads.ports, word_four_times(outside ? 2 : 0));
    const __m512i group = _mm512_srli_epi64(slot, 32); // of the index three bits count
    const __m512i early = _mm512_permutexvar_epi64(group, _mm512_load_si512(ports_[0].data()));
    const __m512i late = _mm512_permutexvar_epi64(group, _mm512_load_si512(ports_[1].data()));
    const __m512i equal =
        _mm512_movm_epi16(_mm512_cmpeq_epi16_mask(early, port) | _mm512_cmpeq_epi16_mask(late, port));
    static_assert(offsetof(Slot4, sip) == 6);
    const __mmask8 sip = _mm512_mask_test_epi64_mask(usual, equal, _mm512_srai_epi64(slot, 48));

    const __m512i kind = _mm512_mask_blend_epi64(sip, all(is.head_other), all(is.head_sip));
    const __m512i addresses = outside ? heads.addresses : _mm512_rol_epi64(heads.addresses, 32);
    const __m512i ports = outside ? heads.ports : _mm512_rol_epi32(heads.ports, 16);
    const __m512i rest = _mm512_ternarylogic_epi64(ports, all(is.low), all(is.udp_of_four), within_and);
    write(seen + i,
          _mm512_ternarylogic_epi64(_mm512_srli_epi64(slot, 16), all(is.place_bits), kind, within_and),
          _mm512_or_si512(total, all(is.ether_type)), addresses, rest);
    _mm512_storeu_si512(lines + i, lines_of(hash_of(is, addresses, rest, flow_lines_.seed), flow_lines_));
    if (sip != 0)
        note_texts(unread, sip, frames.data, text, i);
    return {usual, one_vip, total};
}

/// Apart from the look: together they have more values than registers.
[[gnu::noinline]] TANDEM_WIDE void Front::read_texts_wide(const RawFrames& frames, Seen* seen,
                                                          Unread& unread) const noexcept {
    read_texts<glance::Avx512>(frames, seen, unread);
}

template <Facing facing>
TANDEM_WIDE Common Front::look_wide(const RawFrames& frames, Seen* seen, std::byte** lines) const noexcept {
    Unread unread;
    Common common{true, false, 0};
    const std::size_t whole = frames.size() / lanes * lanes;
    if (whole != 0) {
        const First first = first_of<facing>(frames);
        __m512i longest = _mm512_setzero_si512();
        for (std::size_t i = 0; i < whole; i += lanes) {
            const Eight eight = look_at_eight<facing>(frames, seen, lines, i, first, unread);
            std::uint32_t left = eight.usual ^ 0xffU;
            common.one_vip = common.one_vip && eight.one_vip && left == 0;
            longest = _mm512_max_epu64(longest, eight.lengths);
            for (; left != 0; left &= left - 1)
                [[unlikely]] look_alone<facing>(frames, seen, lines,
                                                i + static_cast<std::size_t>(std::countr_zero(left)), unread);
        }
        common.longest = static_cast<std::uint16_t>(_mm512_reduce_max_epu64(longest));
    }
    // Only now: by the time that one group's hashes are there, the next group could have begun.
    for (std::size_t i = 0; i < whole; ++i)
        table::fetch_to_write(lines[i]);
    for (std::size_t i = whole; i < frames.size(); ++i)
        look_alone<facing>(frames, seen, lines, i, unread);
    common.one_vip = common.one_vip && frames.size() != 0 && seen[0].way == Way::plain;
    join(common, seen, whole, frames.size());
    common.no_sip = unread.nothing();
    if (!common.no_sip)
        read_texts_wide(frames, seen, unread);
    return common;
}

TANDEM_WIDE Common Front::classify_wide(Facing facing, const RawFrames& frames, std::span<Seen> seen,
                                        std::span<std::byte*> lines) const noexcept {
    const std::size_t count = std::min({frames.size(), seen.size(), burst_max});
    if (facing == Facing::outside)
        return look_wide<Facing::outside>(frames.first(count), seen.data(), lines.data());
    return look_wide<Facing::inside>(frames.first(count), seen.data(), lines.data());
}

} // namespace tandem::path
