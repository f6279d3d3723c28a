// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/calendar.hh"

#include <fmt/format.h>

#include <array>

namespace tandem::app {

LocalMinute local_minute(std::time_t time) {
    std::tm parts{};
    ::localtime_r(&time, &parts);
    // The C library's week begins on Sunday.
    return {static_cast<unsigned>(parts.tm_hour * 60 + parts.tm_min),
            static_cast<unsigned>(parts.tm_wday + 6) % 7};
}

std::optional<unsigned> minutes_until_open(const config::Failback& failback, LocalMinute at) {
    for (unsigned ahead = 0; ahead <= 7 * minutes_per_day; ++ahead) {
        const unsigned minute = at.minute + ahead;
        if (window_open(failback, {minute % minutes_per_day, (at.weekday + minute / minutes_per_day) % 7}))
            return ahead;
    }
    return std::nullopt;
}

std::string describe(const config::Failback& failback) {
    const std::string hold = fmt::format("after {} s", failback.hold.count());
    switch (failback.policy) {
    case config::FailbackPolicy::manual:
        return "manual";
    case config::FailbackPolicy::automatic:
        return "auto, " + hold;
    case config::FailbackPolicy::window:
        break;
    }
    constexpr std::array names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    std::string days;
    for (std::size_t day = 0; day < names.size(); ++day)
        if ((failback.days >> day & 1U) != 0)
            days += (days.empty() ? "" : ", ") + std::string{names[day]};
    const auto time = [](unsigned minute) { return fmt::format("{:02}:{:02}", minute / 60, minute % 60); };
    return "window " + time(failback.from_minute) + " to " + time(failback.to_minute) +
           (failback.days == 0x7f ? "" : " on " + days) + ", " + hold;
}

} // namespace tandem::app
