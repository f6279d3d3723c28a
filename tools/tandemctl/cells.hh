// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One field of a row that tandemd has sent, as it stands in a column: "-" where it is absent.

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace tandem::ctl {

std::string text_cell(const boost::json::value& row, std::string_view key);
std::string count_cell(const boost::json::value& row, std::string_view key);
/// `unit_ms`: what the number counts, in milliseconds.
std::string duration_cell(const boost::json::value& row, std::string_view key, double unit_ms = 1);

} // namespace tandem::ctl
