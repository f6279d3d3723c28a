// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/lateness.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace std::chrono_literals;

namespace {

constexpr ha::Instant start{1h};

} // namespace

BOOST_AUTO_TEST_SUITE(lateness)

BOOST_AUTO_TEST_CASE(each_heartbeat_counts_above_every_bound_that_it_passed) {
    app::Lateness late;
    late.note(start, 100us); // not above
    late.note(start, 1001us);
    late.note(start, 6ms);
    BOOST_TEST(late.beats() == 3U);
    BOOST_TEST(late.later(0) == 2U);
    BOOST_TEST(late.later(3) == 2U);
    BOOST_TEST(late.later(4) == 1U);
    BOOST_TEST(late.later(5) == 1U);
    BOOST_TEST(late.max_us() == 6000U);
}

BOOST_AUTO_TEST_CASE(the_worst_of_the_last_minute_is_forgotten_after_it) {
    app::Lateness late;
    late.note(start, 3ms);
    for (auto at = start; at < start + 29s; at += 100ms)
        late.note(at, 10us);
    BOOST_TEST(late.recent_max_us() == 3000U);
    for (auto at = start + 29s; at < start + 45s; at += 100ms)
        late.note(at, 20us);
    BOOST_TEST(late.recent_max_us() == 3000U); // still in the half before
    for (auto at = start + 45s; at < start + 61s; at += 100ms)
        late.note(at, 20us);
    BOOST_TEST(late.recent_max_us() == 20U);
    BOOST_TEST(late.max_us() == 3000U);
}

BOOST_AUTO_TEST_CASE(after_a_long_pause_the_half_before_says_nothing) {
    app::Lateness late;
    late.note(start, 3ms);
    late.note(start + 10min, 10us);
    BOOST_TEST(late.recent_max_us() == 10U);
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_read_too_early_is_no_lateness) {
    app::Lateness late;
    late.note(start, -5us);
    BOOST_TEST(late.max_us() == 0U);
    BOOST_TEST(late.beats() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
