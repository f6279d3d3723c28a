// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What is wrong, when it began, who knows of it, and when it is over.
//
// Problem: events tell what changed; somebody who looks later must see what still is so, whom it concerns and
// whether somebody cares already. Idea: at each look around, the conditions that hold are computed anew from
// the facts, and the table compares them with those of the look before: new ones are raised, those that are
// missing end, and are cleared as the rules say. So no alarm can be forgotten in either direction. One that
// comes and goes all the time is told of a few times, and counted from then on until it has been quiet for a
// while. After a restart the table is what it was: a condition that still holds is the same alarm, and one
// that is not seen again within a grace time has ended. An acknowledgement lasts as long as the alarm is in
// the table. Deliberately absent: where conditions come from, files, what follows from an alarm. Pure.

#include "control/ledger/alarm.hh"

#include <boost/json/array.hpp>

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace tandem::ledger {

/// Both clocks at one moment.
struct Moment {
    ha::Instant at{};
    std::int64_t wall_us{0};
};

class AlarmTable {
public:
    static constexpr std::size_t alarms_max = 512;
    /// Raised so often within this time: flapping, until it was quiet for so long.
    static constexpr std::size_t flaps = 5;
    static constexpr ha::Duration flap_window = std::chrono::seconds{60};
    static constexpr ha::Duration flap_quiet = std::chrono::seconds{10};
    /// For what held before a restart to be seen again.
    static constexpr ha::Duration grace = std::chrono::seconds{30};

    explicit AlarmTable(config::AlarmSettings settings = {})
        : settings_(std::move(settings)) {}

    /// Everything that holds now; each (code, group, subject) at most once.
    std::vector<AlarmChange> update(const Moment& now, std::vector<Condition> present);
    /// By their numbers.
    const std::vector<Alarm>& alarms() const { return alarms_; }
    /// Conditions for which there was no room, so far.
    std::uint64_t dropped() const { return dropped_; }
    /// Grows with everything that a file of the table would have to say anew.
    std::uint64_t version() const { return version_; }

    /// Somebody takes care of it. A sentence when there is no such alarm.
    std::expected<void, std::string> acknowledge(std::uint32_t number, Acknowledgement by);
    /// An operator ends it: only where its condition does not hold any more.
    std::expected<AlarmChange, std::string> clear(std::uint32_t number, const std::string& by);
    void reconfigure(config::AlarmSettings settings);

    /// The table as a file has it, and back: what was active waits to be confirmed.
    boost::json::object save(unsigned node_id, std::string_view node) const;
    void restore(const Moment& now, const boost::json::object& saved);

private:
    struct Rule {
        config::AlarmClear clear;
        ha::Duration after;
        std::optional<Gravity> severity;
    };
    /// One that is gone, for as long as it matters how often it came.
    struct Gone {
        Condition condition;
        std::vector<ha::Instant> raises;
        ha::Instant at{};
    };
    Rule rule_of(const std::string& code) const;
    void grade(Alarm& alarm) const;
    Alarm* find(std::uint32_t number);
    void holds(const Moment& now, Alarm& alarm, Condition condition, std::vector<AlarmChange>& changes);
    /// Whether it goes.
    bool missing(const Moment& now, Alarm& alarm, std::vector<AlarmChange>& changes);
    bool end(const Moment& now, Alarm& alarm, std::vector<AlarmChange>& changes);
    void raise(const Moment& now, Condition condition, std::vector<AlarmChange>& changes);
    /// One more; whether that is worth telling.
    bool note_raise(ha::Instant at, Alarm& alarm);
    void leave(ha::Instant at, Alarm& alarm);
    bool make_room(std::vector<AlarmChange>& changes);

    config::AlarmSettings settings_;
    std::vector<Alarm> alarms_;
    std::vector<Gone> gone_;
    std::uint32_t next_{1};
    std::uint64_t dropped_{0};
    std::uint64_t version_{0};
    ha::Instant confirm_until_{};
};

} // namespace tandem::ledger
