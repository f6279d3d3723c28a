// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/ha/stage.hh"

#include <boost/test/unit_test.hpp>

// The network is asked so early that the answer is due when the silence is established.

namespace tandem::ha {
namespace {

Policy asking_ahead() {
    Policy policy;
    policy.probe_ahead = policy.probe_wait;
    return policy;
}

BOOST_AUTO_TEST_SUITE(node_ahead)

BOOST_AUTO_TEST_CASE(the_answer_is_due_when_the_silence_is_established) {
    Stage stage = standby_stage(asking_ahead());
    const Instant heard = stage.now;
    stage.pass(milliseconds{14});
    BOOST_TEST(joined(stage.lines) == "probe");
    stage.pass(milliseconds{1});
    BOOST_TEST(joined(stage.lines) == "report path_down, report peer_silent, keep_epoch 6, raise 6, "
                                      "grant_active 6, announce, beat, report took_over_silence");
    BOOST_CHECK(stage.now == heard + milliseconds{15});
}

BOOST_AUTO_TEST_CASE(nothing_is_asked_while_heartbeats_come) {
    Stage stage = standby_stage(asking_ahead());
    stage.pass_hearing(milliseconds{500});
    BOOST_TEST(stage.count("probe") == 0U);
}

BOOST_AUTO_TEST_CASE(somebody_answers_so_the_question_is_asked_again_when_the_silence_is_established) {
    Stage stage = standby_stage(asking_ahead());
    stage.pass(milliseconds{14});
    stage.on(Claim{7});
    stage.pass(milliseconds{1});
    BOOST_TEST(stage.said("probe"));
    BOOST_TEST(!stage.said("look"));
    stage.on(Claim{7});
    stage.pass(milliseconds{1});
    BOOST_TEST(stage.said("look"));
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(whoever_answered_ahead_and_crashed_before_the_silence_is_not_waited_for) {
    Stage stage = standby_stage(asking_ahead());
    stage.pass(milliseconds{14});
    stage.on(Claim{7});
    stage.pass(milliseconds{2});
    BOOST_TEST(!stage.said("look"));
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(asked_late_it_waits_for_the_answer_all_the_same) {
    Stage stage = standby_stage(asking_ahead());
    stage.now += milliseconds{14} + microseconds{700}; // woken late, yet by less than an interval
    stage.on(Tick{});
    BOOST_TEST(joined(stage.lines) == "probe");
    stage.pass(microseconds{300});
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(microseconds{699});
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(microseconds{1});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(a_heartbeat_makes_the_question_moot_and_the_next_silence_asks_anew) {
    Stage stage = standby_stage(asking_ahead());
    stage.pass(milliseconds{14});
    stage.on(Claim{7}); // of the question before; says nothing of the silence that follows
    stage.beat();
    stage.pass(milliseconds{14});
    BOOST_TEST(joined(stage.lines) == "probe");
    stage.pass(milliseconds{1});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(after_an_own_pause_the_question_is_asked_again) {
    Stage stage = standby_stage(asking_ahead());
    stage.pass(milliseconds{14});
    stage.stall(milliseconds{40});
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(microseconds{900}); // 14.9 ms of silence that count
    BOOST_TEST(stage.said("probe") == false);
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(milliseconds{1});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(one_path_that_is_heard_is_enough_not_to_ask) {
    Policy policy = asking_ahead();
    policy.paths = 2;
    Stage stage = standby_stage(policy);
    std::size_t asked = 0;
    for (int i = 0; i < 20; ++i) {
        stage.pass(milliseconds{5});
        asked += stage.count("probe");
        stage.beat(1);
    }
    BOOST_TEST(asked == 0U);
}

BOOST_AUTO_TEST_CASE(who_answers_is_not_taken_for_the_peer) {
    // A router with proxy ARP. Learned as the peer's station, it would settle conflicts that it is no part
    // of.
    Stage stage = standby_stage(asking_ahead());
    stage.on(Claim{5}); // the peer announces
    stage.pass(milliseconds{14});
    stage.on(Claim{7});
    stage.pass(milliseconds{30});
    stage.on(Looked{false});
    BOOST_CHECK(stage.role() == Role::active);
    stage.pass(seconds{1});
    for (int i = 0; i < 100; ++i) {
        stage.on(Claim{7});
        stage.pass(milliseconds{100});
    }
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(an_active_or_a_node_in_fault_asks_nothing) {
    Stage stage = active_stage(asking_ahead());
    stage.pass(milliseconds{14});
    BOOST_TEST(!stage.said("probe"));
    Stage other = standby_stage(asking_ahead());
    other.on(Port{false});
    other.pass(milliseconds{14});
    BOOST_TEST(!other.said("probe"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
