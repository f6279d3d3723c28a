// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What name servers have said, for as long as they said it holds.
//
// Problem: a check asks for the same name every few seconds; a name server that falls silent must not take
// the checks with it. Idea: a bounded table by name and type. An entry is fresh for its time to live, within
// a floor and a ceiling; what has expired is kept as well, until there is no room, and is the answer when the
// name server gives none (RFC 8767). Pure: time is an argument.

#include "control/ha/time.hh"
#include "control/resolve/record.hh"

#include <map>
#include <string>
#include <utility>

namespace tandem::resolve {

struct CacheBounds {
    std::size_t entries{4096};
    ha::Duration floor{std::chrono::seconds{5}};      ///< fresh for at least so long
    ha::Duration ceiling{std::chrono::seconds{3600}}; ///< and at most so long
    ha::Duration nothing{std::chrono::seconds{30}};   ///< that there is no such record
    ha::Duration stale{std::chrono::hours{24}};       ///< an expired entry is still of use
};

enum class Freshness : std::uint8_t { fresh, expired };

class Cache {
public:
    explicit Cache(const CacheBounds& bounds = {})
        : bounds_(bounds) {}

    struct Found {
        const Records* records;
        Freshness freshness;
    };
    /// The records are good until the next add().
    std::optional<Found> find(ha::Instant now, const std::string& name, RecordType type) const;
    /// What a name server said; that there is nothing is an answer too.
    void add(ha::Instant now, const std::string& name, RecordType type, Records records);
    std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        Records records;
        ha::Instant until;
    };
    void make_room(ha::Instant now);
    CacheBounds bounds_;
    std::map<std::pair<std::string, RecordType>, Entry> entries_;
};

} // namespace tandem::resolve
