// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/witness.hh"

#include "tests/unit/watch/time_line.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::testing;
using watch::State;
using watch::WitnessJudge;
using Step = WitnessJudge::Step;

namespace {

/// Three rounds of 100 ms; the first has been asked at 0.
WitnessJudge asked_judge() {
    WitnessJudge judge(at(0), ms(100), 3);
    BOOST_CHECK(judge.turn(at(0)) == Step::ask);
    return judge;
}

} // namespace

BOOST_AUTO_TEST_SUITE(witness)

BOOST_AUTO_TEST_CASE(three_silent_rounds_mean_isolation) {
    auto judge = asked_judge();
    judge.turn(at(100));
    judge.turn(at(200));
    BOOST_CHECK(judge.state() == State::unknown);
    judge.turn(at(300));
    BOOST_CHECK(judge.state() == State::failed);
}

BOOST_AUTO_TEST_CASE(any_answer_ends_it_at_once_and_breaks_the_row) {
    auto judge = asked_judge();
    judge.answered();
    BOOST_CHECK(judge.state() == State::ok);
    judge.turn(at(100)); // answered
    judge.turn(at(200)); // silent 1
    judge.turn(at(300)); // silent 2
    judge.answered();
    judge.turn(at(400)); // answered
    judge.turn(at(500)); // silent 1
    judge.turn(at(600)); // silent 2
    BOOST_CHECK(judge.state() == State::ok);
    judge.turn(at(700)); // silent 3
    BOOST_CHECK(judge.state() == State::failed);
    judge.answered();
    BOOST_CHECK(judge.state() == State::ok);
}

BOOST_AUTO_TEST_CASE(a_round_in_which_we_came_late_does_not_count) {
    auto judge = asked_judge();
    judge.answered();
    judge.turn(at(100));
    judge.turn(at(200));                           // silent 1
    judge.turn(at(300));                           // silent 2
    BOOST_CHECK(judge.turn(at(451)) == Step::ask); // 51 ms late: neither silent nor an answer
    BOOST_CHECK(judge.state() == State::ok);
    BOOST_CHECK(judge.deadline() == at(551));
    judge.turn(at(601)); // 50 ms late: counts
    BOOST_CHECK(judge.state() == State::failed);
}

BOOST_AUTO_TEST_CASE(a_thread_that_is_always_late_never_calls_itself_isolated) {
    auto judge = asked_judge();
    for (std::int64_t round = 1; round < 100; ++round)
        judge.turn(at(round * 160));
    BOOST_CHECK(judge.state() == State::unknown);
}

BOOST_AUTO_TEST_CASE(rounds_keep_their_time) {
    auto judge = asked_judge();
    BOOST_CHECK(judge.deadline() == at(100));
    BOOST_CHECK(judge.turn(at(99)) == Step::wait);
    BOOST_CHECK(judge.turn(at(120)) == Step::ask);
    BOOST_CHECK(judge.deadline() == at(200)); // a little late once does not shift all that follow
    BOOST_CHECK(judge.turn(at(10000)) == Step::ask);
    BOOST_CHECK(judge.deadline() == at(10100));
}

BOOST_AUTO_TEST_CASE(the_active_waits_one_round_more) {
    auto judge = asked_judge();
    judge.on_role(true);
    judge.answered();
    judge.turn(at(100)); // answered
    judge.turn(at(200)); // silent 1
    judge.turn(at(300)); // silent 2
    judge.turn(at(400)); // silent 3
    BOOST_CHECK(judge.state() == State::ok);
    judge.turn(at(500));
    BOOST_CHECK(judge.state() == State::failed);
    judge.on_role(false);
    judge.turn(at(600));
    BOOST_CHECK(judge.state() == State::failed);
    judge.answered();
    judge.turn(at(700));
    judge.turn(at(800));
    judge.turn(at(900));
    judge.turn(at(1000));
    BOOST_CHECK(judge.state() == State::failed);
}

BOOST_AUTO_TEST_CASE(who_becomes_active_after_the_third_silent_round_is_isolated_already) {
    auto judge = asked_judge();
    for (std::int64_t round = 1; round <= 3; ++round)
        judge.turn(at(100 * round));
    judge.on_role(true);
    judge.turn(at(400));
    BOOST_CHECK(judge.state() == State::failed);
    judge.turn(at(500));
    judge.turn(at(600));
    BOOST_CHECK(judge.state() == State::failed);
}

BOOST_AUTO_TEST_CASE(one_round_is_the_least) {
    WitnessJudge judge(at(0), ms(100), 1);
    judge.turn(at(0));
    judge.turn(at(100));
    BOOST_CHECK(judge.state() == State::failed);
}

BOOST_AUTO_TEST_SUITE_END()
