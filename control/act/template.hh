// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Texts of actions with variables in them: "${group} is now ${role}".
//
// Problem: what a variable stands for may come from outside (the reason of an alarm, the name of a host), and
// it goes into mails, requests and programs. Idea: values are data. They are put in once and never looked at
// again, without control characters, so that no value can begin a line, and a variable's place is one
// argument whatever the value is. "$$" is a dollar sign. Deliberately absent: conditions, functions, files.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::act {

/// Names as in variable_names(); what is absent is empty.
using Variables = std::map<std::string, std::string, std::less<>>;

/// Every variable there is.
std::span<const std::string_view> variable_names();

struct TemplateFault {
    std::size_t offset{0};
    std::string what; ///< a sentence without a full stop
    std::string hint;
};

/// Whether a text can be expanded.
std::expected<void, TemplateFault> check_template(std::string_view text);

enum class Escape : std::uint8_t {
    none,
    json, ///< values are the inside of a JSON string
};

/// The text with the values in it. A text that check_template() refuses is returned as it is.
std::string expand(std::string_view text, const Variables& values, Escape escape = Escape::none);

/// For a program: TANDEM_GROUP=..., every variable that has a value.
std::vector<std::string> environment_of(const Variables& values);

/// A value as it is put in: no control character, well within `value_size_max` octets.
std::string clean_value(std::string_view value);
inline constexpr std::size_t value_size_max = 1024;

} // namespace tandem::act
