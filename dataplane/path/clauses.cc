// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/clauses.hh"

#include "dataplane/wire/ip.hh"
#include "dataplane/wire/sip.hh"
#include "dataplane/wire/sip_marks.hh"

#include <algorithm>
#include <array>

namespace tandem::path {
namespace {

using contract::ClauseSubject;
using contract::ClauseTest;
using contract::RequestPattern;
using Clause = RequestPattern::Clause;

constexpr std::size_t unfolded_max = 2048;

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

/// Compact forms (RFC 3261 section 7.3.3 and the registry of header fields).
struct Compact {
    char letter;
    std::string_view name;
};
constexpr std::array<Compact, 19> compact_names{{{'a', "accept-contact"},
                                                 {'u', "allow-events"},
                                                 {'i', "call-id"},
                                                 {'m', "contact"},
                                                 {'e', "content-encoding"},
                                                 {'l', "content-length"},
                                                 {'c', "content-type"},
                                                 {'o', "event"},
                                                 {'f', "from"},
                                                 {'y', "identity"},
                                                 {'r', "refer-to"},
                                                 {'b', "referred-by"},
                                                 {'j', "reject-contact"},
                                                 {'d', "request-disposition"},
                                                 {'x', "session-expires"},
                                                 {'s', "subject"},
                                                 {'k', "supported"},
                                                 {'t', "to"},
                                                 {'v', "via"}}};

std::string_view long_name(std::string_view name) {
    if (name.size() == 1)
        for (const Compact& compact : compact_names)
            if (compact.letter == lower(name.front()))
                return compact.name;
    return name;
}

/// Takes a line with its folded continuations off the front, without the line end.
std::string_view take_line(std::string_view& text) {
    std::size_t end = text.find('\n');
    while (end != std::string_view::npos && end + 1 < text.size() &&
           (text[end + 1] == ' ' || text[end + 1] == '\t'))
        end = text.find('\n', end + 1);
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r')
        line.remove_suffix(1);
    return line;
}

/// The value as one line: a fold counts as one blank (RFC 3261 section 7.3.1).
std::string_view unfolded(std::string_view value, std::array<char, unfolded_max>& room) {
    if (value.find('\n') == std::string_view::npos)
        return value;
    std::size_t size = 0;
    for (std::size_t i = 0; i < value.size() && size < room.size(); ++i) {
        if (value[i] == '\r' || value[i] == '\n') {
            while (i + 1 < value.size() && is_blank(value[i + 1]))
                ++i;
            room[size++] = ' ';
        } else {
            room[size++] = value[i];
        }
    }
    return {room.data(), size};
}

/// One message and the questions about it.
class Question {
public:
    Question(const RequestPattern& pattern, const Addressed& message, TextMatcher* matcher)
        : pattern_(pattern)
        , message_(message)
        , matcher_(matcher) {}

    bool all() {
        // What needs no reading comes first.
        for (std::size_t i = 0; i < pattern_.clauses().size(); ++i)
            if (is_address(i) && !holds(i))
                return false;
        if (!pattern_.by_class() && !asks_content())
            return true;
        if (wire::extract_sip(message_.text, wire::best_sip_scanner(), marks_, sip_))
            return false;
        if (sip_.kind == wire::SipKind::response && !pattern_.matches_status(sip_.method, sip_.status))
            return false;
        for (std::size_t i = 0; i < pattern_.clauses().size(); ++i)
            if (!is_address(i) && !holds(i))
                return false;
        return true;
    }

private:
    const Clause& clause(std::size_t i) const { return pattern_.clauses()[i]; }
    bool is_address(std::size_t i) const {
        return clause(i).subject == ClauseSubject::source || clause(i).subject == ClauseSubject::vip;
    }
    bool asks_content() const {
        for (std::size_t i = 0; i < pattern_.clauses().size(); ++i)
            if (!is_address(i))
                return true;
        return false;
    }
    bool holds(std::size_t i) { return is(i) == (clause(i).sense == contract::Sense::must); }

    bool is(std::size_t i) {
        switch (clause(i).subject) {
        case ClauseSubject::source:
            return is_in(clause(i), message_.source);
        case ClauseSubject::vip:
            return is_in(clause(i), message_.vip);
        case ClauseSubject::user:
            return compare(i, uri_parts(sip_.request_uri).user, contract::Letters::as_written);
        case ClauseSubject::host:
            return compare(i, uri_parts(sip_.request_uri).host, contract::Letters::either_case);
        case ClauseSubject::header:
            return has_header(i);
        case ClauseSubject::sample:
            return is_sampled(clause(i));
        }
        return false;
    }

    bool is_in(const Clause& asked, const wire::IpAddress& address) const {
        return std::ranges::any_of(pattern_.prefixes(asked),
                                   [&](const auto& prefix) { return prefix.contains(address); });
    }

    bool compare(std::size_t i, std::string_view text, contract::Letters letters) {
        if (clause(i).test == ClauseTest::expression)
            return matcher_ == nullptr || matcher_->matches(message_.group, i, text);
        const std::string_view value = pattern_.value(clause(i));
        return letters == contract::Letters::either_case ? same_ignoring_case(text, value) : text == value;
    }

    /// Any field of that name, if there are several.
    bool has_header(std::size_t i) {
        const std::string_view wanted = long_name(pattern_.name(clause(i)));
        std::string_view text = message_.text;
        while (!text.empty() && is_blank(text.front())) // RFC 3261 section 7.5
            text.remove_prefix(1);
        take_line(text); // the start line
        for (std::size_t fields = 0; fields < wire::sip_headers_max && !text.empty(); ++fields) {
            const std::string_view line = take_line(text);
            if (line.empty())
                return false; // the end of the header section
            const auto colon = line.find(':');
            if (colon == std::string_view::npos ||
                !same_ignoring_case(long_name(trimmed(line.substr(0, colon))), wanted))
                continue;
            if (clause(i).test == ClauseTest::present)
                return true;
            if (compare(i, unfolded(trimmed(line.substr(colon + 1)), room_), contract::Letters::either_case))
                return true;
        }
        return false;
    }

    /// The same for every message of a call, on both nodes.
    bool is_sampled(const Clause& asked) const {
        std::uint64_t hash = 14695981039346656037ULL;
        for (const char c : sip_.call_id)
            hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211ULL;
        hash = (hash ^ hash >> 32U) * 0xd6e8feb86659fd93ULL;
        return ((hash >> 32U) * asked.whole >> 32U) < asked.part;
    }

    const RequestPattern& pattern_;
    const Addressed& message_;
    TextMatcher* matcher_;
    // Written before they are read.
    wire::SipMarks marks_;
    wire::SipMessage sip_;
    std::array<char, unfolded_max> room_;
};

} // namespace

UriParts uri_parts(std::string_view uri) noexcept {
    const auto colon = uri.find(':');
    if (colon == std::string_view::npos)
        return {};
    const bool tel = same_ignoring_case(uri.substr(0, colon), "tel");
    uri.remove_prefix(colon + 1);
    if (tel)
        return {uri.substr(0, uri.find(';')), {}};
    UriParts parts;
    // A user part may contain ; and ? (RFC 3261 section 25.1).
    if (const auto at = uri.find('@'); at != std::string_view::npos) {
        parts.user = uri.substr(0, at);
        parts.user = parts.user.substr(0, parts.user.find(':'));
        uri.remove_prefix(at + 1);
    }
    parts.host = uri.substr(0, uri.find_first_of(";?"));
    if (!parts.host.empty() && parts.host.front() == '[')
        parts.host = parts.host.substr(1, std::min(parts.host.find(']'), parts.host.size()) - 1);
    else
        parts.host = parts.host.substr(0, parts.host.find(':'));
    return parts;
}

bool fulfils(const RequestPattern& pattern, const Addressed& message, TextMatcher* matcher) noexcept {
    return !pattern.conditions() || Question{pattern, message, matcher}.all();
}

Inspection inspect(std::span<const std::uint8_t> packet, const contract::Policy& policy,
                   TextMatcher* matcher) noexcept {
    Inspection found = inspect(packet, policy);
    if (found.kind != Kind::sip_matching || !policy.groups[found.group].pattern.conditions())
        return found;
    const auto sip = sip_text(packet, policy);
    const auto ip = wire::parse_ip(packet);
    if (!fulfils(policy.groups[found.group].pattern, {found.group, sip->source, ip->destination, sip->text},
                 matcher))
        found.kind = Kind::sip_other;
    return found;
}

} // namespace tandem::path
