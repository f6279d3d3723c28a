// SPDX-License-Identifier: GPL-3.0-or-later
// The fast reader. It jumps from mark to mark and knows only what plain messages look like: no folding, no
// quoted parameters, one value a line. Whatever is not plain goes to the reader of sip_fields.hh, line by
// line, so that both readers say the same of every message; tests compare them.
#include "dataplane/wire/sip.hh"
#include "dataplane/wire/sip_fields.hh"
#include "dataplane/wire/sip_marks.hh"
#include "dataplane/wire/sip_message.hh"
#include "dataplane/wire/sip_start_line.hh"
#include "dataplane/wire/sip_text.hh"

#include <cstring>

namespace tandem::wire {
namespace {

using namespace sip_text;
using Turn = HeaderSection::Turn;

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

std::uint64_t load(const char* octets) {
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

/// Is it `name`, in either case? At least name_room octets can be read at `octets`.
template <Literal name>
[[gnu::always_inline]] inline bool is_name(const char* octets) {
    constexpr std::string_view text = name.text();
    if constexpr (text.size() <= 8) {
        constexpr std::uint64_t mask =
            text.size() == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * text.size()) - 1;
        constexpr std::uint64_t either = case_of(text);
        constexpr std::uint64_t word = word_of(text) | either;
        return ((load(octets) & mask) | either) == word;
    } else {
        static_assert(text.size() <= 16);
        constexpr std::uint64_t either_head = case_of(text.substr(0, 8));
        constexpr std::uint64_t head = word_of(text.substr(0, 8)) | either_head;
        constexpr std::uint64_t either_tail = case_of(text.substr(text.size() - 8));
        constexpr std::uint64_t tail = word_of(text.substr(text.size() - 8)) | either_tail;
        return (load(octets) | either_head) == head && (load(octets + text.size() - 8) | either_tail) == tail;
    }
}

constexpr std::uint64_t version_and_blank = word_of("SIP/2.0 ");
constexpr std::uint64_t version_and_slash = word_of("SIP/2.0/");

/// The longest name, and what is read beyond it.
constexpr std::size_t name_room = 16;

Field compact_field(char letter) {
    switch (lower(letter)) {
    case 'i':
        return Field::call_id;
    case 'm':
        return Field::contact;
    case 'l':
        return Field::content_length;
    case 'f':
        return Field::from;
    case 't':
        return Field::to;
    case 'v':
        return Field::via;
    default:
        return Field::other;
    }
}

/// field_of() for a name behind which name_room octets can be read.
Field known_field(const char* name, std::size_t length) {
    switch (length) {
    case 1:
        return compact_field(*name);
    case 2:
        return is_name<"To">(name) ? Field::to : Field::other;
    case 3:
        return is_name<"Via">(name) ? Field::via : Field::other;
    case 4:
        return is_name<"From">(name)   ? Field::from
               : is_name<"CSeq">(name) ? Field::cseq
               : is_name<"Path">(name) ? Field::path
                                       : Field::other;
    case 5:
        return is_name<"Route">(name) ? Field::route : Field::other;
    case 7:
        return is_name<"Call-ID">(name)   ? Field::call_id
               : is_name<"Contact">(name) ? Field::contact
               : is_name<"Expires">(name) ? Field::expires
                                          : Field::other;
    case 12:
        return is_name<"Max-Forwards">(name)   ? Field::max_forwards
               : is_name<"Record-Route">(name) ? Field::record_route
                                               : Field::other;
    case 14:
        return is_name<"Content-Length">(name) ? Field::content_length : Field::other;
    default:
        return Field::other;
    }
}

/// One header field value, without the blanks around it: the octets from `begin` on, before `end`.
struct Extent {
    std::size_t begin;
    std::size_t end;
};

class Extractor {
public:
    Extractor(std::string_view text, const SipMarks& marks, SipMessage& message)
        : text_(text)
        , marks_(marks)
        , message_(message)
        , section_(message) {}

    /// Reads a plain start line and gives where the next line begins; 0: it is not plain.
    std::size_t start_line();
    std::optional<SipError> headers(std::size_t position);

private:
    enum class Done : std::uint8_t { yes, no };

    char at(std::size_t position) const { return text_.data()[position]; }
    std::string_view part(std::size_t begin, std::size_t end) const {
        return {text_.data() + begin, end - begin};
    }
    /// The first stop at or behind `position` that ends a value or makes it another reader's.
    template <class Ends>
    std::size_t skip_to(std::size_t position, Ends ends) const {
        position = marks_.stop(position);
        while (!ends(at(position)))
            position = marks_.stop(position + 1);
        return position;
    }

    std::size_t request_line();
    std::size_t status_line();
    std::optional<SipError> line(std::size_t begin, std::size_t end);
    std::optional<SipError> plain_line(Field field, Extent value, Turn turn);
    Done via(Extent value);
    Done party(Extent value, SipParty& party);
    Done contact(Extent value);
    Done cseq(Extent value, std::optional<SipError>& error);
    bool digits(Extent value, std::uint32_t& number) const;
    std::size_t address(Extent value, std::string_view& uri) const;
    template <class Take>
    Done parameters(std::size_t position, std::size_t end, Take take) const;

    std::string_view text_;
    const SipMarks& marks_;
    SipMessage& message_;
    HeaderSection section_;
};

std::size_t Extractor::start_line() {
    // Every search in a line ends at its line feed.
    if (text_.size() < name_room || marks_.line_end(0) >= text_.size())
        return 0;
    return load(text_.data()) == version_and_blank ? status_line() : request_line();
}

std::size_t Extractor::request_line() {
    const std::size_t method = marks_.separator(0);
    if (method == 0 || method >= text_.size() || at(method) != ' ')
        return 0;
    // RFC 3261 section 7.1: no unescaped space or control character, no angle brackets in the Request-URI.
    const std::size_t blank = skip_to(method + 1, [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '<' || c == '>' || c == '"';
    });
    constexpr std::string_view tail{" SIP/2.0\r\n"};
    if (blank == method + 1 || text_.size() - blank < tail.size() ||
        std::memcmp(text_.data() + blank, tail.data(), tail.size()) != 0)
        return 0;
    message_.kind = SipKind::request;
    message_.method_name = part(0, method);
    message_.method = sip_method(message_.method_name);
    message_.request_uri = part(method + 1, blank);
    return blank + tail.size();
}

std::size_t Extractor::status_line() {
    constexpr std::size_t code = 8;
    const std::size_t end = marks_.line_end(code);
    if (end >= text_.size() || end < code + 5 || at(end - 1) != '\r' || at(code + 3) != ' ')
        return 0;
    std::uint32_t status = 0;
    if (!digits({code, code + 3}, status) || status < 100)
        return 0;
    message_.kind = SipKind::response;
    message_.status = static_cast<std::uint16_t>(status);
    message_.reason = part(code + 4, end - 1);
    return end + 1;
}

std::optional<SipError> Extractor::headers(std::size_t position) {
    for (;;) {
        const std::size_t feed = marks_.line_end(position);
        if (feed >= text_.size())
            return SipError::unterminated;
        const std::size_t end = feed > position && at(feed - 1) == '\r' ? feed - 1 : feed;
        if (end == position)
            return section_.end(text_.substr(feed + 1));
        if (feed + 1 < text_.size() && is_blank(at(feed + 1))) [[unlikely]] {
            std::string_view rest = text_.substr(position);
            const auto folded = take_folded_line(rest);
            if (!folded)
                return SipError::unterminated;
            if (const auto error = section_.take(split_header(*folded)))
                return error;
            position = text_.size() - rest.size();
            continue;
        }
        if (const auto error = line(position, end))
            return error;
        position = feed + 1;
    }
}

std::optional<SipError> Extractor::line(std::size_t begin, std::size_t end) {
    const std::size_t colon = marks_.separator(begin);
    if (colon == begin || colon >= end || at(colon) != ':' || text_.size() - begin < name_room) [[unlikely]]
        return section_.take(split_header(part(begin, end)));
    const Field field = known_field(text_.data() + begin, colon - begin);
    const Turn turn = section_.begin(field);
    if (turn == Turn::error) [[unlikely]]
        return section_.error();
    if (field == Field::other)
        return std::nullopt;
    Extent value{colon + 1, end};
    while (value.begin < value.end && is_lws(at(value.begin)))
        ++value.begin;
    while (value.begin < value.end && is_lws(at(value.end - 1)))
        --value.end;
    return plain_line(field, value, turn);
}

std::optional<SipError> Extractor::plain_line(Field field, Extent value, Turn turn) {
    std::optional<SipError> error;
    Done done = Done::no;
    std::uint32_t number = 0;
    switch (field) {
    case Field::via:
        done = turn == Turn::first ? via(value) : Done::yes;
        break;
    case Field::from:
        done = party(value, message_.from);
        break;
    case Field::to:
        done = party(value, message_.to);
        break;
    case Field::contact:
        done = contact(value);
        break;
    case Field::cseq:
        done = cseq(value, error);
        break;
    case Field::call_id: {
        const std::size_t blank = skip_to(value.begin, is_lws);
        if (blank >= value.end && value.begin < value.end) {
            message_.call_id = part(value.begin, value.end);
            done = Done::yes;
        }
        break;
    }
    case Field::max_forwards:
        if (digits(value, number) && number <= 255) {
            message_.max_forwards = static_cast<std::uint8_t>(number);
            done = Done::yes;
        }
        break;
    case Field::content_length:
        if (digits(value, number)) {
            message_.content_length = number;
            done = Done::yes;
        }
        break;
    case Field::expires:
        if (turn == Turn::first && digits(value, number)) {
            message_.expires = number;
            done = Done::yes;
        }
        break;
    default: // lists that are kept as they came
        break;
    }
    return done == Done::yes ? error : section_.take_value(field, part(value.begin, value.end), turn);
}

bool Extractor::digits(Extent value, std::uint32_t& number) const {
    if (value.end - value.begin > 9 || value.begin == value.end)
        return false;
    std::uint32_t sum = 0;
    for (std::size_t i = value.begin; i < value.end; ++i) {
        if (!is_digit(at(i)))
            return false;
        sum = sum * 10 + static_cast<std::uint32_t>(at(i) - '0');
    }
    number = sum;
    return true;
}

Extractor::Done Extractor::cseq(Extent value, std::optional<SipError>& error) {
    const std::size_t blank = marks_.separator(value.begin);
    if (blank >= value.end || at(blank) != ' ' || blank + 1 == value.end ||
        marks_.separator(blank + 1) < value.end)
        return Done::no;
    CSeq read;
    if (!digits({value.begin, blank}, read.number))
        return Done::no;
    read.method = part(blank + 1, value.end);
    error = set_cseq(message_, read);
    return Done::yes;
}

/// Reads `;name` and `;name=value` from `position` to `end`, each by take(name, length, value); no quotes.
template <class Take>
Extractor::Done Extractor::parameters(std::size_t position, std::size_t end, Take take) const {
    while (position < end) {
        if (at(position) != ';')
            return Done::no;
        const std::size_t name = position + 1;
        position = marks_.separator(name);
        const std::size_t length = position - name;
        if (length == 0 || text_.size() - name < name_room)
            return Done::no;
        std::string_view value;
        if (position < end && at(position) == '=') {
            const std::size_t begin = ++position;
            position = skip_to(
                begin, [](char c) { return c == ';' || c == ',' || c == '"' || c == '<' || is_lws(c); });
            if (position == begin || (position < end && at(position) != ';'))
                return Done::no;
            value = part(begin, position);
        }
        if (!take(text_.data() + name, length, value))
            return Done::no;
    }
    return Done::yes;
}

Extractor::Done Extractor::via(Extent value) {
    if (value.end - value.begin < name_room || load(text_.data() + value.begin) != version_and_slash)
        return Done::no;
    SipVia& via = message_.via;
    const std::size_t protocol = value.begin + 8;
    const std::size_t blank = marks_.separator(protocol);
    const std::size_t host = blank + 1;
    if (blank == protocol || blank >= value.end || at(blank) != ' ')
        return Done::no;
    via.transport = part(protocol, blank);
    std::size_t position = marks_.separator(host);
    if (position == host || position > value.end)
        return Done::no;
    via.host = part(host, position);
    if (position < value.end && at(position) == ':') {
        const std::size_t port = position + 1;
        position = marks_.separator(port);
        std::uint32_t number = 0;
        if (!digits({port, position}, number) || number > 65535)
            return Done::no;
        via.port = static_cast<std::uint16_t>(number);
    }
    return parameters(position, value.end, [&](const char* name, std::size_t length, std::string_view text) {
        if (length == 6 && is_name<"branch">(name)) {
            if (via.branch.empty())
                via.branch = text;
        } else if (length == 8 && is_name<"received">(name)) {
            if (via.received.empty())
                via.received = text;
        } else if (length == 5 && is_name<"rport">(name) && via.rport == SipRport::absent) {
            via.rport = SipRport::asked;
            if (!text.empty()) {
                const auto port = number(text, 65535);
                if (!port)
                    return false;
                via.rport = SipRport::filled;
                via.rport_value = static_cast<std::uint16_t>(*port);
            }
        }
        return true;
    });
}

/// `<uri>` behind a display name that is a token, a quoted string or absent. Gives where the parameters
/// begin; 0: it is not plain.
std::size_t Extractor::address(Extent value, std::string_view& uri) const {
    std::size_t position = value.begin;
    if (position < value.end && at(position) == '"') {
        position = skip_to(position + 1, [](char c) { return c == '"' || c == '\\' || c == '\n'; });
        if (position >= value.end || at(position) != '"')
            return 0;
        ++position;
    }
    while (position < value.end && at(position) == ' ')
        ++position;
    if (position < value.end && at(position) != '<') // a display name of tokens
        for (position = marks_.separator(position); at(position) == ' ';)
            position = marks_.separator(position + 1);
    if (position >= value.end || at(position) != '<')
        return 0;
    const std::size_t begin = position + 1;
    position = skip_to(begin, [](char c) { return c == '>' || is_lws(c); });
    if (position >= value.end || at(position) != '>' || position == begin)
        return 0;
    uri = part(begin, position);
    return position + 1;
}

Extractor::Done Extractor::party(Extent value, SipParty& party) {
    const std::size_t rest = address(value, party.uri);
    if (rest == 0)
        return Done::no;
    return parameters(rest, value.end, [&](const char* name, std::size_t length, std::string_view text) {
        if (length == 3 && is_name<"tag">(name) && party.tag.empty())
            party.tag = text;
        return true;
    });
}

Extractor::Done Extractor::contact(Extent value) {
    SipContact read;
    const std::size_t rest = address(value, read.uri);
    SipContacts& contacts = message_.contacts;
    if (rest == 0 || contacts.wildcard)
        return Done::no;
    const Done done =
        parameters(rest, value.end, [&](const char* name, std::size_t length, std::string_view text) {
            if (length == 7 && is_name<"expires">(name) && !read.expires)
                read.expires = saturated(text);
            return true;
        });
    if (done == Done::yes) {
        if (contacts.count < contacts.kept.size())
            contacts.kept[contacts.count] = read;
        ++contacts.count;
    }
    return done;
}

/// What a message holds before it is read. The arrays of kept values are not cleared: their counts are.
void clear(SipMessage& message) {
    message.kind = SipKind::request;
    message.method = SipMethod::other;
    message.method_name = message.request_uri = message.reason = message.call_id = message.body = {};
    message.status = 0;
    message.cseq = 0;
    message.via = {};
    message.from = message.to = {};
    message.contacts.count = 0;
    message.contacts.wildcard = false;
    message.expires.reset();
    message.max_forwards.reset();
    message.content_length.reset();
    message.routes.count = message.record_routes.count = message.paths.count = 0;
}

[[gnu::always_inline]] inline std::optional<SipError> extract(std::string_view datagram, SipScanner scanner,
                                                              SipMarks& marks, SipMessage& message) noexcept {
    clear(message);
    if (datagram.size() > sip_octets_max)
        return SipError::too_long;
    std::string_view text = datagram;
    while (!text.empty() && (text.front() == '\r' || text.front() == '\n'))
        text.remove_prefix(1);
    marks.mark(text, scanner);
    Extractor extractor{text, marks, message};
    std::size_t position = extractor.start_line();
    if (position == 0) [[unlikely]] {
        std::string_view rest;
        if (const auto error = sip_text::take_start_line(message, datagram, rest))
            return error;
        position = text.size() - rest.size();
    }
    return extractor.headers(position);
}

/// The same, compiled for machines that count and shift bits in one step each.
[[gnu::target("bmi,bmi2"), gnu::flatten]] std::optional<SipError>
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
