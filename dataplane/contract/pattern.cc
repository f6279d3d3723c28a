// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/pattern.hh"

#include <cstddef>

namespace tandem::contract {
namespace {

using wire::SipMethod;

constexpr std::uint32_t all_bits = 0xffffffffU;
/// What is quoted from the pattern in an error is cut to this length.
constexpr std::size_t quoted_max = 32;

constexpr std::uint32_t bit_of(SipMethod method) {
    return 1U << static_cast<unsigned>(method);
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
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

/// Printable: a pattern comes from a file or an operator, and goes to a terminal.
std::string quoted(std::string_view text) {
    std::string result{"\""};
    for (const char c : text.substr(0, quoted_max))
        result += (c >= ' ' && c <= '~') ? c : '?';
    return result + (text.size() > quoted_max ? "...\"" : "\"");
}

std::string list(std::uint32_t bits, std::string_view separator) {
    std::string result;
    for (unsigned i = 0; i < static_cast<unsigned>(SipMethod::other); ++i) {
        if ((bits & (1U << i)) == 0)
            continue;
        if (!result.empty())
            result += separator;
        result += wire::to_string(static_cast<SipMethod>(i));
    }
    return result;
}

std::expected<SipMethod, std::string> method_of(std::string_view part, std::string_view pattern) {
    if (part.empty())
        return std::unexpected("a method name is missing in " + quoted(pattern) +
                               ": write names with one \"|\" between them, for example \"INVITE|BYE\"");
    if (part.front() == '!')
        return std::unexpected("\"!\" stands before " + quoted(part) +
                               ": write it once, in front of the whole list; it then excludes every name");
    const SipMethod method = wire::sip_method(upper(part));
    if (method == SipMethod::other)
        return std::unexpected(quoted(part) + " is not a method that a pattern can name: use one of " +
                               list(all_bits, ", "));
    return method;
}

} // namespace

std::expected<RequestPattern, std::string> RequestPattern::parse(std::string_view text) {
    const std::string_view pattern = trimmed(text);
    RequestPattern result;
    if (pattern.empty())
        return result;
    const bool excludes = pattern.front() == '!';
    std::string_view rest = excludes ? pattern.substr(1) : pattern;
    std::uint32_t named = 0;
    for (;;) {
        const auto bar = rest.find('|');
        const auto method = method_of(trimmed(rest.substr(0, bar)), pattern);
        if (!method)
            return std::unexpected(method.error());
        named |= bit_of(*method);
        if (bar == std::string_view::npos)
            break;
        rest.remove_prefix(bar + 1);
    }
    result.requests_ = excludes ? all_bits & ~named : named;
    result.responses_ = excludes ? all_bits & ~named : 0;
    return result;
}

std::string RequestPattern::to_string() const {
    if (responses_ == 0)
        return list(requests_, "|");
    if (requests_ == all_bits)
        return {};
    return "!" + list(~requests_, "|");
}

} // namespace tandem::contract
