// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_reply.hh"

#include "dataplane/wire/sip.hh"

#include <algorithm>

namespace tandem::probe {
namespace {

constexpr std::size_t values_max = 16;
constexpr std::size_t branch_max = 128;

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

/// Takes a line off the front, without its end.
std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

} // namespace

std::optional<std::uint16_t> status_for(std::string_view message, const SipMark& mark) {
    if (message.size() > sip_message_max || wire::classify_datagram(message) != wire::SipContent::response)
        return std::nullopt;
    const auto read = wire::parse_sip(message);
    if (!read || read->kind != wire::SipKind::response || read->via.branch != mark.branch ||
        read->call_id != mark.call_id || read->from.tag != mark.from_tag || read->cseq != mark.cseq ||
        read->method_name != mark.method || read->status > 699)
        return std::nullopt;
    return read->status;
}

std::optional<std::string_view> branch_of_response(std::string_view message) {
    if (message.size() > sip_message_max || wire::classify_datagram(message) != wire::SipContent::response)
        return std::nullopt;
    const auto read = wire::parse_sip(message);
    if (!read || read->via.branch.empty())
        return std::nullopt;
    return read->via.branch;
}

std::optional<std::string_view> branch_of_quoted(std::string_view part) {
    constexpr std::string_view name = ";branch=";
    const std::size_t at = part.substr(0, 1024).find(name);
    if (at == std::string_view::npos)
        return std::nullopt;
    const std::string_view rest = part.substr(at + name.size(), branch_max);
    const std::size_t end = rest.find_first_of("\r;, \n");
    if (end == std::string_view::npos)
        return std::nullopt;
    return rest.substr(0, end);
}

std::vector<std::string> header_values(std::string_view message, std::string_view name,
                                       std::string_view compact) {
    std::vector<std::string> values;
    std::string_view rest = message.substr(0, sip_message_max);
    take_line(rest);
    bool ours = false;
    while (!rest.empty()) {
        const std::string_view line = take_line(rest);
        if (line.empty())
            break;
        if (line.front() == ' ' || line.front() == '\t') { // RFC 3261 section 7.3.1: goes on
            if (ours)
                values.back().append(" ").append(trimmed(line));
            continue;
        }
        const std::size_t colon = line.find(':');
        const std::string_view field = trimmed(line.substr(0, colon));
        ours = colon != std::string_view::npos && values.size() < values_max &&
               (same(field, name) || (!compact.empty() && same(field, compact)));
        if (ours)
            values.emplace_back(trimmed(line.substr(colon + 1)));
    }
    return values;
}

std::string_view class_of(std::uint16_t status) {
    switch (status / 100) {
    case 1:
        return "provisional";
    case 2:
        return "success";
    case 3:
        return "redirection";
    case 4:
        return "request failure";
    case 5:
        return "server failure";
    case 6:
        return "global failure";
    default:
        return "no class of RFC 3261";
    }
}

} // namespace tandem::probe
