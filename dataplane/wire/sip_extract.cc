// SPDX-License-Identifier: GPL-3.0-or-later
// The fast reader. It goes from separator to separator (sip_marks.hh), looks at no line whose field is not
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

/// What an octet ends; bits.
enum Ends : std::uint8_t {
    ends_text = 1,   ///< linear white space
    ends_uri = 2,    ///< between angle brackets
    ends_value = 4,  ///< of a parameter
    ends_target = 8, ///< a Request-URI (RFC 3261 section 7.1: no control character, no angle brackets)
    ends_quote = 16, ///< or needs another look
};
constexpr auto ends_of = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned c = 0; c <= 0x20; ++c)
        table[c] |= ends_target;
    for (const char c : std::string_view{"\x7f<>\""})
        table[static_cast<unsigned char>(c)] |= ends_target;
    for (const char c : std::string_view{" \t\r\n"})
        table[static_cast<unsigned char>(c)] |= ends_text | ends_uri | ends_value;
    for (const char c : std::string_view{";,\"<"})
        table[static_cast<unsigned char>(c)] |= ends_value;
    table['>'] |= ends_uri;
    for (const char c : std::string_view{"\"\\\n"})
        table[static_cast<unsigned char>(c)] |= ends_quote;
    return table;
}();

constexpr std::uint64_t version_and_blank = word_of("SIP/2.0 ");
constexpr std::uint64_t version_and_slash = word_of("SIP/2.0/");

/// A separator: its number, and where it is.
struct Mark {
    std::size_t number;
    std::size_t place;
};

/// Reads messages whose head is plain and ends in a blank line, so that behind every mark that is no line
/// feed there is another one.
class Extractor {
public:
    Extractor(std::string_view text, const SipMarks& marks, SipMessage& message)
        : text_(text)
        , marks_(marks)
        , message_(message)
        , section_(message)
        , names_end_(text.size() - name_room) {}

    /// False: it is not plain.
    bool start_line();
    std::optional<SipError> headers();

private:
    char at(std::size_t position) const { return text_.data()[position]; }
    std::string_view part(std::size_t begin, std::size_t end) const {
        return {text_.data() + begin, end - begin};
    }
    Mark mark(std::size_t number) const { return {number, marks_.separator(number)}; }
    Mark after(Mark mark) const { return this->mark(mark.number + 1); }
    /// The mark itself or the first one behind it that ends something of that kind.
    Mark find(Mark mark, Ends ends) const {
        while ((ends_of[static_cast<unsigned char>(at(mark.place))] & ends) == 0)
            mark = after(mark);
        return mark;
    }
    /// Is it the CR of a line end?
    bool ends_line(Mark mark) const { return at(mark.place) == '\r' && at(mark.place + 1) == '\n'; }

    bool request_line();
    bool status_line();
    bool plain_value(Field field, Mark colon, Turn turn);
    const Name& last_name(std::size_t begin, Mark colon) const;
    std::optional<SipError> any_value(Field field, Mark colon, Turn turn);
    bool via(Mark colon);
    bool party(Mark colon, SipParty& party);
    bool contact(Mark colon);
    bool call_id(Mark colon);
    bool cseq(Mark colon);
    bool digits(std::size_t begin, std::size_t end, std::uint32_t& number) const;
    bool only_number(Mark colon, std::uint32_t& number) const;
    template <class Take>
    bool parameters(Mark mark, Take take) const;
    bool address(Mark colon, std::string_view& uri, Mark& rest) const;

    std::string_view text_;
    const SipMarks& marks_;
    SipMessage& message_;
    HeaderSection section_;
    std::size_t names_end_; ///< the last place at which name_room octets can be read
    bool mismatch_{false};  ///< CSeq and start line name different methods
};

bool Extractor::start_line() {
    return load_word(text_.data()) == version_and_blank ? status_line() : request_line();
}

bool Extractor::request_line() {
    const Mark method = mark(0);
    if (method.place == 0 || at(method.place) != ' ')
        return false;
    const std::size_t begin = method.place + 1;
    const std::size_t blank = find(after(method), ends_target).place;
    constexpr std::uint64_t tail = word_of(" SIP/2.0");
    if (blank == begin || text_.size() - blank < 10 || load_word(text_.data() + blank) != tail ||
        at(blank + 8) != '\r' || at(blank + 9) != '\n')
        return false;
    message_.kind = SipKind::request;
    message_.method_name = part(0, method.place);
    message_.method = sip_method(message_.method_name);
    message_.request_uri = part(begin, blank);
    return true;
}

bool Extractor::status_line() {
    constexpr std::size_t code = 8;
    Mark feed = mark(0);
    while (at(feed.place) != '\n')
        feed = after(feed);
    const std::size_t end = feed.place;
    std::uint32_t status = 0;
    if (end < code + 5 || at(end - 1) != '\r' || at(code + 3) != ' ' || !digits(code, code + 3, status) ||
        status < 100)
        return false;
    message_.kind = SipKind::response;
    message_.status = static_cast<std::uint16_t>(status);
    message_.reason = part(code + 4, end - 1);
    return true;
}

std::optional<SipError> Extractor::headers() {
    const std::size_t words = (marks_.head() + SipMarks::block - 1) / SipMarks::block;
    std::uint32_t seen = 0;
    for (std::size_t word = 0; word < words; ++word)
        for (std::uint64_t begin = marks_.beginnings(word); begin != 0; begin &= begin - 1) {
            const std::size_t at = word * SipMarks::block + static_cast<std::size_t>(std::countr_zero(begin));
            const Mark colon = mark(marks_.rank(at));
            const Name& name =
                at <= names_end_ ? known_name(text_.data() + at, colon.place - at) : last_name(at, colon);
            if (name.field == Field::other)
                continue;
            const Turn turn = (seen & name.bit) == 0 ? Turn::first : Turn::again;
            if (turn == Turn::again && (name.bit & once_only) != 0) [[unlikely]]
                return SipError::repeated_header;
            seen |= name.bit;
            if (!plain_value(name.field, colon, turn)) {
                if (const auto error = any_value(name.field, colon, turn)) [[unlikely]]
                    return error;
            } else if (mismatch_) [[unlikely]] {
                return SipError::cseq_mismatch;
            }
        }
    section_.note(seen);
    return section_.end(text_.substr(marks_.head()));
}

/// One so near the end that it is copied before it is looked at.
[[gnu::noinline]] const Name& Extractor::last_name(std::size_t begin, Mark colon) const {
    std::array<char, name_room> room{};
    std::memcpy(room.data(), text_.data() + begin, text_.size() - begin);
    return known_name(room.data(), colon.place - begin);
}

/// Reads the value behind a colon. False: it is not plain, or this field's values never are.
[[gnu::always_inline]] inline bool Extractor::plain_value(Field field, Mark colon, Turn turn) {
    // Blanks around a value are not plain, but for one in front of it.
    if (at(colon.place + 1) != ' ') [[unlikely]]
        return false;
    std::uint32_t number = 0;
    switch (field) {
    case Field::via:
        return turn == Turn::again || via(colon);
    case Field::from:
        return party(colon, message_.from);
    case Field::to:
        return party(colon, message_.to);
    case Field::contact:
        return contact(colon);
    case Field::cseq:
        return cseq(colon);
    case Field::call_id:
        return call_id(colon);
    case Field::max_forwards:
        if (!only_number(colon, number) || number > 255)
            return false;
        message_.max_forwards = static_cast<std::uint8_t>(number);
        return true;
    case Field::content_length:
        if (!only_number(colon, number))
            return false;
        message_.content_length = number;
        return true;
    case Field::expires:
        if (turn == Turn::again)
            return true;
        if (!only_number(colon, number))
            return false;
        message_.expires = number;
        return true;
    default: // lists that are kept as they came
        return false;
    }
}

/// One that is not plain, by the other reader.
[[gnu::noinline]] std::optional<SipError> Extractor::any_value(Field field, Mark colon, Turn turn) {
    Mark feed = after(colon);
    while (at(feed.place) != '\n')
        feed = after(feed);
    std::size_t begin = colon.place + 1;
    std::size_t end = feed.place;
    while (begin < end && is_lws(at(begin)))
        ++begin;
    while (begin < end && is_lws(at(end - 1)))
        --end;
    return section_.take_value(field, part(begin, end), turn);
}

/// Up to 8 digits, all of them at once, with zeros in the place of what stands in front of them. At least 8
/// octets of text are in front of `end`.
[[gnu::always_inline]] inline bool Extractor::digits(std::size_t begin, std::size_t end,
                                                     std::uint32_t& number) const {
    const std::size_t length = end - begin;
    if (length - 1 > 7)
        return false;
    constexpr std::uint64_t zeros = 0x3030303030303030;
    const std::size_t others = 8 * (8 - length);
    std::uint64_t word = (load_word(text_.data() + end - 8) ^ zeros) >> others << others;
    if (((word | (word + 0x0606060606060606)) & 0xf0f0f0f0f0f0f0f0) != 0)
        return false;
    word = word * 10 + (word >> 8U);
    number = static_cast<std::uint32_t>((((word & 0x000000ff000000ff) * (100 + (1000000ULL << 32U))) +
                                         ((word >> 16U & 0x000000ff000000ff) * (1 + (10000ULL << 32U)))) >>
                                        32U);
    return true;
}

/// Is the value a number and nothing else? The first mark behind the colon is the blank.
[[gnu::always_inline]] inline bool Extractor::only_number(Mark colon, std::uint32_t& number) const {
    const Mark end = mark(colon.number + 2);
    return ends_line(end) && digits(colon.place + 2, end.place, number);
}

[[gnu::always_inline]] inline bool Extractor::call_id(Mark colon) {
    const std::size_t begin = colon.place + 2;
    const Mark end = find(mark(colon.number + 2), ends_text);
    if (!ends_line(end) || end.place == begin)
        return false;
    message_.call_id = part(begin, end.place);
    return true;
}

[[gnu::always_inline]] inline bool Extractor::cseq(Mark colon) {
    const Mark blank = mark(colon.number + 2);
    CSeq read;
    if (at(blank.place) != ' ' || !digits(colon.place + 2, blank.place, read.number))
        return false;
    const Mark end = after(blank);
    if (!ends_line(end) || end.place == blank.place + 1)
        return false;
    read.method = part(blank.place + 1, end.place);
    mismatch_ = set_cseq(message_, read).has_value();
    return true;
}

/// Reads `;name` and `;name=value` from `mark` to the end of the line, each by take(name, length, value); no
/// quotes.
template <class Take>
[[gnu::always_inline]] inline bool Extractor::parameters(Mark mark, Take take) const {
    while (at(mark.place) == ';') {
        const std::size_t name = mark.place + 1;
        mark = after(mark);
        const std::size_t length = mark.place - name;
        if (length == 0 || name > names_end_)
            return false;
        std::string_view value;
        if (at(mark.place) == '=') {
            const std::size_t begin = mark.place + 1;
            mark = find(after(mark), ends_value);
            if (mark.place == begin)
                return false;
            value = part(begin, mark.place);
        }
        if (!take(text_.data() + name, length, value))
            return false;
    }
    return ends_line(mark);
}

/// SIP/2.0/UDP host:port;parameters: which of the marks stands for what is known.
[[gnu::always_inline]] inline bool Extractor::via(Mark colon) {
    const std::size_t begin = colon.place + 2;
    if (begin > names_end_ || load_word(text_.data() + begin) != version_and_slash)
        return false;
    SipVia& via = message_.via;
    const Mark blank = mark(colon.number + 4); // behind a blank and two slashes
    if (at(blank.place) != ' ' || blank.place == begin + 8)
        return false;
    via.transport = part(begin + 8, blank.place);
    Mark end = after(blank);
    if (end.place == blank.place + 1)
        return false;
    via.host = part(blank.place + 1, end.place);
    if (at(end.place) == ':') {
        const std::size_t port = end.place + 1;
        end = after(end);
        std::uint32_t number = 0;
        if (!digits(port, end.place, number) || number > 65535)
            return false;
        via.port = static_cast<std::uint16_t>(number);
    }
    return parameters(end, [&](const char* name, std::size_t length, std::string_view text) {
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

/// `<uri>` behind a display name that is a token, a quoted string or absent. `rest` is the mark behind it.
[[gnu::always_inline]] inline bool Extractor::address(Mark colon, std::string_view& uri, Mark& rest) const {
    Mark open = mark(colon.number + 2); // the first one is the blank behind the colon
    if (at(open.place) == '"' && open.place == colon.place + 2) {
        const Mark close = find(after(open), ends_quote);
        if (at(close.place) != '"')
            return false;
        open = after(close);
        if (open.place != close.place + 1)
            return false;
    }
    while (at(open.place) == ' ')
        open = after(open);
    if (at(open.place) != '<')
        return false;
    const Mark close = find(after(open), ends_uri);
    if (at(close.place) != '>' || close.place == open.place + 1)
        return false;
    uri = part(open.place + 1, close.place);
    rest = after(close);
    return rest.place == close.place + 1;
}

[[gnu::always_inline]] inline bool Extractor::party(Mark colon, SipParty& party) {
    Mark rest{};
    if (!address(colon, party.uri, rest))
        return false;
    return parameters(rest, [&](const char* name, std::size_t length, std::string_view text) {
        if (length == 3 && is_name<"tag">(name) && party.tag.empty())
            party.tag = text;
        return true;
    });
}

[[gnu::always_inline]] inline bool Extractor::contact(Mark colon) {
    SipContact read;
    Mark rest{};
    SipContacts& contacts = message_.contacts;
    if (contacts.wildcard || !address(colon, read.uri, rest))
        return false;
    const bool plain = parameters(rest, [&](const char* name, std::size_t length, std::string_view text) {
        if (length == 7 && is_name<"expires">(name) && !read.expires)
            read.expires = saturated(text);
        return true;
    });
    if (plain) {
        if (contacts.count < contacts.kept.size())
            contacts.kept[contacts.count] = read;
        ++contacts.count;
    }
    return plain;
}

/// What a message holds before it is read. The arrays of kept values are not cleared: their counts are.
[[gnu::always_inline]] inline void clear(SipMessage& message) {
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
    // The first line feed is that of the start line, the last one that of the blank line.
    if (marks.head() != 0 && text.size() >= name_room && marks.plain() &&
        marks.lines() <= sip_headers_max + 2) [[likely]] {
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
