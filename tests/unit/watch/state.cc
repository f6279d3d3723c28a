// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/state.hh"

#include "tests/unit/watch/time_line.hh"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace tandem;
using namespace tandem::testing;
using watch::State;

BOOST_AUTO_TEST_SUITE(state)

BOOST_AUTO_TEST_CASE(each_state_has_a_name_of_its_own) {
    std::set<std::string_view> names;
    for (const State s :
         {State::off, State::unknown, State::ok, State::repairing, State::degraded, State::failed})
        names.insert(watch::to_string(s));
    BOOST_CHECK_EQUAL(names.size(), 6U);
}

BOOST_AUTO_TEST_CASE(since_is_the_change_and_the_detail_is_the_latest) {
    watch::Standing standing("nic", State::unknown);
    BOOST_CHECK(standing.set(at(10), State::ok, "a") == State::unknown);
    BOOST_CHECK(standing.set(at(20), State::ok, "b") == State::ok);
    BOOST_CHECK_EQUAL(standing.line().monitor, "nic");
    BOOST_CHECK(standing.line().since == at(10));
    BOOST_CHECK_EQUAL(standing.line().detail, "b");
    BOOST_CHECK_EQUAL(standing.line().failures, 0U);
}

BOOST_AUTO_TEST_CASE(a_failure_counts_once_on_its_way_down) {
    watch::Standing standing("vip", State::ok);
    standing.set(at(1), State::repairing, "");
    BOOST_CHECK_EQUAL(standing.line().failures, 0U);
    standing.set(at(2), State::degraded, "");
    standing.set(at(3), State::failed, "");
    standing.set(at(4), State::degraded, "");
    BOOST_CHECK_EQUAL(standing.line().failures, 1U);
    standing.set(at(5), State::ok, "");
    standing.set(at(6), State::failed, "");
    BOOST_CHECK_EQUAL(standing.line().failures, 2U);
}

BOOST_AUTO_TEST_SUITE_END()
