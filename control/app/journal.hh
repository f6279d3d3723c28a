// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What happened, for people and programs: numbered, named, timed.
//
// The last events are kept in memory within a bound and go to the log as they come. Names are stable; they
// are listed in docs/events.md. One thread. Deliberately absent: the disk and the other node
// (ledger_desk.hh).

#include "control/config/config.hh"
#include "control/ha/time.hh"
#include "control/ledger/entry.hh"

#include <boost/json/object.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace tandem::app {

using ledger::Severity;
using ledger::to_json;
using JournalEntry = ledger::Entry;

class Journal {
public:
    static constexpr std::size_t entries_max = 4096;

    Journal(config::LogTarget target, const std::string& node_name, std::uint8_t node_id = 0,
            std::size_t kept = entries_max);

    /// Called with every new entry, after it was kept and logged.
    void on_entry(std::function<void(const JournalEntry&)> listener) { listener_ = std::move(listener); }

    void add(Severity severity, std::string_view name, std::string_view group, std::string text,
             boost::json::object data = {});

    /// The next entry gets the number behind this one, in this life.
    void continue_from(const ledger::Position& last);
    /// Numbers go on, in another life.
    void begin_life(std::uint32_t life) { life_ = life; }
    std::uint32_t life() const { return life_; }

    /// So many stay in memory.
    void keep(std::size_t kept);
    /// Those in memory, oldest first.
    const std::deque<ledger::EntryPtr>& recent() const { return entries_; }
    auto entries() const {
        return entries_ | std::views::transform(
                              [](const ledger::EntryPtr& entry) -> const JournalEntry& { return *entry; });
    }

private:
    std::shared_ptr<spdlog::logger> logger_;
    std::deque<ledger::EntryPtr> entries_;
    std::function<void(const JournalEntry&)> listener_;
    std::string node_;
    std::uint8_t node_id_{0};
    std::size_t kept_;
    std::uint32_t life_{0};
    std::uint64_t next_{1};
};

} // namespace tandem::app
