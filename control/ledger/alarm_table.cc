// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/alarm_table.hh"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tandem::ledger {
namespace json = boost::json;
namespace {

constexpr std::size_t gone_max = 256;

auto identity(const Condition& condition) {
    return std::tie(condition.code, condition.group, condition.subject);
}

} // namespace

AlarmTable::Rule AlarmTable::rule_of(const std::string& code) const {
    Rule rule{settings_.clear, settings_.clear_after, std::nullopt};
    for (const config::AlarmRule& special : settings_.rules) {
        if (special.code != code)
            continue;
        rule.clear = special.clear.value_or(rule.clear);
        rule.after = special.clear_after.value_or(settings_.clear_after);
        if (special.severity)
            rule.severity = static_cast<Gravity>(*special.severity);
    }
    return rule;
}

void AlarmTable::grade(Alarm& alarm) const {
    alarm.severity = rule_of(alarm.condition.code).severity.value_or(alarm.condition.gravity);
}

Alarm* AlarmTable::find(std::uint32_t number) {
    const auto found = std::ranges::find(alarms_, number, &Alarm::number);
    return found == alarms_.end() ? nullptr : &*found;
}

std::vector<AlarmChange> AlarmTable::update(const Moment& now, std::vector<Condition> present) {
    std::vector<AlarmChange> changes;
    std::erase_if(gone_, [&](const Gone& gone) { return now.at - gone.at >= flap_window; });
    std::vector<Alarm> kept;
    for (Alarm& alarm : alarms_) {
        const auto still = std::ranges::find_if(present, [&](const Condition& condition) {
            return identity(condition) == identity(alarm.condition);
        });
        if (still != present.end()) {
            holds(now, alarm, std::move(*still), changes);
            present.erase(still);
        } else if (missing(now, alarm, changes)) {
            leave(now.at, alarm);
            continue;
        }
        kept.push_back(std::move(alarm));
    }
    alarms_ = std::move(kept);
    for (Condition& condition : present)
        raise(now, std::move(condition), changes);
    return changes;
}

void AlarmTable::holds(const Moment& now, Alarm& alarm, Condition condition,
                       std::vector<AlarmChange>& changes) {
    if (alarm.condition.sentence != condition.sentence || alarm.condition.gravity != condition.gravity) {
        alarm.condition = std::move(condition);
        grade(alarm);
        ++version_;
    }
    const bool was_off = alarm.off_since != ha::Instant{};
    const AlarmState before = std::exchange(alarm.state, AlarmState::active);
    alarm.off_since = {};
    if (before == AlarmState::unconfirmed)
        ++version_;
    if (before != AlarmState::ended && !was_off)
        return;
    ++alarm.count;
    ++version_;
    alarm.raised_us = now.wall_us;
    alarm.ended_us = 0;
    alarm.since = now.at;
    if (note_raise(now.at, alarm))
        changes.push_back({AlarmEvent::raised, alarm, {}});
}

bool AlarmTable::missing(const Moment& now, Alarm& alarm, std::vector<AlarmChange>& changes) {
    switch (alarm.state) {
    case AlarmState::unconfirmed:
        return now.at >= confirm_until_ && end(now, alarm, changes);
    case AlarmState::active:
        if (!alarm.flapping)
            return end(now, alarm, changes);
        if (alarm.off_since == ha::Instant{})
            alarm.off_since = now.at;
        return now.at - alarm.off_since >= flap_quiet && end(now, alarm, changes);
    case AlarmState::ended: {
        const Rule rule = rule_of(alarm.condition.code);
        const bool over = rule.clear == config::AlarmClear::automatic ||
                          (rule.clear == config::AlarmClear::after && now.at - alarm.off_since >= rule.after);
        if (over) {
            ++version_;
            changes.push_back({AlarmEvent::cleared, alarm, {}});
        }
        return over;
    }
    }
    return false;
}

bool AlarmTable::end(const Moment& now, Alarm& alarm, std::vector<AlarmChange>& changes) {
    ++version_;
    alarm.flapping = false;
    alarm.ended_us = now.wall_us;
    if (alarm.off_since == ha::Instant{})
        alarm.off_since = now.at;
    if (rule_of(alarm.condition.code).clear == config::AlarmClear::automatic) {
        changes.push_back({AlarmEvent::cleared, alarm, {}});
        return true;
    }
    alarm.state = AlarmState::ended;
    changes.push_back({AlarmEvent::ended, alarm, {}});
    return false;
}

void AlarmTable::raise(const Moment& now, Condition condition, std::vector<AlarmChange>& changes) {
    if (!make_room(changes)) {
        ++dropped_;
        return;
    }
    Alarm alarm;
    alarm.condition = std::move(condition);
    grade(alarm);
    alarm.number = next_++;
    alarm.since = now.at;
    alarm.first_us = alarm.raised_us = now.wall_us;
    const auto known = std::ranges::find_if(
        gone_, [&](const Gone& gone) { return identity(gone.condition) == identity(alarm.condition); });
    if (known != gone_.end()) {
        alarm.raises = std::move(known->raises);
        gone_.erase(known);
    }
    note_raise(now.at, alarm);
    ++version_;
    changes.push_back({AlarmEvent::raised, alarm, {}});
    alarms_.push_back(std::move(alarm));
}

bool AlarmTable::note_raise(ha::Instant at, Alarm& alarm) {
    alarm.raises.push_back(at);
    if (alarm.raises.size() > flaps)
        alarm.raises.erase(alarm.raises.begin());
    const bool before = alarm.flapping;
    alarm.flapping = before || (alarm.raises.size() == flaps && at - alarm.raises.front() < flap_window);
    return !before;
}

void AlarmTable::leave(ha::Instant at, Alarm& alarm) {
    if (gone_.size() == gone_max)
        gone_.erase(gone_.begin());
    gone_.push_back({std::move(alarm.condition), std::move(alarm.raises), at});
}

/// The one that ended first makes room for what holds now.
bool AlarmTable::make_room(std::vector<AlarmChange>& changes) {
    if (alarms_.size() < alarms_max)
        return true;
    const auto oldest = std::ranges::min_element(alarms_, {}, [](const Alarm& alarm) {
        return std::pair{alarm.state != AlarmState::ended, alarm.ended_us};
    });
    if (oldest->state != AlarmState::ended)
        return false;
    changes.push_back({AlarmEvent::cleared, *oldest, {}});
    alarms_.erase(oldest);
    return true;
}

std::expected<void, std::string> AlarmTable::acknowledge(std::uint32_t number, Acknowledgement by) {
    Alarm* const alarm = find(number);
    if (alarm == nullptr)
        return std::unexpected("there is no such alarm; see tandemctl alarms");
    alarm->acknowledged = std::move(by);
    ++version_;
    return {};
}

std::expected<AlarmChange, std::string> AlarmTable::clear(std::uint32_t number, const std::string& by) {
    const Alarm* const alarm = find(number);
    if (alarm == nullptr)
        return std::unexpected("there is no such alarm; see tandemctl alarms");
    if (alarm->state == AlarmState::unconfirmed)
        return std::unexpected("it held before this start, and is not judged yet");
    if (alarm->state != AlarmState::ended)
        return std::unexpected("its condition still holds: " + alarm->condition.sentence);
    AlarmChange change{AlarmEvent::cleared, *alarm, by};
    std::erase_if(alarms_, [&](const Alarm& any) { return any.number == number; });
    ++version_;
    return change;
}

void AlarmTable::reconfigure(config::AlarmSettings settings) {
    settings_ = std::move(settings);
    for (Alarm& alarm : alarms_)
        grade(alarm);
    ++version_;
}

json::object AlarmTable::save(unsigned node_id, std::string_view node) const {
    json::array alarms;
    for (const Alarm& alarm : alarms_)
        alarms.emplace_back(to_json(alarm, node_id, node));
    return {{"next", next_}, {"alarms", std::move(alarms)}};
}

void AlarmTable::restore(const Moment& now, const json::object& saved) {
    confirm_until_ = now.at + grace;
    const json::value* next = saved.if_contains("next");
    json::error_code error;
    if (next != nullptr && next->is_number())
        next_ = std::max(next_, next->to_number<std::uint32_t>(error));
    const json::value* list = saved.if_contains("alarms");
    if (list == nullptr || !list->is_array())
        return;
    for (const json::value& value : list->get_array()) {
        auto alarm = alarm_of(value);
        if (!alarm || alarms_.size() == alarms_max || find(alarm->number) != nullptr)
            continue;
        grade(*alarm);
        next_ = std::max(next_, alarm->number + 1);
        // A wall clock that was set meanwhile must not make a time negative.
        const auto ago = [&](std::int64_t wall_us) {
            return now.at - std::chrono::microseconds{std::clamp<std::int64_t>(
                                now.wall_us - wall_us, 0, std::int64_t{366} * 86'400 * 1'000'000)};
        };
        alarm->since = ago(alarm->raised_us);
        if (alarm->state == AlarmState::ended)
            alarm->off_since = ago(alarm->ended_us);
        else
            alarm->state = AlarmState::unconfirmed;
        alarms_.push_back(std::move(*alarm));
    }
}

} // namespace tandem::ledger
