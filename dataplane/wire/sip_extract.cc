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
#include "dataplane/wire/sip_text.hh"

#include <cstring>

namespace tandem::wire {
namespace {

using namespace sip_text;
using Turn = HeaderSection::Turn;

/// Of these, the first one counts.
constexpr std::uint32_t first_only = bit_of(Field::via) | bit_of(Field::expires);

constexpr std::uint64_t version_and_blank = word_of("SIP/2.0 ");
constexpr std::uint64_t version_and_slash = word_of("SIP/2.0/");

/// Reads messages whose head is plain and ends in a blank line, so that behind every octet that is no line
/// feed there is another one of the head. It lives in registers: what is rare gets a copy of it.
class Extractor {
public:
    Extractor(std::string_view text, const SipMarks& marks, SipMessage& message)
        : text_(text)
        , marks_(marks)
        , message_(message)
        , names_end_(text.size() - name_room) {}

    /// False: it is not plain.
    bool start_line();
    std::optional<SipError> headers();

private:
    /// What is known after a line.
    struct Lines {
        std::uint32_t seen{0}; ///< bits of fields
        std::optional<SipError> error{};
    };

    const char* from(std::size_t position) const { return text_.data() + position; }
    char at(std::size_t position) const { return text_.data()[position]; }
    std::string_view part(std::size_t begin, std::size_t end) const {
        return {text_.data() + begin, end - begin};
    }
    /// Does the line end here?
    [[gnu::always_inline]] bool ends_line(std::size_t position) const {
        std::uint16_t both = 0;
        std::memcpy(&both, from(position), sizeof both);
        return both == word_of("\r\n");
    }
    /// The first stop that does not belong into a URI.
    [[gnu::always_inline]] std::size_t uri_end(std::size_t position) const {
        std::size_t stop = marks_.stop(position);
        while (at(stop) == ';' || at(stop) == ',')
            stop = marks_.stop(stop + 1);
        return stop;
    }

    std::optional<SipError> end(std::uint32_t seen);
    bool request_line();
    bool status_line();
    bool usual_line(std::size_t line, std::uint32_t& seen);
    template <Literal name, Field field>
    bool usual(std::size_t line, std::uint32_t& seen);
    static Lines any_line(Extractor extractor, std::size_t line, std::uint32_t seen);
    const Name& last_name(std::size_t begin) const;
    // `value`: where it begins, behind one blank; the octet there may be of any kind. False: it is not plain.
    bool plain_value(Field field, std::size_t value);
    std::optional<SipError> any_value(Field field, std::size_t begin, Turn turn) const;
    bool via(std::size_t value);
    bool via_parameters(std::size_t end);
    bool party(std::size_t value, SipParty& party) const;
    bool contact(std::size_t value);
    bool call_id(std::size_t value);
    bool cseq(std::size_t value);
    bool max_forwards(std::size_t value);
    bool digits(std::size_t begin, std::size_t end, std::uint32_t& number) const;
    static constexpr std::uint32_t no_number = 0xffffffffU;
    static std::uint32_t more_digits(const char* end, std::size_t length);
    bool only_number(std::size_t value, std::optional<std::uint32_t>& number) const;
    bool list(std::size_t value, SipValues& values) const;
    bool other_parameter(std::size_t& end) const;
    bool address(std::size_t value, std::string_view& uri, std::size_t& end) const;

    std::string_view text_;
    const SipMarks& marks_;
    SipMessage& message_;
    std::size_t names_end_; ///< the last place at which name_room octets can be read
};

[[gnu::always_inline]] inline bool Extractor::start_line() {
    return load_word(text_.data()) == version_and_blank ? status_line() : request_line();
}

[[gnu::always_inline]] inline bool Extractor::request_line() {
    const std::size_t blank = marks_.separator(0);
    if (blank == 0 || at(blank) != ' ')
        return false;
    const std::size_t end = uri_end(blank + 1);
    constexpr std::uint64_t tail = word_of(" SIP/2.0");
    if (end == blank + 1 || text_.size() - end < 10 || load_word(from(end)) != tail || !ends_line(end + 8))
        return false;
    message_.kind = SipKind::request;
    message_.method_name = part(0, blank);
    message_.method = known_method(text_.data(), blank);
    message_.request_uri = part(blank + 1, end);
    return true;
}

[[gnu::always_inline]] inline bool Extractor::status_line() {
    constexpr std::size_t code = 8;
    const std::size_t end = marks_.line_feed(0);
    std::uint32_t status = 0;
    if (end < code + 5 || at(end - 1) != '\r' || at(code + 3) != ' ' || !digits(code, code + 3, status) ||
        status < 100)
        return false;
    message_.kind = SipKind::response;
    message_.status = static_cast<std::uint16_t>(status);
    message_.reason = part(code + 4, end - 1);
    return true;
}

[[gnu::always_inline]] inline std::optional<SipError> Extractor::headers() {
    std::uint32_t seen = 0;
    for (std::size_t block = 0; block < marks_.head(); block += SipMarks::block)
        for (std::uint64_t begin = marks_.beginnings(block / SipMarks::block); begin != 0;
             begin &= begin - 1) {
            const std::size_t line = block + static_cast<std::size_t>(std::countr_zero(begin));
            if (line <= names_end_ && usual_line(line, seen)) [[likely]]
                continue;
            const Lines lines = any_line(*this, line, seen);
            if (lines.error)
                return lines.error;
            seen = lines.seen;
        }
    return end(seen);
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
    switch (place_of_names(load_word(from(line)))) {
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
        return lower(at(line + 8)) != 'l' || usual<"Content-Length: ", Field::content_length>(line, seen);
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
        return name_table[place_of_names(load_word(from(line)))].field == Field::other;
    }
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

/// One so near the end that it is copied before it is looked at.
[[gnu::noinline]] const Name& Extractor::last_name(std::size_t begin) const {
    std::array<char, name_room> room{};
    std::memcpy(room.data(), from(begin), text_.size() - begin);
    return known_name(room.data());
}

[[gnu::always_inline]] inline bool Extractor::plain_value(Field field, std::size_t value) {
    switch (field) {
    case Field::via:
        return via(value);
    case Field::from:
        return party(value, message_.from);
    case Field::to:
        return party(value, message_.to);
    case Field::contact:
        return contact(value);
    case Field::cseq:
        return cseq(value);
    case Field::call_id:
        return call_id(value);
    case Field::max_forwards:
        return max_forwards(value);
    case Field::content_length:
        return only_number(value, message_.content_length);
    case Field::expires:
        return only_number(value, message_.expires);
    case Field::route:
        return list(value, message_.routes);
    case Field::record_route:
        return list(value, message_.record_routes);
    case Field::path:
        return list(value, message_.paths);
    case Field::other:
        break;
    }
    return false;
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

/// Up to 4 digits, all of them at once, with zeros in the place of what stands in front of them. At least 8
/// octets of text are in front of `end`.
[[gnu::always_inline]] inline bool Extractor::digits(std::size_t begin, std::size_t end,
                                                     std::uint32_t& number) const {
    const std::size_t length = end - begin;
    if (length - 1 > 3) [[unlikely]] {
        const std::uint32_t read = more_digits(from(end), length);
        number = read;
        return read != no_number;
    }
    const std::size_t others = 8 * (4 - length);
    std::uint32_t word = 0;
    std::memcpy(&word, from(end - 4), sizeof word);
    word = (word ^ 0x30303030U) >> others << others;
    if (((word | (word + 0x06060606U)) & 0xf0f0f0f0U) != 0)
        return false;
    word = word * 10 + (word >> 8U);
    number = (word & 0xffU) * 100 + (word >> 16U & 0xffU);
    return true;
}

/// The same for 5 to 8 digits in front of `end`.
[[gnu::noinline]] std::uint32_t Extractor::more_digits(const char* end, std::size_t length) {
    if (length - 1 > 7)
        return no_number;
    constexpr std::uint64_t zeros = 0x3030303030303030;
    const std::size_t others = 8 * (8 - length);
    std::uint64_t word = (load_word(end - 8) ^ zeros) >> others << others;
    if (((word | (word + 0x0606060606060606)) & 0xf0f0f0f0f0f0f0f0) != 0)
        return no_number;
    word = word * 10 + (word >> 8U);
    return static_cast<std::uint32_t>((((word & 0x000000ff000000ff) * (100 + (1000000ULL << 32U))) +
                                       ((word >> 16U & 0x000000ff000000ff) * (1 + (10000ULL << 32U)))) >>
                                      32U);
}

/// Is the value a number and nothing else?
[[gnu::always_inline]] inline bool Extractor::only_number(std::size_t value,
                                                          std::optional<std::uint32_t>& number) const {
    const std::size_t end = marks_.stop(value);
    std::uint32_t read = 0;
    if (!ends_line(end) || !digits(value, end, read))
        return false;
    number = read;
    return true;
}

[[gnu::always_inline]] inline bool Extractor::max_forwards(std::size_t value) {
    const std::size_t end = marks_.stop(value);
    std::uint32_t hops = 0;
    if (!ends_line(end) || !digits(value, end, hops) || hops > 255)
        return false;
    message_.max_forwards = static_cast<std::uint8_t>(hops);
    return true;
}

/// One that is kept as it came.
[[gnu::always_inline]] inline bool Extractor::list(std::size_t value, SipValues& values) const {
    const std::size_t end = marks_.line_feed(value) - 1;
    if (end <= value || at(end) != '\r' || is_lws(at(value)) || is_lws(at(end - 1)))
        return false;
    values.add(part(value, end));
    return true;
}

[[gnu::always_inline]] inline bool Extractor::call_id(std::size_t value) {
    const std::size_t end = marks_.stop(value);
    if (!ends_line(end) || end == value)
        return false;
    message_.call_id = part(value, end);
    return true;
}

/// Of a request, the method is that of the start line.
[[gnu::always_inline]] inline bool Extractor::cseq(std::size_t value) {
    const std::size_t blank = marks_.separator(value);
    const std::size_t begin = blank + 1;
    std::uint32_t number = 0;
    if (at(blank) != ' ' || !digits(value, blank, number))
        return false;
    message_.cseq = number;
    if (message_.kind == SipKind::request) {
        const std::size_t length = message_.method_name.size();
        return begin <= names_end_ && length <= 8 &&
               ((load_word(from(begin)) ^ load_word(from(0))) & mask_of(length)) == 0 &&
               ends_line(begin + length);
    }
    const std::size_t end = marks_.separator(begin);
    if (!ends_line(end) || end == begin)
        return false;
    message_.method_name = part(begin, end);
    message_.method =
        begin <= names_end_ ? known_method(from(begin), end - begin) : sip_method(message_.method_name);
    return true;
}

/// Passes `;name` or `;name=value` of which nothing is kept; `end` is where it begins, then what is behind
/// it. No quotes.
[[gnu::always_inline]] inline bool Extractor::other_parameter(std::size_t& end) const {
    const std::size_t name = end + 1;
    end = marks_.separator(name);
    if (end == name)
        return false;
    if (at(end) != '=')
        return true;
    const std::size_t begin = end + 1;
    end = marks_.stop(begin);
    return end != begin;
}

/// SIP/2.0/UDP host:port;parameters
[[gnu::always_inline]] inline bool Extractor::via(std::size_t value) {
    if (value > names_end_ || load_word(from(value)) != version_and_slash)
        return false;
    SipVia& via = message_.via;
    const std::size_t transport = value + 8;
    const std::size_t blank = marks_.separator(transport);
    if (at(blank) != ' ' || blank == transport)
        return false;
    via.transport = part(transport, blank);
    std::size_t end = marks_.separator(blank + 1);
    if (end == blank + 1)
        return false;
    via.host = part(blank + 1, end);
    if (at(end) == ':') {
        const std::size_t port = end + 1;
        end = marks_.separator(port);
        std::uint32_t number = 0;
        if (!digits(port, end, number) || number > 65535)
            return false;
        via.port = static_cast<std::uint16_t>(number);
    }
    return via_parameters(end);
}

/// Of several with the same name, the first one counts. A value ends where another parameter begins, or with
/// the line: where it does not, it is not plain.
[[gnu::always_inline]] inline bool Extractor::via_parameters(std::size_t end) {
    SipVia& via = message_.via;
    while (at(end) == ';') {
        const std::size_t name = end + 1;
        if (name > names_end_)
            return false;
        if (is_name<"branch=">(from(name))) {
            const std::size_t begin = name + 7;
            end = marks_.stop(begin);
            if (end == begin)
                return false;
            if (via.branch.empty())
                via.branch = part(begin, end);
        } else if (is_name<"rport">(from(name)) && (at(name + 5) == ';' || at(name + 5) == '\r')) {
            if (via.rport == SipRport::absent)
                via.rport = SipRport::asked;
            end = name + 5;
        } else if (is_name<"rport=">(from(name))) {
            const std::size_t begin = name + 6;
            std::uint32_t port = 0;
            end = marks_.stop(begin);
            if (via.rport != SipRport::absent || !digits(begin, end, port) || port > 65535)
                return false;
            via.rport = SipRport::filled;
            via.rport_value = static_cast<std::uint16_t>(port);
        } else if (is_name<"received=">(from(name))) {
            const std::size_t begin = name + 9;
            end = marks_.stop(begin);
            if (end == begin)
                return false;
            if (via.received.empty())
                via.received = part(begin, end);
        } else if (!other_parameter(end)) {
            return false;
        }
    }
    return ends_line(end);
}

/// `<uri>` behind a display name that is a token, a quoted string or absent. `end` is what is behind it.
[[gnu::always_inline]] inline bool Extractor::address(std::size_t value, std::string_view& uri,
                                                      std::size_t& end) const {
    std::size_t open = value;
    if (at(value) == '"') {
        open = marks_.stop(value + 1);
        while (at(open) != '"') {
            if (at(open) == '\\' || at(open) == '\n')
                return false;
            open = marks_.stop(open + 1);
        }
        ++open;
    }
    while (at(open) != '<') {
        const std::size_t blank = marks_.separator(open);
        if (at(blank) != ' ' && at(blank) != '<')
            return false;
        open = blank + (at(blank) == ' ' ? 1 : 0);
    }
    const std::size_t close = uri_end(open + 1);
    if (at(close) != '>' || close == open + 1)
        return false;
    uri = part(open + 1, close);
    end = close + 1;
    return true;
}

[[gnu::always_inline]] inline bool Extractor::party(std::size_t value, SipParty& party) const {
    std::size_t end = 0;
    if (!address(value, party.uri, end))
        return false;
    while (at(end) == ';') {
        if (end > names_end_)
            return false;
        if (is_name<";tag=">(from(end))) {
            const std::size_t begin = end + 5;
            end = marks_.stop(begin);
            if (end == begin)
                return false;
            if (party.tag.empty())
                party.tag = part(begin, end);
        } else if (!other_parameter(end)) {
            return false;
        }
    }
    return ends_line(end);
}

[[gnu::always_inline]] inline bool Extractor::contact(std::size_t value) {
    std::size_t end = 0;
    std::string_view uri;
    bool expires = false; // no optional: copying one waits for its parts to be stored
    std::uint32_t seconds = 0;
    SipContacts& contacts = message_.contacts;
    if (contacts.wildcard || !address(value, uri, end))
        return false;
    while (at(end) == ';') {
        if (end >= names_end_)
            return false;
        if (is_name<"expires=">(from(end + 1))) {
            const std::size_t begin = end + 9;
            end = marks_.stop(begin);
            if (expires || !digits(begin, end, seconds))
                return false;
            expires = true;
        } else if (!other_parameter(end)) {
            return false;
        }
    }
    if (!ends_line(end))
        return false;
    if (contacts.count < contacts.kept.size()) {
        SipContact& kept = contacts.kept[contacts.count];
        kept.uri = uri;
        if (expires)
            kept.expires = seconds;
        else
            kept.expires.reset();
    }
    ++contacts.count;
    return true;
}

/// What a message holds before it is read. The arrays of kept values are not cleared: their counts are.
[[gnu::always_inline]] inline void clear(SipMessage& message) {
    message.kind = SipKind::request;
    message.method = SipMethod::other;
    // One by one: a chain of assignments is compiled to loads of what was stored in halves just before, and
    // they wait.
    message.method_name = {};
    message.request_uri = {};
    message.reason = {};
    message.call_id = {};
    message.body = {};
    message.status = 0;
    message.cseq = 0;
    message.via = {};
    message.from = {};
    message.to = {};
    message.contacts.count = 0;
    message.contacts.wildcard = false;
    message.expires.reset();
    message.max_forwards.reset();
    message.content_length.reset();
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

/// The same, compiled for machines that count and shift bits in one step each.
[[gnu::target("bmi,bmi2,popcnt"), gnu::flatten]] std::optional<SipError>
extract_bmi(std::string_view datagram, SipScanner scanner, SipMarks& marks, SipMessage& message) noexcept {
    return extract(datagram, scanner, marks, message);
}

} // namespace

std::optional<SipError> extract_sip(std::string_view datagram, SipScanner scanner, SipMarks& marks,
                                    SipMessage& message) noexcept {
    if (scanner >= SipScanner::avx2)
        return extract_bmi(datagram, scanner, marks, message);
    return extract(datagram, scanner, marks, message);
}

} // namespace tandem::wire
