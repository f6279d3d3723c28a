// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The target of a request, taken apart once and strictly.
//
// Problem: `/v1/groups/%2e%2e/x`, `//`, `%00`, keys that stand twice: what two readers read differently is an
// attack sooner or later. Idea: after decoding, which is done once, only characters of names are left; the
// rest is refused. Forms of RFC 9112 section 3.2: origin-form, and absolute-form for https, whose authority
// says no more than Host does.

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::https {

struct Target {
    std::vector<std::string> path;                          ///< `/v1/status`: "v1", "status"
    std::vector<std::pair<std::string, std::string>> query; ///< each key once
};

inline constexpr std::size_t target_size_max = 1024;

/// A sentence on what is wrong.
std::expected<Target, std::string_view> read_target(std::string_view text);

} // namespace tandem::https
