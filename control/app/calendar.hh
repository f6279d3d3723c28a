// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// When the calendar permits a failback. Pure: the time is an argument.
//
// A window is [from, to) in local minutes of the day, on certain days of the week; the day that counts is the
// one on which the window begins. From later than to goes over midnight. Deliberately absent: time zones and
// their changes, which are the C library's business; a minute that a change skips is not part of any window.

#include "control/config/config.hh"

#include <ctime>
#include <optional>
#include <string>

namespace tandem::app {

inline constexpr unsigned minutes_per_day = 24 * 60;

struct LocalMinute {
    unsigned minute{0};  ///< of the day, 0 to 1439
    unsigned weekday{0}; ///< 0 Monday to 6 Sunday
};

/// By this machine's time zone.
LocalMinute local_minute(std::time_t time);

/// May the group return at this minute? Always true but for the policy `window`.
constexpr bool window_open(const config::Failback& failback, LocalMinute at) {
    if (failback.policy != config::FailbackPolicy::window)
        return true;
    const auto begins_on = [&](unsigned weekday) { return (failback.days >> (weekday % 7) & 1U) != 0; };
    if (failback.from_minute < failback.to_minute)
        return begins_on(at.weekday) && at.minute >= failback.from_minute && at.minute < failback.to_minute;
    return (begins_on(at.weekday) && at.minute >= failback.from_minute) ||
           (begins_on(at.weekday + 6) && at.minute < failback.to_minute);
}

/// Minutes until the window is open, 0 when it is; nothing when it never opens. Seconds and changes of the
/// zone's offset are not looked at: this is for people.
std::optional<unsigned> minutes_until_open(const config::Failback& failback, LocalMinute at);

/// The policy for people: "manual", "auto, after 60 s", "window 02:00 to 05:00 on mon, tue, after 60 s".
std::string describe(const config::Failback& failback);

} // namespace tandem::app
