// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Looking into the JSON form of a status that may come from another version, or be spoilt: what is absent or
// of another type reads as empty.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::status {

/// The value at the end of the chain of keys; null when there is none.
const boost::json::value& look(const boost::json::value& root, std::initializer_list<std::string_view> keys);

/// A string, made printable and cut at a sensible length; otherwise empty.
std::string text_of(const boost::json::value& value);
std::optional<std::uint64_t> count_of(const boost::json::value& value);
std::optional<double> number_of(const boost::json::value& value);
/// True only for `true`.
bool is_true(const boost::json::value& value);
bool is_false(const boost::json::value& value);
const boost::json::array& array_of(const boost::json::value& value);
const boost::json::object& object_of(const boost::json::value& value);

/// The element of an array of objects whose `name` is this; null when there is none.
const boost::json::value& named(const boost::json::value& array, std::string_view name);

/// Printable ASCII and well-formed UTF-8 beyond it stay, control characters become "?".
std::string printable(std::string_view text);

} // namespace tandem::status
