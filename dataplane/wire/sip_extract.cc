// SPDX-License-Identifier: GPL-3.0-or-later
// The fast reader. It asks the maps of sip_marks.hh where a value ends, looks at no line whose field is not
// tracked, and knows only what plain messages look like: no folding, no quoted parameters, one value a line.
// A value that is not plain goes to the reader of sip_fields.hh, a message that is not plain to that of
// sip_message.hh, so that all readers say the same of every message; tests compare them.
#include "dataplane/wire/sip.hh"
#include "dataplane/wire/sip_fields.hh"
#include "dataplane/wire/sip_marks.hh"
#include "dataplane/wire/sip_message.hh"
#include "dataplane/wire/sip_names.hh"
#include "dataplane/wire/sip_plain.hh"
#include "dataplane/wire/sip_text.hh"

#include <array>
#include <cstring>
#include <type_traits>

namespace tandem::wire {
namespace {

using namespace sip_text;
using Turn = HeaderSection::Turn;

/// Of these, the first one counts.
constexpr std::uint32_t first_only = bit_of(Field::via) | bit_of(Field::expires);

/// The header lines of such a message. It lives in registers: what is rare gets a copy of it.
class Extractor : public PlainReader {
public:
    using PlainReader::PlainReader;

    std::optional<SipError> headers();

private:
    /// What is known after a line.
    struct Lines {
        std::uint32_t seen{0}; ///< bits of fields
        std::optional<SipError> error{};
    };

    std::optional<SipError> end(std::uint32_t seen);
    bool usual_line(std::size_t line, std::uint32_t& seen);
    template <Literal name, Field field>
    bool usual(std::size_t line, std::uint32_t& seen);
    static Lines any_line(Extractor extractor, std::size_t line, std::uint32_t seen);
    const Name& last_name(std::size_t begin) const;
    std::optional<SipError> any_value(Field field, std::size_t begin, Turn turn) const;
};

template <Literal name, Field field>
[[gnu::always_inline]] inline bool Extractor::usual(std::size_t line, std::uint32_t& seen) {
    constexpr std::uint32_t bit = bit_of(field);
    if (!is_name<name>(from(line)))
        return false;
    if ((bit & first_only) != 0 && (seen & bit) != 0)
        return true;
    if (((bit & once_only) != 0 && (seen & bit) != 0) || !plain_value(field, line + name.text().size()))
        return false;
    seen |= bit;
    return true;
}

/// Reads a line whose name is written in full, with one blank in front of a plain value, or passes one that
/// is not looked at. False: it is another one.
[[gnu::always_inline]] inline bool Extractor::usual_line(std::size_t line, std::uint32_t& seen) {
    const std::size_t place = place_of_names(load_word(from(line)));
    switch (place) {
    case place_of_names(word_of("Vi")):
        return usual<"Via: ", Field::via>(line, seen);
    case place_of_names(word_of("Fr")):
        return usual<"From: ", Field::from>(line, seen);
    case place_of_names(word_of("To")):
        return usual<"To: ", Field::to>(line, seen);
    case place_of_names(word_of("Ca")):
        return usual<"Call-ID: ", Field::call_id>(line, seen);
    case place_of_names(word_of("CS")):
        return usual<"CSeq: ", Field::cseq>(line, seen);
    case place_of_names(word_of("Co")):
        if (!is_name<"Content-">(from(line)))
            return usual<"Contact: ", Field::contact>(line, seen);
        return (at(line + 8) | 0x20) != 'l' || usual<"Content-Length: ", Field::content_length>(line, seen);
    case place_of_names(word_of("Ma")):
        return usual<"Max-Forwards: ", Field::max_forwards>(line, seen);
    case place_of_names(word_of("Ex")):
        return usual<"Expires: ", Field::expires>(line, seen);
    case place_of_names(word_of("Ro")):
        return usual<"Route: ", Field::route>(line, seen);
    case place_of_names(word_of("Re")):
        return usual<"Record-Route: ", Field::record_route>(line, seen);
    case place_of_names(word_of("Pa")):
        return usual<"Path: ", Field::path>(line, seen);
    default:
        return name_table[place].field == Field::other;
    }
}

/// One so near the end that it is copied before it is looked at.
[[gnu::noinline]] const Name& Extractor::last_name(std::size_t begin) const {
    std::array<char, name_room> room{};
    std::memcpy(room.data(), from(begin), text_.size() - begin);
    return known_name(room.data());
}

/// One that is not plain, by the other reader. `begin`: behind the colon.
[[gnu::noinline]] std::optional<SipError> Extractor::any_value(Field field, std::size_t begin,
                                                               Turn turn) const {
    std::size_t end = marks_.line_feed(begin);
    while (begin < end && is_lws(at(begin)))
        ++begin;
    while (begin < end && is_lws(at(end - 1)))
        --end;
    return HeaderSection{message_}.take_value(field, part(begin, end), turn);
}

/// Reads a line in whatever form.
[[gnu::noinline]] Extractor::Lines Extractor::any_line(Extractor extractor, std::size_t line,
                                                       std::uint32_t seen) {
    const Name& name =
        line <= extractor.names_end_ ? known_name(extractor.from(line)) : extractor.last_name(line);
    if (name.field == Field::other)
        return {seen};
    const Turn turn = (seen & name.bit) == 0 ? Turn::first : Turn::again;
    if (turn == Turn::again && (name.bit & once_only) != 0)
        return {seen, SipError::repeated_header};
    const std::size_t value = line + name.length;
    const bool counts = turn == Turn::first || (name.bit & first_only) == 0;
    // Blanks around a value are not plain, but for one in front of it.
    if (counts && (extractor.at(value) != ' ' || !extractor.plain_value(name.field, value + 1)))
        return {seen | name.bit, extractor.any_value(name.field, value, turn)};
    return {seen | name.bit};
}

/// What is missing or wrong in the end.
[[gnu::always_inline]] inline std::optional<SipError> Extractor::end(std::uint32_t seen) {
    const std::string_view rest = text_.substr(marks_.head());
    const std::size_t length = message_.content_length.value_or(static_cast<std::uint32_t>(rest.size()));
    if ((seen & all_duties) == all_duties && length <= rest.size()) [[likely]] {
        message_.body = rest.substr(0, length);
        return std::nullopt;
    }
    HeaderSection section{message_};
    section.note(seen);
    return section.end(rest);
}

[[gnu::always_inline]] inline std::optional<SipError> Extractor::headers() {
    std::uint32_t seen = 0;
    for (const std::uint16_t* next = marks_.beginnings();;) {
        const std::size_t line = *next++;
        if (line <= names_end_ && usual_line(line, seen)) [[likely]]
            continue;
        if (line == SipMarks::no_line)
            return end(seen);
        const Lines lines = any_line(*this, line, seen);
        if (lines.error)
            return lines.error;
        seen = lines.seen;
    }
}

alignas(32) constexpr SipFields nothing{};

/// What a message holds before it is read. The arrays of kept values are not cleared: their counts are.
[[gnu::always_inline]] inline void clear(SipMessage& message) {
    // Many octets with each step: one by one, they are most of fifty steps.
    using Part = std::array<std::uint64_t, 4>;
    static_assert(std::is_trivially_copyable_v<SipFields> && sizeof nothing % sizeof(Part) == 0);
    const char* from = reinterpret_cast<const char*>(&nothing);
    char* to = reinterpret_cast<char*>(static_cast<SipFields*>(&message));
#pragma GCC unroll 16
    for (std::size_t at = 0; at < sizeof nothing; at += sizeof(Part))
        std::memcpy(to + at, from + at, sizeof(Part));
    message.contacts.count = 0;
    message.contacts.wildcard = false;
    message.routes.count = 0;
    message.record_routes.count = 0;
    message.paths.count = 0;
}

/// Start line, header lines and the blank one. They have to be counted only where the head is longer than so
/// many of the shortest lines (a letter, a colon, a line feed).
constexpr std::size_t lines_max = sip_headers_max + 2;
constexpr std::size_t lines_octets = 3 * lines_max;

[[gnu::always_inline]] inline std::optional<SipError> extract(std::string_view datagram, SipScanner scanner,
                                                              SipMarks& marks, SipMessage& message) noexcept {
    clear(message);
    if (datagram.size() > sip_octets_max)
        return SipError::too_long;
    std::string_view text = datagram;
    while (!text.empty() && (text.front() == '\r' || text.front() == '\n'))
        text.remove_prefix(1);
    marks.mark(text, scanner);
    // The first line feed is that of the start line, the last one that of the blank line.
    if (marks.head() != 0 && text.size() >= name_room && marks.plain() &&
        (marks.head() <= lines_octets || marks.lines() <= lines_max)) [[likely]] {
        Extractor extractor{text, marks, message};
        if (extractor.start_line()) [[likely]]
            return extractor.headers();
        clear(message);
    }
    return read_message(datagram, message);
}

/// The same, compiled for machines that count and shift bits in one step each, and copy 32 octets.
[[gnu::target("avx2,bmi,bmi2,popcnt"), gnu::flatten]] std::optional<SipError>
extract_bmi(std::string_view datagram, SipScanner scanner, SipMarks& marks, SipMessage& message) noexcept {
    return extract(datagram, scanner, marks, message);
}

/// For any machine.
[[gnu::noinline]] std::optional<SipError> extract_plainly(std::string_view datagram, SipScanner scanner,
                                                          SipMarks& marks, SipMessage& message) noexcept {
    return extract(datagram, scanner, marks, message);
}

} // namespace

std::optional<SipError> extract_sip(std::string_view datagram, SipScanner scanner, SipMarks& marks,
                                    SipMessage& message) noexcept {
    if (scanner >= SipScanner::avx2)
        return extract_bmi(datagram, scanner, marks, message);
    return extract_plainly(datagram, scanner, marks, message);
}

} // namespace tandem::wire
