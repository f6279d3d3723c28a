// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/alarm.hh"

#include <algorithm>
#include <array>
#include <charconv>

namespace tandem::ledger {
namespace json = boost::json;
namespace {

constexpr std::array<std::string_view, 4> gravities{"warning", "minor", "major", "critical"};
constexpr std::array<std::string_view, 3> states{"active", "ended", "unconfirmed"};
constexpr std::size_t text_max = 2048;

std::string text_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string()
               ? std::string{std::string_view{value->get_string()}.substr(0, text_max)}
               : std::string{};
}

template <class Number>
Number number_at(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    json::error_code error;
    const Number number = value != nullptr && value->is_number() ? value->to_number<Number>(error) : Number{};
    return error ? Number{} : number;
}

template <class Word, std::size_t count>
std::optional<Word> word_at(const json::object& object, std::string_view key,
                            const std::array<std::string_view, count>& words) {
    const auto found = std::ranges::find(words, text_at(object, key));
    if (found == words.end())
        return std::nullopt;
    return static_cast<Word>(found - words.begin());
}

} // namespace

std::string_view to_string(Gravity gravity) {
    return gravities[std::min<std::size_t>(static_cast<std::size_t>(gravity), gravities.size() - 1)];
}

std::optional<Gravity> gravity_of(std::string_view word) {
    const auto found = std::ranges::find(gravities, word);
    if (found == gravities.end())
        return std::nullopt;
    return static_cast<Gravity>(found - gravities.begin());
}

json::object to_json(const Alarm& alarm, unsigned node_id, std::string_view node) {
    json::value acknowledged = nullptr;
    if (alarm.acknowledged)
        acknowledged = {{"by", alarm.acknowledged->by},
                        {"at_us", alarm.acknowledged->at_us},
                        {"note", alarm.acknowledged->note}};
    return {{"id", std::to_string(node_id) + "." + std::to_string(alarm.number)},
            {"number", alarm.number},
            {"node", node},
            {"code", alarm.condition.code},
            {"group", alarm.condition.group},
            {"subject", alarm.condition.subject},
            {"sentence", alarm.condition.sentence},
            {"gravity", to_string(alarm.condition.gravity)},
            {"severity", to_string(alarm.severity)},
            {"state", states[static_cast<std::size_t>(alarm.state)]},
            {"first_us", alarm.first_us},
            {"raised_us", alarm.raised_us},
            {"ended_us", alarm.ended_us},
            {"count", alarm.count},
            {"flapping", alarm.flapping},
            {"acknowledged", std::move(acknowledged)}};
}

std::optional<Alarm> alarm_of(const json::value& value) {
    if (!value.is_object())
        return std::nullopt;
    const json::object& object = value.get_object();
    const auto gravity = word_at<Gravity>(object, "gravity", gravities);
    const auto severity = word_at<Gravity>(object, "severity", gravities);
    const auto state = word_at<AlarmState>(object, "state", states);
    Alarm alarm;
    alarm.condition = {text_at(object, "code"), text_at(object, "group"), text_at(object, "subject"),
                       text_at(object, "sentence"), gravity.value_or(Gravity::error)};
    alarm.number = number_at<std::uint32_t>(object, "number");
    if (!gravity || !severity || !state || alarm.condition.code.empty() || alarm.number == 0)
        return std::nullopt;
    alarm.severity = *severity;
    alarm.state = *state;
    alarm.first_us = number_at<std::int64_t>(object, "first_us");
    alarm.raised_us = number_at<std::int64_t>(object, "raised_us");
    alarm.ended_us = number_at<std::int64_t>(object, "ended_us");
    alarm.count = std::max<std::uint64_t>(number_at<std::uint64_t>(object, "count"), 1);
    if (const json::value* known = object.if_contains("acknowledged"); known != nullptr && known->is_object())
        alarm.acknowledged = Acknowledgement{text_at(known->get_object(), "by"),
                                             number_at<std::int64_t>(known->get_object(), "at_us"),
                                             text_at(known->get_object(), "note")};
    return alarm;
}

std::optional<AlarmId> alarm_id_of(std::string_view text) {
    AlarmId id;
    const char* const end = text.data() + text.size();
    const auto node = std::from_chars(text.data(), end, id.node);
    if (node.ec != std::errc{} || node.ptr == end || *node.ptr != '.')
        return std::nullopt;
    const auto number = std::from_chars(node.ptr + 1, end, id.number);
    if (number.ec != std::errc{} || number.ptr != end || id.number == 0)
        return std::nullopt;
    return id;
}

} // namespace tandem::ledger
