// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The lexical layer of SIP (RFC 3261 section 25.1): blanks, tokens, numbers, lines, comma lists, parameters.
// For the SIP readers of this folder only.
//
// Deliberately absent: meaning. Every function takes a view and gives a part of it; none allocates.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace tandem::wire::sip_text {

constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/// Linear white space, a folded line end included (RFC 3261 section 7.3.1).
constexpr bool is_lws(char c) {
    return is_blank(c) || c == '\r' || c == '\n';
}

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Which octets a token may contain; a table, because every character of every header name is looked up.
inline constexpr auto token_chars = [] {
    std::array<bool, 256> table{};
    for (unsigned c = '0'; c <= '9'; ++c)
        table[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c)
        table[c] = table[c - 'a' + 'A'] = true;
    for (const char c : std::string_view{"-.!%*_+`'~"})
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

constexpr bool is_token_char(char c) {
    return token_chars[static_cast<unsigned char>(c)];
}

constexpr bool is_token(std::string_view text) {
    for (const char c : text)
        if (!is_token_char(c))
            return false;
    return !text.empty();
}

constexpr bool same_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

/// Are so many octets the same? As memcmp() says it, without a call for what most names are.
inline bool same_octets(const char* a, const char* b, std::size_t size) {
    const auto same = [&]<typename Word>(Word, std::size_t at) {
        Word x = 0;
        Word y = 0;
        std::memcpy(&x, a + at, sizeof x);
        std::memcpy(&y, b + at, sizeof y);
        return x == y;
    };
    if (size >= 4 && size <= 8)
        return same(std::uint32_t{}, 0) && same(std::uint32_t{}, size - 4);
    if (size >= 2 && size <= 3)
        return same(std::uint16_t{}, 0) && same(std::uint16_t{}, size - 2);
    return std::memcmp(a, b, size) == 0;
}

constexpr std::string_view trim_left(std::string_view text) {
    while (!text.empty() && is_lws(text.front()))
        text.remove_prefix(1);
    return text;
}

constexpr std::string_view trim(std::string_view text) {
    text = trim_left(text);
    while (!text.empty() && is_lws(text.back()))
        text.remove_suffix(1);
    return text;
}

/// Takes the longest token off the front; empty when there is none.
std::string_view take_token(std::string_view& text) noexcept;

/// All digits, at most `max`. What is too large is nothing, too.
std::optional<std::uint32_t> number(std::string_view digits, std::uint32_t max) noexcept;

/// All digits; a value beyond 32 bits counts as the largest.
std::optional<std::uint32_t> saturated(std::string_view digits) noexcept;

/// Length of the quoted string at the start of `text`, with its quotes; 0 if it has no end.
std::size_t quoted_length(std::string_view text) noexcept;

/// Takes the first element of a comma-separated list off the front, trimmed; quoted strings and angle
/// brackets keep their commas. Nothing when a quote or bracket has no end.
std::optional<std::string_view> take_element(std::string_view& list) noexcept;

struct Parameter {
    std::string_view name;
    std::string_view value; ///< a quoted string keeps its quotes
    bool has_value{false};
};

enum class Step : std::uint8_t { taken, end, malformed };

/// Takes `;name` or `;name=value` off the front, with blanks wherever they are legal.
Step take_parameter(std::string_view& text, Parameter& parameter) noexcept;

/// name-addr or addr-spec with parameters behind it, as in From, To and Contact.
struct NamedAddress {
    std::string_view uri;
    std::string_view parameters; ///< begins with `;`, or is empty
};
std::optional<NamedAddress> named_address(std::string_view value) noexcept;

/// One line of the header section with its folded continuations, without the line end.
/// `text` is what is left. Nothing when the line has no end.
std::optional<std::string_view> take_line(std::string_view& text) noexcept;
std::optional<std::string_view> take_folded_line(std::string_view& text) noexcept;

} // namespace tandem::wire::sip_text
