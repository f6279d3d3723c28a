// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The text of the configuration as a tree of values that know where they stand.
//
// Problem: every complaint about a value needs its line and column, and the file format's library should be
// known to one file only. Idea: the library parses; what it found is copied into plain values with a place
// each. Deliberately absent: what the keys mean (schema.hh).

#include "control/config/load.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tandem::config {

/// Where something stands in the file; line 1 is the first, line 0 means "nowhere".
struct Place {
    std::size_t line{0};
    std::size_t column{0};
};

struct Entry;

using Table = std::vector<Entry>;

struct Value {
    using Array = std::vector<Value>;
    /// Dates and times: well-formed, but no key takes one.
    struct Moment {};

    Place place;
    std::variant<Moment, bool, std::int64_t, double, std::string, Array, Table> data;

    /// What the value is, in the words of the file format, with an article: "a string", "a table".
    std::string_view kind() const;
};

struct Entry {
    std::string key;
    Place place; ///< of the key
    Value value;
};

/// Longer texts are refused unread. Ten thousand checks have room.
inline constexpr std::size_t text_size_max = 4 * 1024 * 1024;

/// Parses the text. A file that is not well-formed has one problem: nothing behind it can be trusted.
std::expected<Table, Problem> read_document(std::string_view text, const std::string& file);

/// A text from the file as it may be shown to people: in quotes, printable, cut at a sensible length.
std::string quoted(std::string_view text);

} // namespace tandem::config
