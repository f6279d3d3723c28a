// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/server.hh"

#include "tests/unit/watch/time_line.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::testing;
using watch::ServerJudge;
using watch::State;
using Step = ServerJudge::Step;

namespace {

ServerJudge judge_of() {
    return {at(0), ms(1000), ms(500)};
}

/// One round without an answer.
void silent_round(ServerJudge& judge, std::int64_t when) {
    BOOST_CHECK(judge.turn(at(when)) == Step::ask);
    BOOST_CHECK(judge.turn(at(when + 500)) == Step::wait);
}

} // namespace

BOOST_AUTO_TEST_SUITE(server)

BOOST_AUTO_TEST_CASE(nothing_is_known_before_the_first_answer) {
    auto judge = judge_of();
    BOOST_CHECK(judge.deadline() == at(0));
    BOOST_CHECK(judge.state() == State::unknown);
    BOOST_CHECK(judge.turn(at(0)) == Step::ask);
    BOOST_CHECK(judge.deadline() == at(500));
    BOOST_CHECK(judge.state() == State::unknown);
    judge.answered();
    BOOST_CHECK(judge.state() == State::ok);
    BOOST_CHECK(judge.deadline() == at(1000));
}

BOOST_AUTO_TEST_CASE(two_silent_rounds_in_a_row_are_a_failure_and_one_is_not) {
    auto judge = judge_of();
    silent_round(judge, 0);
    BOOST_CHECK(judge.state() == State::unknown);
    BOOST_CHECK(judge.turn(at(1000)) == Step::ask);
    judge.answered();
    silent_round(judge, 2000);
    BOOST_CHECK(judge.state() == State::ok);
    BOOST_CHECK(judge.turn(at(3000)) == Step::ask);
    judge.answered(); // the row is broken
    silent_round(judge, 4000);
    BOOST_CHECK(judge.state() == State::ok);
    BOOST_CHECK(judge.turn(at(5000)) == Step::ask);
    BOOST_CHECK(judge.turn(at(5499)) == Step::wait);
    BOOST_CHECK(judge.state() == State::ok);
    BOOST_CHECK(judge.turn(at(5500)) == Step::wait);
    BOOST_CHECK(judge.state() == State::failed);
    BOOST_CHECK(judge.why() == ServerJudge::Why::silent);
    BOOST_CHECK(judge.turn(at(6000)) == Step::ask); // it goes on asking
    judge.answered();
    BOOST_CHECK(judge.state() == State::ok);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_a_failure_at_once_and_stays_its_reason) {
    auto judge = judge_of();
    judge.turn(at(0));
    judge.answered();
    BOOST_CHECK(judge.turn(at(1000)) == Step::ask);
    judge.refused();
    BOOST_CHECK(judge.state() == State::failed);
    BOOST_CHECK(judge.why() == ServerJudge::Why::refused);
    BOOST_CHECK(judge.deadline() == at(2000));
    silent_round(judge, 2000);
    BOOST_CHECK(judge.why() == ServerJudge::Why::refused);
    judge.turn(at(3000));
    judge.answered();
    BOOST_CHECK(judge.state() == State::ok);
    // and then again two rounds
    silent_round(judge, 4000);
    BOOST_CHECK(judge.state() == State::ok);
}

BOOST_AUTO_TEST_CASE(rounds_that_were_missed_are_not_made_up_for) {
    auto judge = judge_of();
    judge.turn(at(0));
    judge.answered();
    unsigned asked = 0;
    for (std::int64_t when = 60000; when < 61000; when += 10)
        if (judge.turn(at(when)) == Step::ask) {
            ++asked;
            judge.answered();
        }
    BOOST_CHECK_EQUAL(asked, 1U);
}

BOOST_AUTO_TEST_CASE(the_deadline_is_never_in_the_past_after_a_turn) {
    auto judge = judge_of();
    for (const std::int64_t when : {0, 10, 499, 500, 700, 1700, 1701, 2600, 9999, 10000, 10500, 30000}) {
        judge.turn(at(when));
        BOOST_CHECK_MESSAGE(judge.deadline() > at(when), when);
    }
}

BOOST_AUTO_TEST_CASE(a_time_out_longer_than_the_interval_keeps_one_question_at_a_time) {
    ServerJudge judge(at(0), ms(200), ms(500));
    BOOST_CHECK(judge.turn(at(0)) == Step::ask);
    BOOST_CHECK(judge.turn(at(200)) == Step::wait);
    BOOST_CHECK(judge.turn(at(400)) == Step::wait);
    BOOST_CHECK(judge.turn(at(500)) == Step::ask); // silent, and the next is due
    BOOST_CHECK(judge.turn(at(1000)) == Step::ask);
    BOOST_CHECK(judge.state() == State::failed);
}

BOOST_AUTO_TEST_SUITE_END()
