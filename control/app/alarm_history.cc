// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/alarm_history.hh"

#include "control/status/status.hh"

#include <algorithm>
#include <cstdint>

namespace tandem::app {
namespace json = boost::json;
namespace {

/// Nothing where it is absent or another kind of thing: the other node's journal is foreign text.
std::int64_t number_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    json::error_code error;
    const auto number =
        value != nullptr && value->is_number() ? value->to_number<std::int64_t>(error) : std::int64_t{0};
    return error ? 0 : number;
}

std::string text_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

json::value time_of(std::int64_t wall_us) {
    if (wall_us <= 0)
        return nullptr;
    return json::value(status::iso8601(status::WallClock::time_point{std::chrono::microseconds{wall_us}}));
}

json::value acknowledgement_of(const json::object& data) {
    const json::value* known = data.if_contains("acknowledged");
    if (known == nullptr || !known->is_object())
        return nullptr;
    const json::object& object = known->get_object();
    return json::object{{"by", text_at(object, "by")},
                        {"at", time_of(number_at(object, "at_us"))},
                        {"note", text_at(object, "note")}};
}

} // namespace

void add_history(json::object& data, const ledger::Alarm& alarm) {
    data["first_us"] = alarm.first_us;
    data["ended_us"] = alarm.ended_us;
    if (alarm.acknowledged)
        data["acknowledged"] = {{"by", alarm.acknowledged->by},
                                {"at_us", alarm.acknowledged->at_us},
                                {"note", alarm.acknowledged->note}};
}

std::string words_of_clearing(const std::string& by) {
    return by.empty() ? "over: " : "cleared by " + by + ": ";
}

json::object over_of(const ledger::Entry& cleared) {
    const json::object& data = cleared.data;
    const std::string by = text_at(data, "by");
    const std::string words = words_of_clearing(by);
    const std::int64_t first = number_at(data, "first_us");
    const std::int64_t ended = number_at(data, "ended_us");
    json::value held = nullptr; // a clock that was set back meanwhile does not make it negative
    if (first > 0 && ended > 0)
        held = std::max<std::int64_t>(ended - first, 0) / 1000;
    else if (data.contains("lasted_ms"))
        held = number_at(data, "lasted_ms");
    return {{"id", text_at(data, "id")},
            {"node", cleared.node},
            {"severity", text_at(data, "severity")},
            {"code", text_at(data, "code")},
            {"group", cleared.group},
            {"subject", text_at(data, "subject")},
            {"sentence", cleared.text.starts_with(words) ? cleared.text.substr(words.size()) : cleared.text},
            {"raised", time_of(first)},
            {"ended", time_of(ended)},
            {"cleared", cleared.time},
            {"cleared_by", by.empty() ? json::value(nullptr) : json::value(by)},
            {"held_ms", std::move(held)},
            {"count", std::max<std::int64_t>(number_at(data, "count"), 1)},
            {"acknowledged", acknowledgement_of(data)}};
}

} // namespace tandem::app
