// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What happened, for people and programs: numbered, named, timed.
//
// The last events are kept in memory within a bound and go to the log as they come. Names are stable. One
// thread. Deliberately absent: keeping events across a restart of the brain (the log does).

#include "control/config/config.hh"
#include "control/ha/time.hh"

#include <boost/json/object.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace tandem::app {

enum class Severity : std::uint8_t { info, warning, error };

struct JournalEntry {
    std::uint64_t sequence{0};
    std::string time; ///< ISO 8601 with microseconds and zone
    ha::Instant at{};
    Severity severity{Severity::info};
    std::string name;
    std::string group; ///< empty: concerns the node
    std::string text;
    boost::json::object data; ///< measured values
};

boost::json::object to_json(const JournalEntry& entry);

class Journal {
public:
    static constexpr std::size_t entries_max = 4096;

    Journal(config::LogTarget target, const std::string& node_name);

    /// Called with every new entry, after it was kept and logged.
    void on_entry(std::function<void(const JournalEntry&)> listener) { listener_ = std::move(listener); }

    void add(Severity severity, std::string_view name, std::string_view group, std::string text,
             boost::json::object data = {});

    /// Entries with a sequence number above `since`, oldest first.
    const std::deque<JournalEntry>& entries() const { return entries_; }

private:
    std::shared_ptr<spdlog::logger> logger_;
    std::deque<JournalEntry> entries_;
    std::function<void(const JournalEntry&)> listener_;
    std::uint64_t next_{1};
};

} // namespace tandem::app
