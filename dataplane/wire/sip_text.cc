// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_text.hh"

#include <limits>

namespace tandem::wire::sip_text {

std::string_view take_token(std::string_view& text) noexcept {
    std::size_t length = 0;
    while (length < text.size() && is_token_char(text[length]))
        ++length;
    const auto token = text.substr(0, length);
    text.remove_prefix(length);
    return token;
}

std::optional<std::uint32_t> number(std::string_view digits, std::uint32_t max) noexcept {
    if (digits.empty())
        return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (!is_digit(c))
            return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
        if (value > max)
            return std::nullopt;
    }
    return static_cast<std::uint32_t>(value);
}

std::optional<std::uint32_t> saturated(std::string_view digits) noexcept {
    constexpr auto max = std::numeric_limits<std::uint32_t>::max();
    if (digits.empty())
        return std::nullopt;
    for (const char c : digits)
        if (!is_digit(c))
            return std::nullopt;
    return number(digits, max).value_or(max);
}

std::size_t quoted_length(std::string_view text) noexcept {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\')
            ++i; // RFC 3261 section 25.1, quoted-pair
        else if (text[i] == '"')
            return i + 1;
    }
    return 0;
}

std::optional<std::string_view> take_element(std::string_view& list) noexcept {
    std::size_t i = 0;
    while (i < list.size() && list[i] != ',') {
        if (list[i] == '"') {
            const std::size_t length = quoted_length(list.substr(i));
            if (length == 0)
                return std::nullopt;
            i += length;
        } else if (list[i] == '<') {
            const auto close = list.find('>', i);
            if (close == std::string_view::npos)
                return std::nullopt;
            i = close + 1;
        } else {
            ++i;
        }
    }
    const auto element = trim(list.substr(0, i));
    list.remove_prefix(i < list.size() ? i + 1 : i);
    return element;
}

Step take_parameter(std::string_view& text, Parameter& parameter) noexcept {
    text = trim_left(text);
    if (text.empty())
        return Step::end;
    if (text.front() != ';')
        return Step::malformed;
    text = trim_left(text.substr(1));
    parameter = {};
    parameter.name = take_token(text);
    if (parameter.name.empty())
        return Step::malformed;
    text = trim_left(text);
    if (text.empty() || text.front() != '=')
        return Step::taken;
    text = trim_left(text.substr(1));
    parameter.has_value = true;
    if (!text.empty() && text.front() == '"') {
        const std::size_t length = quoted_length(text);
        if (length == 0)
            return Step::malformed;
        parameter.value = text.substr(0, length);
        text.remove_prefix(length);
        return Step::taken;
    }
    std::size_t length = 0;
    while (length < text.size() && text[length] != ';' && !is_lws(text[length]))
        ++length;
    if (length == 0)
        return Step::malformed;
    parameter.value = text.substr(0, length);
    text.remove_prefix(length);
    return Step::taken;
}

std::optional<NamedAddress> named_address(std::string_view value) noexcept {
    value = trim(value);
    std::size_t i = 0;
    while (i < value.size() && value[i] != '<') {
        if (value[i] == '"') {
            const std::size_t length = quoted_length(value.substr(i));
            if (length == 0)
                return std::nullopt;
            i += length;
        } else if (value[i] == ';') {
            break; // an addr-spec: what follows are parameters of the header field (RFC 3261 section 20.10)
        } else {
            ++i;
        }
    }
    NamedAddress address;
    if (i < value.size() && value[i] == '<') {
        const auto close = value.find('>', i);
        if (close == std::string_view::npos)
            return std::nullopt;
        address.uri = trim(value.substr(i + 1, close - i - 1));
        address.parameters = trim(value.substr(close + 1));
    } else {
        address.uri = trim(value.substr(0, i));
        address.parameters = value.substr(i);
        for (const char c : address.uri)
            if (is_lws(c) || c == '"')
                return std::nullopt;
    }
    if (address.uri.empty() || (!address.parameters.empty() && address.parameters.front() != ';'))
        return std::nullopt;
    return address;
}

std::optional<std::string_view> take_line(std::string_view& text) noexcept {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
        return std::nullopt;
    auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    // A line end is CRLF (RFC 3261 section 7); a lone LF is taken as one too, because servers do.
    if (!line.empty() && line.back() == '\r')
        line.remove_suffix(1);
    return line;
}

std::optional<std::string_view> take_folded_line(std::string_view& text) noexcept {
    const std::string_view whole = text;
    auto line = take_line(text);
    if (!line || line->empty())
        return line;
    while (!text.empty() && is_blank(text.front())) {
        const auto more = take_line(text);
        if (!more)
            return std::nullopt;
        line = whole.substr(0, static_cast<std::size_t>(more->data() + more->size() - whole.data()));
    }
    return line;
}

} // namespace tandem::wire::sip_text
