// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/ledger_schema.hh"

#include "control/config/values.hh"

#include <algorithm>

namespace tandem::config {
namespace {

constexpr std::size_t rules_max = 64;
constexpr Range clear_after_range{1, 31 * 86'400};

std::optional<AlarmClear> take_clear(Section& section) {
    const auto found = section.word("clear", {"auto", "manual", "after"}, Presence::optional);
    return found ? std::optional{static_cast<AlarmClear>(found->value)} : std::nullopt;
}

std::optional<std::chrono::seconds> take_clear_after(Section& section) {
    const auto found = section.integer("clear_after_s", clear_after_range, Presence::optional);
    return found ? std::optional{std::chrono::seconds{found->value}} : std::nullopt;
}

void read_rule(Section section, AlarmSettings& alarm) {
    AlarmRule rule;
    const auto code = section.text("code", Presence::required);
    rule.clear = take_clear(section);
    rule.clear_after = take_clear_after(section);
    if (const auto found =
            section.word("severity", {"warning", "minor", "major", "critical"}, Presence::optional))
        rule.severity = static_cast<AlarmSeverity>(found->value);
    section.finish();
    if (!code)
        return;
    rule.code = code->value;
    if (std::ranges::find(alarm_codes, rule.code) == alarm_codes.end()) {
        const std::string near = nearest(rule.code, {alarm_codes.begin(), alarm_codes.end()});
        return section.complain(code->place, "\"code\" " + quoted(rule.code) + " is no alarm's code",
                                near.empty() ? "docs/events.md lists them"
                                             : "did you mean " + quoted(near) + "?");
    }
    if (std::ranges::find(alarm.rules, rule.code, &AlarmRule::code) != alarm.rules.end())
        return section.complain(code->place, "a second [[alarm.rule]] for " + quoted(rule.code),
                                "put both into one");
    alarm.rules.push_back(std::move(rule));
}

} // namespace

void read_journal(Section section, JournalSettings& journal) {
    take_integer(section, "size_mb", {1, 1024}, journal.size_mb);
    take_integer(section, "kept_in_memory", {100, 65'536}, journal.kept_in_memory);
    section.finish();
}

void read_alarm(Section section, AlarmSettings& alarm, Complaints& complaints) {
    alarm.clear = take_clear(section).value_or(alarm.clear);
    alarm.clear_after = take_clear_after(section).value_or(alarm.clear_after);
    for (const auto& rule : section.tables("rule", rules_max, Presence::optional))
        read_rule({"[[alarm.rule]]", rule.place, *rule.value, complaints}, alarm);
    section.finish();
}

} // namespace tandem::config
