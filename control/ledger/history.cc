// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/history.hh"

#include <algorithm>

namespace tandem::ledger {

History::History(Segments& segments, std::span<const EntryPtr> recent)
    : segments_(segments)
    , recent_(recent) {
    for (const EntryPtr& entry : recent_)
        if (begins_.empty() || begins_.back().life != entry->life)
            begins_.push_back(position_of(*entry));
}

/// Numbers grow within a life, and those in memory are its last.
bool History::in_memory(const Entry& entry) const {
    return std::ranges::any_of(begins_, [&](const Position& begin) {
        return begin.life == entry.life && begin.sequence <= entry.sequence;
    });
}

std::optional<Slice> History::walk(const Filter& filter, const std::optional<Position>& after,
                                   std::size_t limit) {
    Slice out;
    bool met = !after;
    const auto take = [&](const EntryPtr& entry) {
        if (!met) {
            met = position_of(*entry) == *after;
            return true;
        }
        if (!matches(filter, *entry))
            return true;
        out.more = out.entries.size() == limit;
        if (!out.more)
            out.entries.push_back(entry);
        return !out.more;
    };
    // Numbers only grow: where memory reaches back to the one that is named, the disk is not asked.
    const bool enough =
        met && filter.after && !recent_.empty() && recent_.front()->sequence <= *filter.after + 1;
    for (std::size_t i = 0; i < segments_.count() && !enough; ++i) {
        if (met && filter.after && !segments_.may_be_above(i, *filter.after))
            continue;
        if (!met && !segments_.may_hold(i, *after))
            continue;
        if (met && filter.since_us && !segments_.may_be_after(i, *filter.since_us))
            continue;
        for (const EntryPtr& entry : segments_.read(i).entries)
            if (!in_memory(*entry) && !take(entry))
                return out;
    }
    for (const EntryPtr& entry : recent_)
        if (!take(entry))
            return out;
    return met ? std::optional{std::move(out)} : std::nullopt;
}

Slice History::oldest(const Filter& filter, const std::optional<Position>& after, std::size_t limit) {
    if (after && after->sequence > 0)
        if (auto found = walk(filter, after, limit))
            return *found;
    return walk(filter, std::nullopt, limit).value_or(Slice{});
}

Slice History::newest(const Filter& filter, std::size_t limit) {
    Slice out;
    const auto take = [&](const EntryPtr& entry) {
        if (!matches(filter, *entry))
            return true;
        out.more = out.entries.size() == limit;
        if (!out.more)
            out.entries.push_back(entry);
        return !out.more;
    };
    const auto collect = [&] {
        for (std::size_t i = recent_.size(); i-- > 0;)
            if (!take(recent_[i]))
                return;
        for (std::size_t i = segments_.count(); i-- > 0;) {
            if (filter.since_us && !segments_.may_be_after(i, *filter.since_us))
                continue;
            const auto entries = segments_.read(i).entries;
            for (std::size_t j = entries.size(); j-- > 0;)
                if (!in_memory(*entries[j]) && !take(entries[j]))
                    return;
        }
    };
    collect();
    std::ranges::reverse(out.entries);
    return out;
}

std::optional<std::size_t> index_after(std::span<const EntryPtr> entries, const Position& after) {
    if (entries.empty())
        return std::nullopt;
    const Entry& first = *entries.front();
    if (first.life == after.life && first.sequence == after.sequence + 1)
        return 0;
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (position_of(*entries[i]) == after)
            return i + 1;
    return std::nullopt;
}

} // namespace tandem::ledger
