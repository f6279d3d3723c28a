// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/target.hh"

#include <algorithm>
#include <optional>

namespace tandem::https {
namespace {

constexpr std::size_t part_size_max = 64;
constexpr std::size_t parts_max = 16;

int digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/// One segment, key or value, decoded.
std::optional<std::string> read_part(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size())
                return std::nullopt;
            const int high = digit(text[i + 1]);
            const int low = digit(text[i + 2]);
            if (high < 0 || low < 0)
                return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (!is_name_character(c) || out.size() == part_size_max)
            return std::nullopt;
        out += c;
    }
    return out;
}

std::expected<void, std::string_view> read_path(std::string_view text, Target& target) {
    while (!text.empty()) {
        text.remove_prefix(1); // the slash
        const auto end = std::min(text.find('/'), text.size());
        auto part = read_part(text.substr(0, end));
        if (!part || part->empty() || *part == "." || *part == ".." || target.path.size() == parts_max)
            return std::unexpected("the path has something in it that no path here has");
        target.path.push_back(std::move(*part));
        text.remove_prefix(end);
    }
    return {};
}

std::expected<void, std::string_view> read_query(std::string_view text, Target& target) {
    for (;;) {
        const auto end = std::min(text.find('&'), text.size());
        const std::string_view pair = text.substr(0, end);
        const auto equals = pair.find('=');
        auto key = read_part(pair.substr(0, std::min(equals, pair.size())));
        if (equals == std::string_view::npos || !key || key->empty())
            return std::unexpected("the query is not a list of keys with values");
        auto value = read_part(pair.substr(equals + 1));
        if (!value)
            return std::unexpected("a value of the query has something in it that no value here has");
        if (std::ranges::any_of(target.query, [&](const auto& known) { return known.first == *key; }))
            return std::unexpected("a key of the query is there twice");
        if (target.query.size() == parts_max)
            return std::unexpected("the query has too many keys");
        target.query.emplace_back(std::move(*key), std::move(*value));
        if (end == text.size())
            return {};
        text.remove_prefix(end + 1);
    }
}

} // namespace

std::expected<Target, std::string_view> read_target(std::string_view text) {
    constexpr std::string_view scheme = "https://";
    if (text.size() > target_size_max)
        return std::unexpected("the target is too long");
    if (text.starts_with(scheme)) {
        text.remove_prefix(scheme.size());
        const auto end = std::min(text.find('/'), text.size());
        if (end == 0 || text.substr(0, end).find('@') != std::string_view::npos)
            return std::unexpected("the target names no host");
        text.remove_prefix(end);
    }
    if (!text.starts_with('/'))
        return std::unexpected("the target is not a path");
    Target target;
    const auto question = text.find('?');
    if (const auto read = read_path(text.substr(0, std::min(question, text.size())), target); !read)
        return std::unexpected(read.error());
    if (question != std::string_view::npos)
        if (const auto read = read_query(text.substr(question + 1), target); !read)
            return std::unexpected(read.error());
    return target;
}

} // namespace tandem::https
