// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Names of header fields and parameters, recognised by a word or two. For the fast reader only.
//
// Problem: a name is compared with a dozen others, in either case. Idea: its length and first two letters
// lead to the only name that it can be, and 8 octets at a time are compared under a mask of the bits that
// tell cases apart. Deliberately absent: names that do not matter here.

#include "dataplane/wire/sip_fields.hh"
#include "dataplane/wire/sip_message.hh"
#include "dataplane/wire/sip_text.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tandem::wire::sip_text {

/// The longest name, and what is read beyond it: so many octets must be readable where a name begins.
inline constexpr std::size_t name_room = 16;

/// Up to 8 octets of a word as a number, the first one lowest.
constexpr std::uint64_t word_of(std::string_view text) {
    std::uint64_t word = 0;
    for (std::size_t i = text.size(); i-- > 0;)
        word = word << 8U | static_cast<unsigned char>(text[i]);
    return word;
}

/// The bit that tells upper from lower case, for each letter of a word.
constexpr std::uint64_t case_of(std::string_view text) {
    std::uint64_t word = 0;
    for (std::size_t i = text.size(); i-- > 0;)
        word = word << 8U | (lower(text[i]) >= 'a' && lower(text[i]) <= 'z' ? 0x20U : 0U);
    return word;
}

/// The octets that count of a word.
constexpr std::uint64_t mask_of(std::size_t length) {
    return length >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * length) - 1;
}

inline std::uint64_t load_word(const char* octets) {
    std::uint64_t word = 0;
    std::memcpy(&word, octets, sizeof word);
    return word;
}

/// A text that is known when this is compiled.
template <std::size_t size>
struct Literal {
    char octets[size]{};
    consteval Literal(const char (&text)[size]) {
        for (std::size_t i = 0; i < size; ++i)
            octets[i] = text[i];
    }
    constexpr std::string_view text() const { return {octets, size - 1}; }
};

/// Is it `name`, in either case? At most 8 letters; name_room octets can be read at `octets`.
template <Literal name>
[[gnu::always_inline]] inline bool is_name(const char* octets) {
    constexpr std::string_view text = name.text();
    static_assert(text.size() <= 8);
    constexpr std::uint64_t mask = mask_of(text.size());
    constexpr std::uint64_t either = case_of(text);
    constexpr std::uint64_t word = word_of(text) | either;
    return ((load_word(octets) & mask) | either) == word;
}

/// A name with its colon, and what it is compared by: its first 8 octets, and its last 8 if there are more.
struct alignas(64) Name {
    std::uint64_t mask{0};
    std::uint64_t either{0};
    std::uint64_t word{0};
    std::uint64_t tail_either{0};
    std::uint64_t tail{0};
    std::uint32_t tail_at{0}; ///< 0: there is no tail
    std::uint32_t bit{0};     ///< of the field
    Field field{};
};
/// What stands where there is no name: nothing is equal to it under the mask.
inline constexpr Name no_name{0, 0, 1, 0, 0, 0, 0, Field::other};

inline constexpr std::size_t name_places = 64;
constexpr std::size_t place_of_name(std::uint64_t word, std::size_t length, std::uint32_t multiplier) {
    const std::uint32_t letters = static_cast<std::uint32_t>(word & 0xffffU) | 0x2020U;
    return ((letters + (static_cast<std::uint32_t>(length) << 16U)) * multiplier) >> 26U;
}

struct NameTable {
    std::uint32_t multiplier{0};
    std::array<Name, name_places> names{};
};

// Hidden: otherwise position-independent code asks where it is, each time.
[[gnu::visibility("hidden")]] inline constexpr NameTable name_table = [] {
    struct Known {
        std::string_view text;
        Field field;
    };
    constexpr std::array<Known, 18> known{{{"Call-ID:", Field::call_id},
                                           {"i:", Field::call_id},
                                           {"Contact:", Field::contact},
                                           {"m:", Field::contact},
                                           {"Content-Length:", Field::content_length},
                                           {"l:", Field::content_length},
                                           {"CSeq:", Field::cseq},
                                           {"Expires:", Field::expires},
                                           {"From:", Field::from},
                                           {"f:", Field::from},
                                           {"Max-Forwards:", Field::max_forwards},
                                           {"Path:", Field::path},
                                           {"Record-Route:", Field::record_route},
                                           {"Route:", Field::route},
                                           {"To:", Field::to},
                                           {"t:", Field::to},
                                           {"Via:", Field::via},
                                           {"v:", Field::via}}};
    for (std::uint32_t multiplier = 0x9e3779b1U;; multiplier += 2) {
        NameTable table;
        table.multiplier = multiplier;
        table.names.fill(no_name);
        bool alone = true;
        for (const Known& one : known) {
            const std::string_view text = one.text;
            Name& name = table.names[place_of_name(word_of(text.substr(0, 2)), text.size() - 1, multiplier)];
            alone = alone && name.field == Field::other;
            const std::string_view head = text.substr(0, 8);
            name.mask = mask_of(head.size());
            name.either = case_of(head);
            name.word = word_of(head) | name.either;
            if (text.size() > 8) {
                const std::string_view tail = text.substr(text.size() - 8);
                name.tail_at = static_cast<std::uint32_t>(text.size() - 8);
                name.tail_either = case_of(tail);
                name.tail = word_of(tail) | name.tail_either;
            }
            name.field = one.field;
            name.bit = bit_of(one.field);
        }
        if (alone)
            return table;
    }
}();

/// A place that no name has.
inline constexpr std::size_t nobody = [] {
    std::size_t place = 0;
    while (name_table.names[place].field != Field::other)
        ++place;
    return place;
}();

/// The name of `length` octets with a colon behind it; name_room octets can be read where it begins. What is
/// not known is Field::other.
[[gnu::always_inline]] inline const Name& known_name(const char* octets, std::size_t length) {
    const std::uint64_t word = load_word(octets);
    const Name& name = name_table.names[place_of_name(word, length, name_table.multiplier)];
    if (((word & name.mask) | name.either) != name.word)
        return name_table.names[nobody];
    if (name.tail_at != 0 && (load_word(octets + name.tail_at) | name.tail_either) != name.tail)
        return name_table.names[nobody];
    return name;
}

} // namespace tandem::wire::sip_text
