// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One node's events: what is on disk, then what is only in memory.
//
// Problem: what happened a moment ago is in memory and may not be on disk yet, or never if the disk refuses;
// what happened last week is only on disk; much is in both. Idea: the disk's in the order in which they were
// written, without those that are in memory too, and then those. Deliberately absent: threads; this reads
// files.

#include "control/ledger/query.hh"
#include "control/ledger/segments.hh"

#include <optional>
#include <span>

namespace tandem::ledger {

class History {
public:
    /// `recent`: those in memory, in order. Both must outlive it.
    History(Segments& segments, std::span<const EntryPtr> recent);

    /// The oldest that the filter lets through. `after`: only those behind it; all when it is not there.
    Slice oldest(const Filter& filter, const std::optional<Position>& after, std::size_t limit);
    /// The newest, in order as well.
    Slice newest(const Filter& filter, std::size_t limit);

private:
    bool in_memory(const Entry& entry) const;
    /// Nothing when `after` is to be met and was not.
    std::optional<Slice> walk(const Filter& filter, const std::optional<Position>& after, std::size_t limit);

    Segments& segments_;
    std::span<const EntryPtr> recent_;
    std::vector<Position> begins_; ///< of each life that memory knows: its first there
};

/// Behind which of them `after` stands; nothing when that cannot be told from them. Those in memory often
/// are enough.
std::optional<std::size_t> index_after(std::span<const EntryPtr> entries, const Position& after);

} // namespace tandem::ledger
