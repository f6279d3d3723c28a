// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/dampener.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

using std::chrono::seconds;
constexpr Instant start = Instant{} + seconds{1000};
constexpr Duration base = seconds{10};

BOOST_AUTO_TEST_SUITE(dampener)

BOOST_AUTO_TEST_CASE(the_first_hand_over_is_free) {
    const Dampener dampener;
    BOOST_TEST(dampener.factor() == 1U);
    BOOST_TEST(dampener.idle());
    BOOST_CHECK(dampener.held_until(base) == Instant{});
}

BOOST_AUTO_TEST_CASE(the_period_doubles_with_each_of_them_up_to_four_times) {
    Dampener dampener;
    Instant now = start;
    for (const unsigned factor : {2U, 4U, 4U, 4U}) {
        now += seconds{100};
        dampener.count(now);
        BOOST_TEST(dampener.factor() == factor);
        BOOST_CHECK(dampener.held_until(base) == now + base * factor);
    }
}

BOOST_AUTO_TEST_CASE(after_a_reset_it_is_as_new) {
    Dampener dampener;
    dampener.count(start);
    dampener.count(start);
    dampener.reset();
    BOOST_TEST(dampener.idle());
    BOOST_TEST(dampener.factor() == 1U);
    BOOST_CHECK(dampener.held_until(base) == Instant{});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
