// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/tandemctl/cells.hh"

#include "control/status/layout.hh"
#include "control/status/reader.hh"

namespace tandem::ctl {

std::string text_cell(const boost::json::value& row, std::string_view key) {
    std::string text = status::text_of(status::look(row, {key}));
    return text.empty() ? "-" : text;
}

std::string count_cell(const boost::json::value& row, std::string_view key) {
    const auto count = status::count_of(status::look(row, {key}));
    return count ? std::to_string(*count) : "-";
}

std::string duration_cell(const boost::json::value& row, std::string_view key, double unit_ms) {
    const auto number = status::number_of(status::look(row, {key}));
    return number ? status::duration_text(*number * unit_ms) : "-";
}

} // namespace tandem::ctl
