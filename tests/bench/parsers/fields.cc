// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/parsers/fields.hh"

#include <algorithm>
#include <array>

namespace tandem::bench {
namespace {

bool is_lws(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string one_blank(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (!is_lws(c))
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    if (!out.empty() && out.back() == ' ')
        out.pop_back();
    return out;
}

std::string quoted(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out{"\""};
    for (const char c : one_blank(text)) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x20 || octet >= 0x7f || c == '"' || c == '\\') {
            out += "\\u00";
            out += digits[octet >> 4U];
            out += digits[octet & 15U];
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string number_of(const std::optional<std::uint32_t>& value) {
    return value ? std::to_string(*value) : "null";
}

std::string list_of(const std::vector<std::string>& items) {
    std::string out{"["};
    for (const auto& item : items)
        out += (out.size() > 1 ? "," : "") + item;
    return out + ']';
}

std::string strings_of(const std::vector<std::string>& texts) {
    std::vector<std::string> items;
    for (const auto& text : texts)
        items.push_back(quoted(text));
    return list_of(items);
}

} // namespace

std::string to_json(const Fields& fields) {
    std::vector<std::string> contacts;
    for (const auto& [uri, expires] : fields.contacts)
        contacts.push_back("[" + quoted(uri) + "," + number_of(expires) + "]");
    const std::array<std::pair<std::string_view, std::string>, 18> members{{
        {"method", quoted(fields.method)},
        {"uri", quoted(fields.uri)},
        {"status", std::to_string(fields.status)},
        {"branch", quoted(fields.branch)},
        {"received", quoted(fields.received)},
        {"rport", quoted(fields.rport)},
        {"from_tag", quoted(fields.from_tag)},
        {"to_tag", quoted(fields.to_tag)},
        {"call_id", quoted(fields.call_id)},
        {"cseq", quoted(fields.cseq)},
        {"cseq_method", quoted(fields.cseq_method)},
        {"wildcard", fields.wildcard ? "true" : "false"},
        {"contacts", list_of(contacts)},
        {"expires", number_of(fields.expires)},
        {"routes", strings_of(fields.routes)},
        {"record_routes", strings_of(fields.record_routes)},
        {"paths", strings_of(fields.paths)},
        {"content_length", number_of(fields.content_length)},
    }};
    std::string out{"{"};
    for (const auto& [name, value] : members)
        out += (out.size() > 1 ? ",\"" : "\"") + std::string{name} + "\":" + value;
    return out + '}';
}

std::optional<std::uint32_t> seconds_of(std::string_view digits) {
    while (!digits.empty() && is_lws(digits.front()))
        digits.remove_prefix(1);
    while (!digits.empty() && is_lws(digits.back()))
        digits.remove_suffix(1);
    if (digits.empty())
        return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9')
            return std::nullopt;
        value = std::min<std::uint64_t>(value * 10 + static_cast<unsigned>(c - '0'), 0xffffffffU);
    }
    return static_cast<std::uint32_t>(value);
}

void add_uris(std::string_view value, std::vector<std::string>& uris) {
    bool in_quotes = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (in_quotes && value[i] == '\\') {
            ++i;
        } else if (value[i] == '"') {
            in_quotes = !in_quotes;
        } else if (!in_quotes && value[i] == '<') {
            const auto close = std::min(value.find('>', i), value.size());
            uris.emplace_back(value.substr(i + 1, close - i - 1));
            i = close;
        }
    }
}

} // namespace tandem::bench
