// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What somebody wants to see of the events of both nodes, and the two nodes' events as one list.
//
// Problem: the clocks of two machines differ, and each may be set. Idea: the entries of one node never leave
// the order of their numbers; where the two lists are put together, the one whose next entry is earlier goes
// first, by the wall clock less what is known of the clocks' difference. Deliberately absent: where the
// entries come from (history.hh). Pure.

#include "control/ledger/alarm.hh"
#include "control/ledger/entry.hh"

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::ledger {

/// Which entries; what is empty does not matter.
struct Filter {
    std::string group{};
    std::string name{};                     ///< `*` stands for anything
    std::optional<Severity> severity{};     ///< at least
    std::optional<Gravity> gravity{};       ///< only events of alarms, of at least this severity
    std::optional<std::uint64_t> after{};   ///< only numbers above
    std::optional<std::int64_t> since_us{}; ///< not earlier, by order_us()
};
bool matches(const Filter& filter, const Entry& entry);

/// Whether the text is what the pattern says; linear in the text for each `*`.
bool matches(std::string_view pattern, std::string_view text);

/// One node's part of an answer, in the order of its numbers.
struct Slice {
    std::vector<EntryPtr> entries;
    bool more{false};
};

/// Which end counts where there is more than was asked for.
enum class From : std::uint8_t { oldest, newest };

/// Both as one, at most `limit` of them; `more` when something was left out.
Slice merge(const std::array<Slice, 2>& slices, std::size_t limit, From from);

/// A moment as people write it: `30s`, `10m`, `2h`, `3d` ago; `2026-11-22`, `2026-11-22T16:00`,
/// `2026-11-22T16:00:05.25`, with `Z` or `+01:00` behind it or in this machine's time. Microseconds since
/// 1970, or what is wrong.
std::expected<std::int64_t, std::string> moment_of(std::string_view text, std::int64_t now_us);

} // namespace tandem::ledger
