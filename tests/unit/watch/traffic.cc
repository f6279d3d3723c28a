// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/traffic.hh"

#include "tests/unit/watch/time_line.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::testing;
using watch::State;
using watch::TrafficJudge;

namespace {

/// check 60 s and force 10 s, check 30 s and force 2 s (which counts as 5): a period of 70 s.
TrafficJudge two_endpoints() {
    TrafficJudge judge({{.check = ms(60000), .force = ms(10000)}, {.check = ms(30000), .force = ms(2000)}});
    judge.on_role(at(0), true, 100);
    return judge;
}

} // namespace

BOOST_AUTO_TEST_SUITE(traffic)

BOOST_AUTO_TEST_CASE(the_period_is_the_longest_sum_and_force_is_at_least_five_seconds) {
    BOOST_CHECK(TrafficJudge({}).period() == ms(0));
    BOOST_CHECK(two_endpoints().period() == ms(70000));
    BOOST_CHECK(TrafficJudge({{.check = ms(30000), .force = ms(0)}}).period() == ms(35000));
    BOOST_CHECK(TrafficJudge({{.check = ms(30000), .force = ms(4999)}}).period() == ms(35000));
    BOOST_CHECK(TrafficJudge({{.check = ms(30000), .force = ms(6000)}}).period() == ms(36000));
    // the maximum of the sums, not the sum of the maxima
    BOOST_CHECK(TrafficJudge({{ms(60000), ms(5000)}, {ms(10000), ms(40000)}}).period() == ms(65000));
}

BOOST_AUTO_TEST_CASE(all_failed_and_silent_is_unavailable) {
    auto judge = two_endpoints();
    BOOST_CHECK(judge.look(at(34999), 100).failed == 0U);
    BOOST_CHECK(judge.look(at(35000), 100).failed == 1U);
    auto verdict = judge.look(at(69999), 100);
    BOOST_CHECK(verdict.state == State::ok);
    verdict = judge.look(at(70000), 100);
    BOOST_CHECK(verdict.state == State::failed);
    BOOST_CHECK_EQUAL(verdict.failed, 2U);
    BOOST_CHECK(verdict.since == at(0)); // the last sign: becoming active
}

BOOST_AUTO_TEST_CASE(silence_alone_never_triggers) {
    auto judge = two_endpoints();
    for (std::int64_t second = 0; second < 3600; ++second) {
        if (second % 29 == 0) // one endpoint answers, nobody calls
            judge.on_message(at(second * 1000), 1);
        BOOST_REQUIRE(judge.look(at(second * 1000), 100).state == State::ok);
    }
    BOOST_CHECK_EQUAL(judge.look(at(3'600'000), 100).failed, 1U);
}

BOOST_AUTO_TEST_CASE(failed_endpoints_alone_never_trigger) {
    auto judge = two_endpoints();
    std::uint64_t arrived = 100;
    for (std::int64_t second = 0; second < 3600; ++second) {
        if (second % 69 == 0)
            ++arrived;
        BOOST_REQUIRE(judge.look(at(second * 1000), arrived).state == State::ok);
    }
    BOOST_CHECK_EQUAL(judge.look(at(3'600'000), arrived).failed, 2U);
}

BOOST_AUTO_TEST_CASE(a_message_ends_it_at_once_and_the_time_begins_anew) {
    auto judge = two_endpoints();
    BOOST_CHECK(judge.look(at(70000), 100).state == State::failed);
    auto verdict = judge.look(at(71000), 101);
    BOOST_CHECK(verdict.state == State::ok);
    BOOST_CHECK(verdict.sign);
    BOOST_CHECK(verdict.since == at(71000));
    BOOST_CHECK(judge.look(at(140999), 101).state == State::ok);
    BOOST_CHECK(judge.look(at(141000), 101).state == State::failed);
    judge.on_message(at(141500), 0);
    verdict = judge.look(at(141500), 101);
    BOOST_CHECK(verdict.state == State::ok);
    BOOST_CHECK(verdict.sign);
    BOOST_CHECK(!judge.look(at(141600), 101).sign); // told once
}

BOOST_AUTO_TEST_CASE(becoming_active_begins_anew_and_another_role_is_not_judged) {
    TrafficJudge judge({{.check = ms(10000), .force = ms(5000)}});
    judge.on_role(at(0), false, 0);
    BOOST_CHECK(judge.look(at(3'600'000), 0).state == State::unknown);
    BOOST_CHECK(judge.due(at(3'600'000)).empty());
    BOOST_CHECK(judge.deadline() == ha::end_of_time);
    judge.on_role(at(3'600'000), true, 40);
    BOOST_CHECK(!judge.look(at(3'600'001), 40).sign);
    BOOST_CHECK(judge.look(at(3'614'999), 40).state == State::ok);
    BOOST_CHECK(judge.look(at(3'615'000), 40).state == State::failed);
    judge.on_role(at(3'615'100), false, 40);
    BOOST_CHECK(judge.look(at(3'615'200), 40).state == State::unknown);
}

BOOST_AUTO_TEST_CASE(endpoints_are_asked_when_they_were_silent_and_again_every_second) {
    auto judge = two_endpoints();
    BOOST_CHECK(judge.deadline() == at(30000));
    BOOST_CHECK(judge.due(at(29999)).empty());
    BOOST_CHECK(judge.due(at(30000)) == std::vector<std::size_t>{1});
    BOOST_CHECK(judge.due(at(30000)).empty()); // asked
    BOOST_CHECK(judge.deadline() == at(31000));
    BOOST_CHECK(judge.due(at(31000)) == std::vector<std::size_t>{1});
    judge.on_message(at(31010), 1);
    BOOST_CHECK(judge.deadline() == at(60000));
    BOOST_CHECK((judge.due(at(61010)) == std::vector<std::size_t>{0, 1}));
}

BOOST_AUTO_TEST_CASE(a_counter_that_begins_again_is_no_message) {
    auto judge = two_endpoints();
    auto verdict = judge.look(at(60000), 3);
    BOOST_CHECK(!verdict.sign);
    BOOST_CHECK(judge.look(at(70000), 3).state == State::failed);
    BOOST_CHECK(judge.look(at(70100), 4).state == State::ok);
}

BOOST_AUTO_TEST_CASE(without_endpoints_signs_are_still_seen) {
    TrafficJudge judge({});
    judge.on_role(at(0), true, 5);
    const auto verdict = judge.look(at(1), 6);
    BOOST_CHECK(verdict.sign);
    BOOST_CHECK(verdict.state == State::unknown);
    judge.on_message(at(2), 0); // nobody of ours
    BOOST_CHECK(!judge.look(at(3), 6).sign);
}

BOOST_AUTO_TEST_SUITE_END()
