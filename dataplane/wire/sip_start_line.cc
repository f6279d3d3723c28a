// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_start_line.hh"

#include "dataplane/wire/sip_text.hh"

#include <algorithm>

namespace tandem::wire::sip_text {
namespace {

constexpr std::string_view version_name{"SIP/"};

/// Length of `SIP/` digits `.` digits at the start of `text`, in either case; 0 if it is something else.
std::size_t version_length(std::string_view text) noexcept {
    if (!same_ignoring_case(text.substr(0, version_name.size()), version_name))
        return 0;
    std::size_t i = version_name.size();
    const std::size_t major = i;
    while (i < text.size() && is_digit(text[i]))
        ++i;
    if (i == major || i == text.size() || text[i] != '.')
        return 0;
    const std::size_t minor = ++i;
    while (i < text.size() && is_digit(text[i]))
        ++i;
    return i == minor ? 0 : i;
}

/// The SIP version that ends `line` behind a blank; empty if there is none.
std::string_view version_at_end(std::string_view line) noexcept {
    const auto blank = line.find_last_of(" \t");
    if (blank == std::string_view::npos)
        return {};
    const auto word = line.substr(blank + 1);
    return version_length(word) == word.size() ? word : std::string_view{};
}

} // namespace

std::expected<StartLine, SipError> find_start_line(std::string_view datagram) noexcept {
    if (datagram.size() > sip_octets_max)
        return std::unexpected(SipError::too_long);
    while (!datagram.empty() && (datagram.front() == '\r' || datagram.front() == '\n'))
        datagram.remove_prefix(1);
    StartLine start;
    start.rest = datagram;
    const auto line = take_line(start.rest);
    start.has_end = line.has_value();
    start.line = line.value_or(datagram);
    if (!start.has_end)
        start.rest = {};
    if (const std::size_t length = version_length(start.line);
        length > 0 && length < start.line.size() && is_blank(start.line[length])) {
        start.kind = SipKind::response;
        start.version = start.line.substr(0, length);
        return start;
    }
    std::string_view after_method = start.line;
    start.method = take_token(after_method);
    if (start.method.empty() || after_method.empty() || !is_blank(after_method.front()))
        return std::unexpected(SipError::not_sip);
    // Blanks behind the version are forbidden but clear; strict_request refuses them.
    start.version = version_at_end(trim(start.line));
    if (start.version.empty())
        return std::unexpected(SipError::not_sip);
    return start;
}

std::expected<std::string_view, SipError> strict_request(const StartLine& start) noexcept {
    if (start.version.data() + start.version.size() != start.line.data() + start.line.size())
        return std::unexpected(SipError::start_line);
    const std::size_t around = start.method.size() + 1 + 1 + start.version.size();
    if (start.line.size() <= around || start.line[start.method.size()] != ' ')
        return std::unexpected(SipError::start_line);
    if (start.line[start.line.size() - start.version.size() - 1] != ' ')
        return std::unexpected(SipError::start_line);
    const auto uri = start.line.substr(start.method.size() + 1, start.line.size() - around);
    if (is_blank(uri.front()) || is_blank(uri.back()))
        return std::unexpected(SipError::start_line);
    // RFC 3261 section 7.1: no unescaped space or control character, no angle brackets.
    const bool clean = std::all_of(uri.begin(), uri.end(), [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return octet > 0x20 && octet != 0x7f && c != '<' && c != '>' && c != '"';
    });
    if (!clean)
        return std::unexpected(SipError::request_uri);
    return uri;
}

std::expected<Status, SipError> strict_status(const StartLine& start) noexcept {
    std::string_view rest = start.line.substr(start.version.size());
    if (rest.empty() || rest.front() != ' ')
        return std::unexpected(SipError::start_line);
    rest.remove_prefix(1);
    // RFC 3261 section 7.2: three digits. The space behind them is there even when the reason is empty; that
    // it is missing then is common and clear.
    const auto digits = rest.substr(0, rest.find(' '));
    const auto code = number(digits, 999);
    if (digits.size() != 3 || !code || *code < 100)
        return std::unexpected(SipError::status_code);
    rest.remove_prefix(digits.size());
    if (!rest.empty())
        rest.remove_prefix(1);
    return Status{static_cast<std::uint16_t>(*code), rest};
}

} // namespace tandem::wire::sip_text
