// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One alarm: a condition that lasts or lasted, and what people did about it. Pure.

#include "control/config/ledger_settings.hh"
#include "control/ha/time.hh"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::ledger {

/// How grave a condition is, in the words of ITU-T X.733. The journal has three words: warning and minor are
/// "warning" there, the others "error".
enum class Gravity : std::uint8_t {
    warning, ///< something is not as it should be
    minor,
    major,         ///< the service is in danger, or nothing would take over
    critical,      ///< it does not work
    error = major, ///< what most conditions that are more than a warning are
};
std::string_view to_string(Gravity gravity);
std::optional<Gravity> gravity_of(std::string_view word);

struct Condition {
    std::string code;     ///< stable
    std::string group;    ///< empty: concerns the node
    std::string subject;  ///< which path, which monitor; empty: there is only one
    std::string sentence; ///< without a full stop; the same as long as the condition lasts
    Gravity gravity{Gravity::error};
};

enum class AlarmState : std::uint8_t {
    active,      ///< the condition holds
    ended,       ///< it does not, and the alarm has not been cleared
    unconfirmed, ///< it held before this start, and cannot be judged yet
};

struct Acknowledgement {
    std::string by;
    std::int64_t at_us{0};
    std::string note;
};

struct Alarm {
    Condition condition;
    ha::Instant since{};              ///< when it was raised last, as far as this life knows
    std::uint32_t number{0};          ///< its name on this node
    Gravity severity{Gravity::error}; ///< that of the condition, or what a rule says
    AlarmState state{AlarmState::active};
    std::int64_t first_us{0};  ///< wall clock: raised for the first time
    std::int64_t raised_us{0}; ///< for the last time
    std::int64_t ended_us{0};  ///< its condition ended; 0: it holds
    std::uint64_t count{1};    ///< so often raised while it was in the table
    bool flapping{false};      ///< raised so often of late that only the count tells
    std::optional<Acknowledgement> acknowledged;
    // For the table alone:
    std::vector<ha::Instant> raises{}; ///< the last ones
    ha::Instant off_since{};           ///< the condition has not held since then; none: it does
};

enum class AlarmEvent : std::uint8_t { raised, ended, cleared };

/// What happened to an alarm, for the journal and for actions.
struct AlarmChange {
    AlarmEvent event{};
    Alarm alarm;
    std::string by; ///< of `cleared`: the operator; empty: it cleared itself
};

/// `node_id`: the alarm's name over both nodes is `node.number`.
boost::json::object to_json(const Alarm& alarm, unsigned node_id, std::string_view node);
/// From a file; nothing when it is no alarm. Instants are left at none.
std::optional<Alarm> alarm_of(const boost::json::value& value);

/// A name like `2.17`.
struct AlarmId {
    unsigned node{0};
    std::uint32_t number{0};
};
std::optional<AlarmId> alarm_id_of(std::string_view text);

} // namespace tandem::ledger
