// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/pattern_parser.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace tandem::contract {
namespace {

using wire::SipMethod;

constexpr std::string_view blanks{" \t"};
constexpr std::size_t quoted_max = 32;
constexpr std::size_t pattern_max = 2048;
constexpr std::string_view known_clauses{"a clause is \"from PREFIX\", \"to ADDRESS\", \"user=TEXT\", "
                                         "\"host=TEXT\", \"header NAME\", \"header NAME=TEXT\" or "
                                         "\"sample 1/8\", perhaps with \"not\" in front"};

struct Keyword {
    std::string_view word;
    ClauseSubject subject;
};
constexpr std::array<Keyword, 6> keywords{{{"from", ClauseSubject::source},
                                           {"to", ClauseSubject::vip},
                                           {"user", ClauseSubject::user},
                                           {"host", ClauseSubject::host},
                                           {"header", ClauseSubject::header},
                                           {"sample", ClauseSubject::sample}}};

std::optional<ClauseSubject> subject_of(std::string_view word) {
    for (const Keyword& keyword : keywords)
        if (keyword.word == word)
            return keyword.subject;
    return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string upper(std::string_view text) {
    std::string result{text};
    for (char& c : result)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    return result;
}

std::string method_names() {
    std::string names;
    for (unsigned i = 0; i < static_cast<unsigned>(SipMethod::other); ++i)
        names += (i == 0 ? "" : ", ") + std::string{wire::to_string(static_cast<SipMethod>(i))};
    return names;
}

bool is_name_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view{"-.!%*_+`'~"}.find(c) != std::string_view::npos;
}

std::unexpected<std::string> wrong(std::string sentence) {
    return std::unexpected(std::move(sentence));
}

/// `2xx`: 2; 0: something else.
unsigned status_class(std::string_view text) {
    const bool form = text.size() == 3 && text[0] >= '1' && text[0] <= '6' && (text[1] | 0x20) == 'x' &&
                      (text[2] | 0x20) == 'x';
    return form ? static_cast<unsigned>(text[0] - '0') : 0U;
}

} // namespace

std::string quoted_part(std::string_view text) {
    std::string result{"\""};
    for (const char c : text.substr(0, quoted_max))
        result += (c >= ' ' && c <= '~') ? c : '?';
    return result + (text.size() > quoted_max ? "...\"" : "\"");
}

PatternParser::PatternParser(std::string_view text)
    : text_(trimmed(text))
    , rest_(text_) {}

void PatternParser::skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
}

std::string_view PatternParser::take_until(std::string_view ends) {
    const auto taken = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(taken.size());
    return taken;
}

std::expected<RequestPattern, std::string> PatternParser::run() {
    if (text_.size() > pattern_max)
        return wrong("the pattern is too long: " + quoted_part(text_) + ", at most " +
                     std::to_string(pattern_max) + " characters");
    const std::string_view first = rest_.substr(0, rest_.find_first_of(" \t="));
    if (!text_.empty() && first != "not" && !subject_of(first))
        if (const auto done = methods(); !done)
            return std::unexpected(done.error());
    for (skip_blanks(); !rest_.empty(); skip_blanks())
        if (const auto done = clause(); !done)
            return std::unexpected(done.error());
    settle_classes();
    return result_;
}

PatternParser::Done PatternParser::methods() {
    const bool excludes = rest_.front() == '!';
    if (excludes) {
        rest_.remove_prefix(1);
    } else {
        result_.requests_ = 0;
        result_.classes_.fill(0);
    }
    for (;;) {
        if (auto done = item(excludes); !done)
            return done;
        skip_blanks();
        if (rest_.empty() || rest_.front() != '|')
            return {};
        rest_.remove_prefix(1);
    }
}

PatternParser::Done PatternParser::item(bool excludes) {
    skip_blanks();
    const std::string_view part = take_until(" \t|");
    if (part.empty())
        return wrong("a method name is missing in " + quoted_part(text_) +
                     ": write names with one \"|\" between them, for example \"INVITE|BYE\"");
    if (part.front() == '!')
        return wrong("\"!\" stands before " + quoted_part(part) +
                     ": write it once, in front of the whole list; it then excludes every name");
    const auto slash = part.find('/');
    const unsigned kind = status_class(part.substr(0, slash));
    const std::string_view name = kind == 0                         ? part
                                  : slash == std::string_view::npos ? std::string_view{"*"}
                                                                    : part.substr(slash + 1);
    const SipMethod method = wire::sip_method(upper(name));
    if (method == SipMethod::other && !(kind != 0 && name == "*"))
        return wrong(quoted_part(name) + " is not a method that a pattern can name: use one of " +
                     method_names() + "; for responses \"2xx/INVITE\"");
    const std::uint32_t bits = name == "*" ? RequestPattern::all : 1U << static_cast<unsigned>(method);
    const auto put = [&](std::uint32_t& mask) { mask = excludes ? mask & ~bits : mask | bits; };
    if (kind != 0) {
        put(result_.classes_[kind]);
        return {};
    }
    put(result_.requests_);
    if (excludes) // a response belongs to the method in its CSeq
        for (std::uint32_t& mask : result_.classes_)
            put(mask);
    return {};
}

void PatternParser::settle_classes() {
    result_.responses_ = 0;
    for (std::size_t i = 1; i < result_.classes_.size(); ++i)
        result_.responses_ |= result_.classes_[i];
    const bool differ = std::any_of(result_.classes_.begin() + 1, result_.classes_.end(),
                                    [&](std::uint32_t mask) { return mask != result_.responses_; });
    result_.conditions_ = static_cast<std::uint8_t>((result_.clause_count_ > 0 ? 1U : 0U) |
                                                    (differ ? RequestPattern::class_condition : 0U));
}

PatternParser::Done PatternParser::clause() {
    const std::string_view begin = rest_;
    Clause clause;
    std::string_view word = take_until(" \t=");
    if (word == "not") {
        clause.sense = Sense::must_not;
        skip_blanks();
        word = take_until(" \t=");
    }
    const auto subject = subject_of(word);
    if (!subject)
        return wrong(quoted_part(word) + " is no clause, in " + quoted_part(text_) +
                     ": names of methods have \"|\" between them; " + std::string{known_clauses});
    if (result_.clause_count_ == RequestPattern::clauses_max)
        return wrong("too many clauses: " + quoted_part(begin) + " is more than the " +
                     std::to_string(RequestPattern::clauses_max) + " that a pattern may have");
    clause.subject = *subject;
    const bool has_value = *subject == ClauseSubject::user || *subject == ClauseSubject::host;
    if (has_value != (!rest_.empty() && rest_.front() == '='))
        return wrong(quoted_part(word) +
                     (has_value ? " needs a value, as in \"" + std::string{word} + "=TEXT\""
                                : " takes no \"=\" behind it") +
                     "; " + std::string{known_clauses});
    Done done;
    switch (*subject) {
    case ClauseSubject::source:
    case ClauseSubject::vip:
        done = addresses(clause);
        break;
    case ClauseSubject::user:
    case ClauseSubject::host:
        done = value(clause);
        break;
    case ClauseSubject::header:
        done = header(clause);
        break;
    case ClauseSubject::sample:
        done = sample(clause);
        break;
    }
    if (done)
        result_.clauses_[result_.clause_count_++] = clause;
    return done;
}

PatternParser::Done PatternParser::addresses(Clause& clause) {
    skip_blanks();
    std::string_view list = take_until(blanks);
    clause.first = result_.prefix_count_;
    for (bool more = true; more;) {
        const auto comma = list.find(',');
        const std::string_view part = list.substr(0, comma);
        const auto prefix = wire::Prefix::parse(part);
        if (!prefix)
            return wrong(
                quoted_part(part) +
                " is not an address or a network: write \"10.0.0.0/8\" or \"2001:db8::/32\", several with "
                "\",\" between them and no blanks");
        if (result_.prefix_count_ == RequestPattern::prefixes_max)
            return wrong("too many addresses: " + quoted_part(part) + " is more than the " +
                         std::to_string(RequestPattern::prefixes_max) + " that a pattern may have");
        result_.prefixes_[result_.prefix_count_++] = *prefix;
        ++clause.count;
        more = comma != std::string_view::npos;
        list.remove_prefix(more ? comma + 1 : list.size());
    }
    return {};
}

PatternParser::Done PatternParser::header(Clause& clause) {
    skip_blanks();
    const std::string_view name = take_until(" \t=");
    if (name.empty() || !std::ranges::all_of(name, is_name_char) || name.size() > 64)
        return wrong(quoted_part(name) + " is not the name of a header field: write \"header User-Agent\"");
    if (auto done = keep(name, clause.name_at, clause.name_size); !done)
        return done;
    if (!rest_.empty() && rest_.front() == '=')
        return value(clause);
    return {};
}

/// `=TEXT`, `='TEXT'` or `=/EXPRESSION/`
PatternParser::Done PatternParser::value(Clause& clause) {
    rest_.remove_prefix(1);
    clause.test = ClauseTest::equal;
    if (!rest_.empty() && rest_.front() == '/')
        return expression(clause);
    if (!rest_.empty() && rest_.front() == '\'')
        return quoted_value(clause);
    const std::string_view word = take_until(blanks);
    if (word.empty())
        return wrong("a value is missing behind \"=\" in " + quoted_part(text_) +
                     ": write it without blanks, or in single quotes");
    return keep(word, clause.value_at, clause.value_size);
}

PatternParser::Done PatternParser::quoted_value(Clause& clause) {
    const std::string_view begin = rest_;
    std::string value;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
        if (rest_[i] == '\'') {
            rest_.remove_prefix(i + 1);
            if (!rest_.empty() && blanks.find(rest_.front()) == std::string_view::npos)
                break;
            return keep(value, clause.value_at, clause.value_size);
        }
        if (rest_[i] == '\\' && i + 1 < rest_.size())
            ++i;
        value += rest_[i];
    }
    return wrong("the single quotes of " + quoted_part(begin) +
                 " have no end: a quote inside is written \"\\'\", and a blank follows the last one");
}

PatternParser::Done PatternParser::expression(Clause& clause) {
    const std::string_view begin = rest_;
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '/')
        end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size())
        return wrong("the expression " + quoted_part(begin) +
                     " has no end: write it between two \"/\", and \"\\/\" for one inside");
    const std::string_view inside = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    if (!rest_.empty() && rest_.front() == 'i') {
        clause.letters = Letters::either_case;
        rest_.remove_prefix(1);
    }
    if (!rest_.empty() && blanks.find(rest_.front()) == std::string_view::npos)
        return wrong("behind the expression " + quoted_part(begin) +
                     " a blank must follow, or \"i\" for letters in either case");
    if (inside.empty())
        return wrong("the expression " + quoted_part(begin) +
                     " is empty: leave the value out to ask for presence");
    clause.test = ClauseTest::expression;
    return keep(inside, clause.value_at, clause.value_size);
}

PatternParser::Done PatternParser::sample(Clause& clause) {
    skip_blanks();
    const std::string_view text = take_until(blanks);
    const char* const end = text.data() + text.size();
    const auto part = std::from_chars(text.data(), end, clause.part);
    const bool slash = part.ec == std::errc{} && part.ptr != end && *part.ptr == '/';
    const auto whole = std::from_chars(slash ? part.ptr + 1 : end, end, clause.whole);
    if (!slash || whole.ec != std::errc{} || whole.ptr != end || clause.part == 0 ||
        clause.part > clause.whole || clause.whole > RequestPattern::sample_max)
        return wrong(quoted_part(text) + " is no part of all calls: write \"sample 1/8\", at most 1/" +
                     std::to_string(RequestPattern::sample_max));
    return {};
}

PatternParser::Done PatternParser::keep(std::string_view text, std::uint16_t& at, std::uint16_t& size) {
    if (text.size() > RequestPattern::text_max)
        return wrong(quoted_part(text) + " is too long: at most " + std::to_string(RequestPattern::text_max) +
                     " characters");
    const auto control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
    if (std::ranges::any_of(text, control))
        return wrong(quoted_part(text) + " has control characters: an expression may say \"\\x09\"");
    if (result_.texts_size_ + text.size() > result_.texts_.size())
        return wrong(quoted_part(text) + " is too much: the names and values of a pattern have " +
                     std::to_string(result_.texts_.size()) + " characters at most");
    at = result_.texts_size_;
    size = static_cast<std::uint16_t>(text.size());
    std::ranges::copy(text, result_.texts_.begin() + at);
    result_.texts_size_ = static_cast<std::uint16_t>(at + size);
    return {};
}

} // namespace tandem::contract
