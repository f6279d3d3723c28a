// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/repeat.hh"

#include <boost/test/unit_test.hpp>

#include <vector>

namespace tandem::ha {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start = Instant{} + seconds{1};

/// When announcements leave, in milliseconds from the start, if the node always runs when it asked to.
std::vector<std::int64_t> times(AnnounceSchedule& schedule, Duration until) {
    std::vector<std::int64_t> all;
    while (schedule.due() <= start + until) {
        const Instant now = schedule.due();
        BOOST_REQUIRE(schedule.take(now));
        all.push_back(std::chrono::duration_cast<milliseconds>(now - start).count());
    }
    return all;
}

BOOST_AUTO_TEST_SUITE(repeat)

BOOST_AUTO_TEST_CASE(the_series_and_then_a_slow_refresh) {
    AnnounceSchedule schedule;
    schedule.begin(start);
    const std::vector<std::int64_t> expected{0, 50, 500, 2000, 5000, 35000, 65000};
    const auto seen = times(schedule, seconds{70});
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nothing_is_due_before_a_cause_or_after_a_stop) {
    AnnounceSchedule schedule;
    BOOST_TEST(!schedule.take(start));
    schedule.begin(start);
    schedule.stop();
    BOOST_TEST(!schedule.take(start + seconds{100}));
}

BOOST_AUTO_TEST_CASE(after_a_stall_one_announcement_stands_for_those_that_were_missed) {
    AnnounceSchedule schedule;
    schedule.begin(start);
    BOOST_TEST(schedule.take(start + seconds{3}));
    BOOST_TEST(!schedule.take(start + seconds{3}));
    BOOST_CHECK(schedule.due() == start + seconds{5});
}

BOOST_AUTO_TEST_CASE(a_new_cause_begins_the_series_anew) {
    AnnounceSchedule schedule;
    schedule.begin(start);
    schedule.take(start);
    schedule.begin(start + milliseconds{20});
    BOOST_TEST(schedule.take(start + milliseconds{20}));
    BOOST_CHECK(schedule.due() == start + milliseconds{70});
}

BOOST_AUTO_TEST_CASE(an_extra_announcement_costs_none_of_the_series) {
    AnnounceSchedule schedule;
    schedule.begin(start);
    schedule.take(start);
    schedule.hasten(start + milliseconds{30});
    BOOST_TEST(schedule.take(start + milliseconds{30}));
    const std::vector<std::int64_t> expected{50, 500, 2000, 5000};
    const auto seen = times(schedule, seconds{6});
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(hastening_never_delays) {
    AnnounceSchedule schedule;
    schedule.begin(start);
    schedule.hasten(start + seconds{9});
    BOOST_CHECK(schedule.due() == start);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
