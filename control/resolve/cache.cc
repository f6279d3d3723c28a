// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/resolve/cache.hh"

#include <algorithm>

namespace tandem::resolve {

std::optional<Cache::Found> Cache::find(ha::Instant now, const std::string& name, RecordType type) const {
    const auto entry = entries_.find({name, type});
    if (entry == entries_.end() || now >= entry->second.until + bounds_.stale)
        return std::nullopt;
    return Found{&entry->second.records, now < entry->second.until ? Freshness::fresh : Freshness::expired};
}

void Cache::add(ha::Instant now, const std::string& name, RecordType type, Records records) {
    const ha::Duration holds = records.empty() ? bounds_.nothing
                                               : std::clamp<ha::Duration>(std::chrono::seconds{records.ttl},
                                                                          bounds_.floor, bounds_.ceiling);
    if (!entries_.contains({name, type}) && entries_.size() >= bounds_.entries)
        make_room(now);
    entries_.insert_or_assign({name, type}, Entry{std::move(records), now + holds});
}

void Cache::make_room(ha::Instant now) {
    std::erase_if(entries_, [&](const auto& entry) { return entry.second.until + bounds_.stale <= now; });
    if (entries_.size() < bounds_.entries)
        return;
    const auto oldest = std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
        return a.second.until < b.second.until;
    });
    entries_.erase(oldest);
}

} // namespace tandem::resolve
