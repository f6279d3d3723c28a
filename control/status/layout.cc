// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/layout.hh"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>

namespace tandem::status {
namespace {

/// Characters, not octets: continuation octets of UTF-8 take no place.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string two(long long whole, std::string_view unit, long long part, std::string_view part_unit) {
    std::string text = std::to_string(whole) + " " + std::string{unit};
    if (part > 0)
        text += " " + std::to_string(part) + " " + std::string{part_unit};
    return text;
}

} // namespace

std::string Columns::text() const {
    std::vector<std::size_t> widths;
    for (const auto& cells : rows_) {
        widths.resize(std::max(widths.size(), cells.size()));
        for (std::size_t i = 0; i < cells.size(); ++i)
            widths[i] = std::max(widths[i], width(cells[i]));
    }
    std::string result;
    for (const auto& cells : rows_) {
        std::string line = indent_;
        for (std::size_t i = 0; i < cells.size(); ++i)
            line += cells[i] + std::string(widths[i] - width(cells[i]) + 2, ' ');
        line.erase(line.find_last_not_of(' ') + 1);
        result += line + "\n";
    }
    return result;
}

std::string duration_text(double milliseconds) {
    if (!std::isfinite(milliseconds) || milliseconds < 0 || milliseconds > 1e15)
        return "-";
    const auto whole = static_cast<long long>(milliseconds);
    const long long seconds = whole / 1000;
    if (seconds == 0)
        return std::to_string(whole) + " ms";
    if (seconds < 60)
        return std::to_string(seconds) + " s";
    if (seconds < 3600)
        return two(seconds / 60, "min", seconds % 60, "s");
    if (seconds < 86400)
        return two(seconds / 3600, "h", seconds % 3600 / 60, "min");
    return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

std::string decimal_text(double number, int decimals) {
    if (!std::isfinite(number))
        return "-";
    std::array<char, 64> buffer{};
    const int length =
        std::snprintf(buffer.data(), buffer.size(), "%.*f", std::clamp(decimals, 0, 9), number);
    if (length < 0 || static_cast<std::size_t>(length) >= buffer.size())
        return "-";
    std::string text{buffer.data()};
    if (text.find('.') != std::string::npos) {
        text.erase(text.find_last_not_of('0') + 1);
        if (text.ends_with('.'))
            text.pop_back();
    }
    return text;
}

} // namespace tandem::status
