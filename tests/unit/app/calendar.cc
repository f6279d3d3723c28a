// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/calendar.hh"
#include "tests/unit/time_zone.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using app::LocalMinute;
using test::TimeZone;

namespace {

constexpr unsigned monday = 0;
constexpr unsigned tuesday = 1;
constexpr unsigned sunday = 6;

constexpr unsigned at(unsigned hour, unsigned minute = 0) {
    return hour * 60 + minute;
}

config::Failback window(unsigned from, unsigned to, std::uint8_t days = 0x7f) {
    config::Failback failback;
    failback.policy = config::FailbackPolicy::window;
    failback.from_minute = static_cast<std::uint16_t>(from);
    failback.to_minute = static_cast<std::uint16_t>(to);
    failback.days = days;
    return failback;
}

} // namespace

BOOST_AUTO_TEST_SUITE(calendar)

BOOST_AUTO_TEST_CASE(a_window_within_a_day_has_its_begin_and_not_its_end) {
    const auto nights = window(at(2), at(5));
    BOOST_TEST(!app::window_open(nights, {at(1, 59), monday}));
    BOOST_TEST(app::window_open(nights, {at(2), monday}));
    BOOST_TEST(app::window_open(nights, {at(4, 59), sunday}));
    BOOST_TEST(!app::window_open(nights, {at(5), monday}));
}

BOOST_AUTO_TEST_CASE(a_window_over_midnight_belongs_to_the_day_on_which_it_begins) {
    const auto mondays = window(at(22), at(3), 1U << monday);
    BOOST_TEST(!app::window_open(mondays, {at(21, 59), monday}));
    BOOST_TEST(app::window_open(mondays, {at(22), monday}));
    BOOST_TEST(app::window_open(mondays, {at(23, 59), monday}));
    BOOST_TEST(app::window_open(mondays, {at(0), tuesday}));
    BOOST_TEST(app::window_open(mondays, {at(2, 59), tuesday}));
    BOOST_TEST(!app::window_open(mondays, {at(3), tuesday}));
    BOOST_TEST(!app::window_open(mondays, {at(22), tuesday}));
    BOOST_TEST(!app::window_open(mondays, {at(1), monday})); // that would be Sunday's
    const auto sundays = window(at(22), at(3), 1U << sunday);
    BOOST_TEST(app::window_open(sundays, {at(1), monday}));
}

BOOST_AUTO_TEST_CASE(days_count) {
    const auto mondays = window(at(2), at(5), 1U << monday);
    BOOST_TEST(app::window_open(mondays, {at(3), monday}));
    BOOST_TEST(!app::window_open(mondays, {at(3), tuesday}));
}

BOOST_AUTO_TEST_CASE(the_whole_day) {
    const auto always = window(0, app::minutes_per_day);
    for (unsigned minute = 0; minute < app::minutes_per_day; ++minute)
        BOOST_REQUIRE(app::window_open(always, {minute, sunday}));
}

BOOST_AUTO_TEST_CASE(other_policies_have_no_window) {
    BOOST_TEST(app::window_open(config::Failback{}, {at(12), monday}));
    BOOST_TEST(app::describe(config::Failback{}) == "manual");
}

BOOST_AUTO_TEST_CASE(how_long_until_it_opens) {
    const auto mondays = window(at(2), at(5), 1U << monday);
    BOOST_TEST(app::minutes_until_open(mondays, {at(3), monday}).value() == 0U);
    BOOST_TEST(app::minutes_until_open(mondays, {at(0, 30), monday}).value() == 90U);
    BOOST_TEST(app::minutes_until_open(mondays, {at(23), sunday}).value() == 180U);
    BOOST_TEST(app::minutes_until_open(mondays, {at(5), monday}).value() == 7 * 1440U - 180U);
    BOOST_TEST(!app::minutes_until_open(window(at(2), at(5), 0), {at(3), monday}).has_value());
}

BOOST_AUTO_TEST_CASE(in_words) {
    BOOST_TEST(app::describe(window(at(2), at(5))) == "window 02:00 to 05:00, after 60 s");
    BOOST_TEST(app::describe(window(at(22, 5), app::minutes_per_day, 0b1000001)) ==
               "window 22:05 to 24:00 on mon, sun, after 60 s");
    config::Failback automatic;
    automatic.policy = config::FailbackPolicy::automatic;
    automatic.hold = std::chrono::seconds{5};
    BOOST_TEST(app::describe(automatic) == "auto, after 5 s");
}

// 1750000000 is Sunday, 2025-06-15 15:06:40 UTC.
BOOST_AUTO_TEST_CASE(the_zone_of_this_machine) {
    {
        const TimeZone zone{"UTC"};
        const LocalMinute minute = app::local_minute(1750000000);
        BOOST_TEST(minute.minute == at(15, 6));
        BOOST_TEST(minute.weekday == sunday);
    }
    const TimeZone zone{"XXX-9"}; // nine hours ahead
    const LocalMinute minute = app::local_minute(1750000000);
    BOOST_TEST(minute.minute == at(0, 6));
    BOOST_TEST(minute.weekday == monday);
}

BOOST_AUTO_TEST_SUITE_END()
