// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One event, and its line in a file.
//
// Problem: a number is the name under which people and programs speak of an event, on both nodes and after
// any restart; but a machine that loses its disk, or the last moments before a crash, would give a number
// twice. Idea: an event is known by its node, a random number for the life of that node's journal, and its
// sequence number; the life is a new one whenever numbers may come again. A line is one JSON object. What is
// read back came from a disk or from another machine: it is bounded, and anything else than an event is told
// apart. Deliberately absent: files (segments.hh), what events there are (docs/events.md). Pure.

#include "control/ha/time.hh"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::ledger {

enum class Severity : std::uint8_t { info, warning, error };

std::string_view to_string(Severity severity);
std::optional<Severity> severity_of(std::string_view word);

struct Entry {
    std::uint64_t sequence{0};
    std::string time; ///< ISO 8601 with microseconds and zone, by the clock of its own node
    ha::Instant at{}; ///< by the monotonic clock of its own node
    Severity severity{Severity::info};
    std::string name;
    std::string group; ///< empty: concerns the node
    std::string text;
    boost::json::object data; ///< measured values

    std::string node; ///< its name
    std::uint8_t node_id{0};
    std::uint32_t life{0};    ///< of the node's journal, see above
    std::int64_t wall_us{0};  ///< `time` as microseconds since 1970
    std::int64_t ahead_us{0}; ///< of the peer's: by how much its clock was ahead of ours, as far as known

    /// What entries of both nodes are ordered by.
    std::int64_t order_us() const { return wall_us - ahead_us; }
};
using EntryPtr = std::shared_ptr<const Entry>;

/// Up to where somebody has one node's entries.
struct Position {
    std::uint32_t life{0};
    std::uint64_t sequence{0}; ///< 0: nothing yet
    bool operator==(const Position&) const = default;
};
inline Position position_of(const Entry& entry) {
    return {entry.life, entry.sequence};
}
/// `life:sequence`, and back.
std::string to_string(const Position& position);
std::optional<Position> position_of(std::string_view text);

boost::json::object to_json(const Entry& entry);
std::expected<Entry, std::string_view> entry_of(const boost::json::value& value);

/// Longest line, its end not counted. What is longer loses its data, then the end of its text.
inline constexpr std::size_t line_max = 16 * 1024;
/// As a line, which ends in a newline.
std::string to_line(const Entry& entry);

/// What stands beside the events: where a run of the brain begins, and that one ended in order.
struct Mark {
    enum class Kind : std::uint8_t { begins, ended } kind{};
    std::string boot; ///< of `begins`: the kernel's number for this start of the machine
};
std::string to_line(const Mark& mark);

/// The content of a file, or the end of one.
struct Reading {
    std::vector<EntryPtr> entries;
    std::size_t whole{0};   ///< octets up to the end of the last line that has one
    std::size_t damaged{0}; ///< lines that are neither an event nor a mark
    std::string boot;       ///< of the last run that begins in it; empty: none does
    bool ended{false};      ///< its last line says so
};
Reading read_lines(std::string_view text);

} // namespace tandem::ledger
