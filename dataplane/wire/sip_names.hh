// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Names of header fields and parameters, recognised by a word or two. For the fast reader only.
//
// Problem: a name is compared with a dozen others, in either case. Idea: its first two letters lead to the
// only name that it can be, or to two, and 8 octets at a time are compared, the colon among them, under a
// mask of the bits that tell cases apart. Deliberately absent: names that do not matter here.

#include "dataplane/wire/sip_fields.hh"
#include "dataplane/wire/sip_message.hh"
#include "dataplane/wire/sip_text.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

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

/// Are the first 1 to 8 octets of two words the same?
[[gnu::always_inline]] inline bool same_beginning(std::uint64_t a, std::uint64_t b, std::size_t length) {
    return (a ^ b) << (64 - 8 * length) % 64 == 0;
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

/// Are these octets those of a word, but for the bits that tell cases apart?
template <class Word>
[[gnu::always_inline]] inline bool is_word(const char* octets, Word word, Word either) {
    Word read = 0;
    std::memcpy(&read, octets, sizeof read);
    return (read | either) == (word | either);
}

/// Does `name` stand here, in either case? 4 to 16 octets, all of which can be read.
template <Literal name>
[[gnu::always_inline]] inline bool is_name(const char* octets) {
    constexpr std::string_view text = name.text();
    static_assert(text.size() >= 4 && text.size() <= 16);
    using Word = std::conditional_t<(text.size() < 8), std::uint32_t, std::uint64_t>;
    using Rest = std::conditional_t<text.size() == sizeof(Word) + 1, std::uint8_t, Word>;
    constexpr std::string_view head = text.substr(0, sizeof(Word));
    constexpr std::string_view rest = text.substr(text.size() - sizeof(Rest));
    constexpr auto word = static_cast<Word>(word_of(head));
    constexpr auto either = static_cast<Word>(case_of(head));
    constexpr auto rest_word = static_cast<Rest>(word_of(rest));
    constexpr auto rest_either = static_cast<Rest>(case_of(rest));
    if (!is_word(octets, word, either))
        return false;
    return text.size() == sizeof(Word) ||
           is_word(octets + text.size() - sizeof(Rest), rest_word, rest_either);
}

/// A name with its colon, and what it is compared by: its first 8 octets, and its last 8 if there are more.
struct alignas(64) Name {
    std::uint64_t mask{0};
    std::uint64_t either{0};
    std::uint64_t word{1}; ///< so made, nothing is equal to it under the mask
    std::uint64_t tail_either{0};
    std::uint64_t tail{0};
    std::uint32_t bit{0}; ///< of the field
    std::uint8_t length{0};
    std::uint8_t tail_at{0}; ///< 0: there is no tail
    std::uint8_t other{0};   ///< the place of another one with the same two letters
    Field field{Field::other};
};
static_assert(sizeof(Name) == 64);

constexpr Name name_of(std::string_view text, Field field, std::uint8_t other) {
    Name name;
    name.other = other;
    const std::string_view head = text.substr(0, 8);
    name.mask = mask_of(head.size());
    name.either = case_of(head);
    name.word = word_of(head) | name.either;
    if (text.size() > 8) {
        const std::string_view tail = text.substr(text.size() - 8);
        name.tail_at = static_cast<std::uint8_t>(text.size() - 8);
        name.tail_either = case_of(tail);
        name.tail = word_of(tail) | name.tail_either;
    }
    name.length = static_cast<std::uint8_t>(text.size());
    name.field = field;
    name.bit = bit_of(field);
    return name;
}

/// Leads to a place of its own for each pair of letters with which a name begins; found by trying.
inline constexpr std::uint32_t name_multiplier = 0x9e37b339U;

/// Where names with these first two letters are; not all that are there have them.
constexpr std::uint8_t place_of_names(std::uint64_t word) {
    return static_cast<std::uint8_t>(
        ((static_cast<std::uint32_t>(word & 0xffffU) | 0x2020U) * name_multiplier) >> 26U);
}

inline constexpr std::size_t name_places = 64;
// Behind the places: Content-Length, which begins as Contact does, and one that nothing is equal to.
inline constexpr std::uint8_t content_length_place = name_places;
inline constexpr std::uint8_t nobody = name_places + 1;

// Hidden: otherwise position-independent code asks where it is, each time.
[[gnu::visibility("hidden")]] inline constexpr auto name_table = [] {
    struct Known {
        std::string_view text;
        Field field;
    };
    constexpr std::array<Known, 17> known{{{"Call-ID:", Field::call_id},
                                           {"i:", Field::call_id},
                                           {"Contact:", Field::contact},
                                           {"m:", Field::contact},
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
    std::array<Name, name_places + 2> names{};
    for (Name& name : names)
        name.other = nobody;
    for (const Known& one : known) {
        Name& name = names[place_of_names(word_of(one.text.substr(0, 2)))];
        if (name.field != Field::other)
            throw "two names in one place"; // no constant expression: the build fails
        name = name_of(one.text, one.field, nobody);
    }
    names[content_length_place] = name_of("Content-Length:", Field::content_length, nobody);
    names[place_of_names(word_of("Co"))].other = content_length_place;
    return names;
}();

/// The name that these octets begin with, its colon included; name_room octets can be read there. What is not
/// known is Field::other.
[[gnu::always_inline]] inline const Name& known_name(const char* octets) {
    const std::uint64_t word = load_word(octets);
    const Name* name = &name_table[place_of_names(word)];
    const auto begins = [&] { return ((word & name->mask) | name->either) == name->word; };
    if (!begins()) {
        name = &name_table[name->other];
        if (!begins())
            return name_table[nobody];
    }
    if (name->tail_at != 0 && (load_word(octets + name->tail_at) | name->tail_either) != name->tail)
        return name_table[nobody];
    return *name;
}

[[gnu::visibility("hidden")]] inline constexpr auto method_words = [] {
    std::array<std::uint64_t, sip_method_names.size() + 1> words{};
    for (std::size_t i = 0; i < sip_method_names.size(); ++i)
        words[i] = word_of(sip_method_names[i].substr(0, 8));
    return words;
}();

/// What sip_method() says of a token of `length` octets; name_room octets can be read where it begins.
[[gnu::always_inline]] inline SipMethod known_method(const char* octets, std::size_t length) {
    if (length - 1 > 7) [[unlikely]]
        return sip_method({octets, length});
    const std::size_t index = sip_method_places[sip_method_place(length, *octets)];
    return same_beginning(load_word(octets), method_words[index], length) ? static_cast<SipMethod>(index)
                                                                          : SipMethod::other;
}

} // namespace tandem::wire::sip_text
