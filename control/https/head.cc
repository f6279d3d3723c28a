// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/head.hh"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

namespace tandem::https {
namespace {

/// RFC 9110 section 5.6.2
bool is_token_character(char c) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
}

/// RFC 9110 section 5.5, without what is above ASCII: nothing here needs it.
bool is_value_character(char c) {
    return c == '\t' || (c >= ' ' && c <= '~');
}

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return out;
}

/// Those that say where a request ends, who asks and for what: each at most once.
constexpr std::array<std::string_view, 7> singular{
    "host",          "content-length", "transfer-encoding", "content-type",
    "authorization", "expect",         "content-encoding"};

class Check {
public:
    std::optional<Malformed> request_line(std::string_view line);
    std::optional<Malformed> field(std::string_view line);
    std::optional<Malformed> whole() const;

private:
    std::optional<Malformed> value(std::string_view name, std::string_view value) const;

    std::array<bool, singular.size()> seen_{};
    std::size_t fields_{0};
    bool old_{false};
};

std::optional<Malformed> Check::request_line(std::string_view line) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || first == 0 ||
        !std::ranges::all_of(line.substr(0, first), is_token_character))
        return Malformed{400, "the first line is not that of a request"};
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (target.empty() || !std::ranges::all_of(target, [](char c) { return c > ' ' && c <= '~'; }))
        return Malformed{400, "the target has characters in it that it cannot have"};
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        const bool other = version.starts_with("HTTP/") && version.size() == 8;
        return Malformed{other ? 505U : 400U, "this is HTTP/1.1 only"};
    }
    old_ = version == "HTTP/1.0";
    return std::nullopt;
}

std::optional<Malformed> Check::value(std::string_view name, std::string_view value) const {
    if (name == "content-length" &&
        (value.empty() || value.size() > 10 ||
         !std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })))
        return Malformed{400, "Content-Length is not a number"};
    if (name == "transfer-encoding" && lower(value) != "chunked")
        return Malformed{400, "the only Transfer-Encoding here is chunked"};
    if (name == "content-encoding" && lower(value) != "identity")
        return Malformed{415, "the body must not be encoded"};
    if (name == "expect" && lower(value) != "100-continue")
        return Malformed{417, "the only Expect here is 100-continue"};
    return std::nullopt;
}

std::optional<Malformed> Check::field(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 ||
        !std::ranges::all_of(line.substr(0, colon), is_token_character) ||
        !std::ranges::all_of(line.substr(colon + 1), is_value_character))
        return Malformed{400, "a header field is malformed"};
    if (++fields_ > fields_max)
        return Malformed{431, "the header has too many fields"};
    const std::string name = lower(line.substr(0, colon));
    const auto found = std::ranges::find(singular, name);
    if (found == singular.end())
        return std::nullopt;
    if (std::exchange(seen_[static_cast<std::size_t>(found - singular.begin())], true))
        return Malformed{400, "a header field that must be alone is there twice"};
    std::string_view rest = line.substr(colon + 1);
    while (rest.starts_with(' ') || rest.starts_with('\t'))
        rest.remove_prefix(1);
    while (rest.ends_with(' ') || rest.ends_with('\t'))
        rest.remove_suffix(1);
    return value(name, rest);
}

std::optional<Malformed> Check::whole() const {
    const bool length = seen_[1];
    const bool chunked = seen_[2];
    if (length && chunked)
        return Malformed{400, "Content-Length and Transfer-Encoding exclude each other"};
    if (old_ && chunked)
        return Malformed{400, "HTTP/1.0 has no Transfer-Encoding"};
    if (!old_ && !seen_[0])
        return Malformed{400, "Host is missing"};
    return std::nullopt;
}

} // namespace

std::expected<void, Malformed> check_head(std::string_view octets) {
    Check check;
    bool first = true;
    for (;;) {
        const auto end = octets.find("\r\n");
        if (end == std::string_view::npos)
            return std::unexpected(Malformed{400, "the head has no end"});
        const std::string_view line = octets.substr(0, end);
        octets.remove_prefix(end + 2);
        if (line.empty() && !first)
            break;
        if (const auto wrong = first ? check.request_line(line) : check.field(line))
            return std::unexpected(*wrong);
        first = false;
    }
    if (const auto wrong = check.whole())
        return std::unexpected(*wrong);
    return {};
}

} // namespace tandem::https
