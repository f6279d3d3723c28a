// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/latency.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::probe;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(latency)

BOOST_AUTO_TEST_CASE(nothing_is_known_before_the_first_answer) {
    BOOST_TEST(!Latency{}.summary().has_value());
}

BOOST_AUTO_TEST_CASE(of_a_hundred_times) {
    Latency times;
    for (int i = 100; i >= 1; --i)
        times.add(i * 10us);
    const auto summary = times.summary();
    BOOST_REQUIRE(summary.has_value());
    BOOST_TEST(summary->last_us == 10U);
    BOOST_TEST(summary->min_us == 10U);
    BOOST_TEST(summary->median_us == 500U);
    BOOST_TEST(summary->p99_us == 990U);
}

BOOST_AUTO_TEST_CASE(of_one_time_all_are_the_same) {
    Latency times;
    times.add(7us);
    const auto summary = times.summary();
    BOOST_REQUIRE(summary.has_value());
    for (const std::uint64_t us : {summary->last_us, summary->min_us, summary->median_us, summary->p99_us})
        BOOST_TEST(us == 7U);
}

BOOST_AUTO_TEST_CASE(old_times_are_forgotten) {
    Latency times;
    times.add(1us);
    times.add(1h);
    for (std::size_t i = 0; i < Latency::kept; ++i)
        times.add(50us);
    const auto summary = times.summary();
    BOOST_REQUIRE(summary.has_value());
    BOOST_TEST(summary->min_us == 50U);
    BOOST_TEST(summary->p99_us == 50U);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_the_most_that_fits) {
    Latency times;
    times.add(48h);
    times.add(-1us);
    const auto summary = times.summary();
    BOOST_REQUIRE(summary.has_value());
    BOOST_TEST(summary->min_us == 0U);
    BOOST_TEST(summary->p99_us == 0xffff'ffffU);
}

BOOST_AUTO_TEST_SUITE_END()
