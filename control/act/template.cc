// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/act/template.hh"

#include <algorithm>
#include <array>
#include <functional>

namespace tandem::act {
namespace {

constexpr std::array<std::string_view, 16> names{
    "alarm",  "check", "epoch",       "group",    "list", "node", "pair",    "peer",
    "reason", "role",  "role_before", "severity", "text", "time", "trigger", "vip"};

std::string all_names() {
    std::string out;
    for (const std::string_view name : names)
        out += (out.empty() ? "" : ", ") + std::string{name};
    return out;
}

/// Walks over a text: what stands there literally, and the names of variables. The first fault, or nothing.
std::expected<void, TemplateFault> walk(std::string_view text,
                                        const std::function<void(std::string_view)>& literal,
                                        const std::function<void(std::string_view)>& variable) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t dollar = std::min(text.find('$', at), text.size());
        literal(text.substr(at, dollar - at));
        if (dollar == text.size())
            return {};
        const char next = dollar + 1 < text.size() ? text[dollar + 1] : '\0';
        if (next != '{') {
            literal("$");
            at = dollar + (next == '$' ? 2 : 1);
            continue;
        }
        const std::size_t end = text.find('}', dollar);
        if (end == std::string_view::npos)
            return std::unexpected(
                TemplateFault{dollar, "a variable has no end", "write ${group}, or $$ for a dollar sign"});
        const std::string_view name = text.substr(dollar + 2, end - dollar - 2);
        if (std::ranges::find(names, name) == names.end())
            return std::unexpected(TemplateFault{dollar, "there is no such variable",
                                                 "there are: " + all_names() + "; $$ is a dollar sign"});
        variable(name);
        at = end + 1;
    }
    return {};
}

std::string json_inside(std::string_view value) {
    std::string out;
    for (const char c : value) { // there are no control characters left
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out;
}

} // namespace

std::span<const std::string_view> variable_names() {
    return names;
}

std::expected<void, TemplateFault> check_template(std::string_view text) {
    const auto nothing = [](std::string_view) {};
    return walk(text, nothing, nothing);
}

std::string clean_value(std::string_view value) {
    std::string out;
    for (std::size_t i = 0; i < value.size() && out.size() < value_size_max; ++i) {
        const auto octet = static_cast<unsigned char>(value[i]);
        const bool c1 =
            octet == 0xc2 && i + 1 < value.size() && static_cast<unsigned char>(value[i + 1]) < 0xa0;
        if (c1)
            ++i;
        else if (octet == '\n' || octet == '\r' || octet == '\t')
            out += ' ';
        else if (octet >= 0x20 && octet != 0x7f)
            out += value[i];
    }
    // A cut may have left the beginning of a character.
    if (out.size() == value_size_max) {
        while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0U) == 0x80U)
            out.pop_back();
        if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0x80U)
            out.pop_back();
    }
    return out;
}

std::string expand(std::string_view text, const Variables& values, Escape escape) {
    std::string out;
    const auto done = walk(
        text, [&](std::string_view literal) { out += literal; },
        [&](std::string_view name) {
            const auto found = values.find(name);
            if (found == values.end())
                return;
            const std::string value = clean_value(found->second);
            out += escape == Escape::json ? json_inside(value) : value;
        });
    return done ? out : std::string{text};
}

std::vector<std::string> environment_of(const Variables& values) {
    std::vector<std::string> out;
    for (const auto& [name, value] : values) {
        if (value.empty() || std::ranges::find(names, std::string_view{name}) == names.end())
            continue;
        std::string variable = "TANDEM_";
        for (const char c : name)
            variable += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        out.push_back(variable + "=" + clean_value(value));
    }
    return out;
}

} // namespace tandem::act
