// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Columns of text.

#include <string>
#include <string_view>
#include <vector>

namespace tandem::status {

/// Rows of cells that are written with equal column widths, two blanks apart, without blanks at the ends of
/// lines.
class Columns {
public:
    explicit Columns(std::string_view indent)
        : indent_{indent} {}
    void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    std::string text() const;

private:
    std::string indent_;
    std::vector<std::vector<std::string>> rows_;
};

/// A duration for people: "850 ms", "12 s", "3 min 5 s", "2 h 10 min", "5 d 3 h".
std::string duration_text(double milliseconds);

/// A number with at most that many decimals and no trailing zeros.
std::string decimal_text(double number, int decimals);

} // namespace tandem::status
