// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Start lines and values of header fields in the form that nearly all messages have. For the fast reader
// only.
//
// Problem: what a grammar allows costs more to be asked for than what is there. Idea: these readers take one
// form of each value, with the maps of sip_marks.hh telling where it ends, and say of all others that they
// are not plain; those are for sip_fields.hh. All is inlined into one function, so that it stays in
// registers. Deliberately absent: folding, quoted parameters, several values in one line, errors.

#include "dataplane/wire/sip.hh"
#include "dataplane/wire/sip_fields.hh"
#include "dataplane/wire/sip_marks.hh"
#include "dataplane/wire/sip_names.hh"
#include "dataplane/wire/sip_text.hh"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace tandem::wire::sip_text {

/// Reads messages whose head is plain and ends in a blank line, so that behind every octet that is no line
/// feed there is another one of the head.
class PlainReader {
public:
    PlainReader(std::string_view text, const SipMarks& marks, SipMessage& message)
        : text_(text)
        , marks_(marks)
        , message_(message)
        , names_end_(text.size() - name_room) {}

    /// False: it is not plain.
    bool start_line();
    /// `value`: where it begins, behind one blank; the octet there may be of any kind. False: it is not
    /// plain.
    bool plain_value(Field field, std::size_t value);

protected:
    const char* from(std::size_t position) const { return text_.data() + position; }
    char at(std::size_t position) const { return text_.data()[position]; }
    std::string_view part(std::size_t begin, std::size_t end) const {
        return {text_.data() + begin, end - begin};
    }

    std::string_view text_;
    const SipMarks& marks_;
    SipMessage& message_;
    std::size_t names_end_; ///< the last place at which name_room octets can be read

private:
    using Hops = SipMarks::Hops;
    static constexpr std::uint64_t version_and_blank = word_of("SIP/2.0 ");
    static constexpr std::uint64_t version_and_slash = word_of("SIP/2.0/");
    static constexpr std::uint32_t no_number = 0xffffffffU;

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

    bool request_line();
    bool status_line();
    bool via(std::size_t value);
    bool via_parameters(std::size_t end);
    bool party(std::size_t value, SipParty& party) const;
    bool contact(std::size_t value);
    bool call_id(std::size_t value);
    bool cseq(std::size_t value);
    bool max_forwards(std::size_t value);
    bool digits(std::size_t begin, std::size_t end, std::uint32_t& number) const;
    static std::uint32_t more_digits(const char* end, std::size_t length);
    bool only_number(std::size_t value, std::optional<std::uint32_t>& number) const;
    bool list(std::size_t value, SipValues& values) const;
    bool other_parameter(std::size_t& end) const;
    bool opening(std::size_t value, std::size_t& open) const;
    bool bracketed(Hops& stops, std::size_t open, std::string_view& uri, std::size_t& end) const;
};

/// Up to 4 digits, all of them at once, with zeros in the place of what stands in front of them. At least 8
/// octets of text are in front of `end`.
[[gnu::always_inline]] inline bool PlainReader::digits(std::size_t begin, std::size_t end,
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
    // Tens and ones of two pairs of digits, then hundreds of the first pair and the second one.
    word = (word * (10 * 256 + 1)) >> 8U & 0x00ff00ffU;
    number = (word * (100 * 65536 + 1)) >> 16U;
    return true;
}

/// The same for 5 to 8 digits in front of `end`.
[[gnu::noinline]] inline std::uint32_t PlainReader::more_digits(const char* end, std::size_t length) {
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

[[gnu::always_inline]] inline bool PlainReader::request_line() {
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

[[gnu::always_inline]] inline bool PlainReader::status_line() {
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

[[gnu::always_inline]] inline bool PlainReader::start_line() {
    return load_word(text_.data()) == version_and_blank ? status_line() : request_line();
}

/// Is the value a number and nothing else?
[[gnu::always_inline]] inline bool PlainReader::only_number(std::size_t value,
                                                            std::optional<std::uint32_t>& number) const {
    const std::size_t end = marks_.stop(value);
    std::uint32_t read = 0;
    if (!ends_line(end) || !digits(value, end, read))
        return false;
    number = read;
    return true;
}

[[gnu::always_inline]] inline bool PlainReader::max_forwards(std::size_t value) {
    const std::size_t end = marks_.stop(value);
    std::uint32_t hops = 0;
    if (!ends_line(end) || !digits(value, end, hops) || hops > 255)
        return false;
    message_.max_forwards = static_cast<std::uint8_t>(hops);
    return true;
}

/// One that is kept as it came.
[[gnu::always_inline]] inline bool PlainReader::list(std::size_t value, SipValues& values) const {
    const std::size_t end = marks_.line_feed(value) - 1;
    if (end <= value || at(end) != '\r' || is_lws(at(value)) || is_lws(at(end - 1)))
        return false;
    values.add(part(value, end));
    return true;
}

[[gnu::always_inline]] inline bool PlainReader::call_id(std::size_t value) {
    const std::size_t end = marks_.stop(value);
    if (!ends_line(end) || end == value)
        return false;
    message_.call_id = part(value, end);
    return true;
}

/// Of a request, the method is that of the start line.
[[gnu::always_inline]] inline bool PlainReader::cseq(std::size_t value) {
    const std::size_t blank = marks_.separator(value);
    const std::size_t begin = blank + 1;
    std::uint32_t number = 0;
    if (at(blank) != ' ' || !digits(value, blank, number))
        return false;
    message_.cseq = number;
    if (message_.kind == SipKind::request) {
        const std::size_t length = message_.method_name.size();
        return begin <= names_end_ && length <= 8 &&
               same_beginning(load_word(from(begin)), load_word(from(0)), length) &&
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
[[gnu::always_inline]] inline bool PlainReader::other_parameter(std::size_t& end) const {
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

/// Of several with the same name, the first one counts. A value ends where another parameter begins, or with
/// the line: where it does not, it is not plain.
[[gnu::always_inline]] inline bool PlainReader::via_parameters(std::size_t end) {
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

/// SIP/2.0/UDP host:port;parameters
[[gnu::always_inline]] inline bool PlainReader::via(std::size_t value) {
    if (value > names_end_ || load_word(from(value)) != version_and_slash)
        return false;
    SipVia& via = message_.via;
    const std::size_t transport = value + 8;
    Hops separators = marks_.separators_from(transport);
    const std::size_t blank = separators.next();
    if (at(blank) != ' ' || blank == transport)
        return false;
    via.transport = part(transport, blank);
    std::size_t end = separators.next();
    if (end == blank + 1)
        return false;
    via.host = part(blank + 1, end);
    if (at(end) == ':') {
        const std::size_t port = end + 1;
        end = separators.next();
        std::uint32_t number = 0;
        if (!digits(port, end, number) || number > 65535)
            return false;
        via.port = static_cast<std::uint16_t>(number);
    }
    return via_parameters(end);
}

/// Finds the < behind a display name that is a token, a quoted string or absent.
[[gnu::always_inline]] inline bool PlainReader::opening(std::size_t value, std::size_t& open) const {
    open = value;
    if (at(value) == '<')
        return true;
    if (at(value) == '"') {
        open = marks_.stop(value + 1);
        while (at(open) != '"') {
            if (at(open) == '\\' || at(open) == '\n')
                return false;
            open = marks_.stop(open + 1);
        }
        ++open;
        std::uint16_t both = 0;
        std::memcpy(&both, from(open), sizeof both);
        if (both == word_of(" <")) {
            ++open;
            return true;
        }
    }
    while (at(open) != '<') {
        const std::size_t blank = marks_.separator(open);
        if (at(blank) != ' ' && at(blank) != '<')
            return false;
        open = blank + (at(blank) == ' ' ? 1 : 0);
    }
    return true;
}

/// `uri>`, behind the < at `open`; `stops`: those from behind it on, then those behind the >. `end` is what
/// is behind it.
[[gnu::always_inline]] inline bool PlainReader::bracketed(Hops& stops, std::size_t open,
                                                          std::string_view& uri, std::size_t& end) const {
    std::size_t close = stops.next();
    while (at(close) == ';' || at(close) == ',')
        close = stops.next();
    if (at(close) != '>' || close == open + 1)
        return false;
    uri = part(open + 1, close);
    end = close + 1;
    return true;
}

[[gnu::always_inline]] inline bool PlainReader::party(std::size_t value, SipParty& party) const {
    std::size_t open = 0;
    std::size_t end = 0;
    if (!opening(value, open))
        return false;
    Hops stops = marks_.stops_from(open + 1);
    if (!bracketed(stops, open, party.uri, end))
        return false;
    // Nearly always, the tag is all that there is.
    if (at(end) == ';' && end <= names_end_ && is_name<";tag=">(from(end))) {
        const std::size_t begin = end + 5;
        stops.next(); // the semicolon
        end = stops.next();
        if (end == begin)
            return false;
        party.tag = part(begin, end);
    }
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

[[gnu::always_inline]] inline bool PlainReader::contact(std::size_t value) {
    std::size_t end = 0;
    std::string_view uri;
    bool expires = false; // no optional: copying one waits for its parts to be stored
    std::uint32_t seconds = 0;
    SipContacts& contacts = message_.contacts;
    std::size_t open = 0;
    if (contacts.wildcard || !opening(value, open))
        return false;
    Hops stops = marks_.stops_from(open + 1);
    if (!bracketed(stops, open, uri, end))
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

[[gnu::always_inline]] inline bool PlainReader::plain_value(Field field, std::size_t value) {
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

} // namespace tandem::wire::sip_text
