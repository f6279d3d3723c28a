// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/ha/stage.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

BOOST_AUTO_TEST_SUITE(node_takeover)

BOOST_AUTO_TEST_CASE(silence_and_an_unanswered_probe) {
    Stage stage = standby_stage();
    const Instant heard = stage.now;
    stage.pass(milliseconds{15});
    BOOST_TEST(joined(stage.lines) == "report path_down, report peer_silent, probe");
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(milliseconds{1});
    BOOST_TEST(joined(stage.lines) ==
               "keep_epoch 6, raise 6, grant_active 6, announce, beat, report took_over_silence");
    BOOST_CHECK(stage.now == heard + milliseconds{16});
}

BOOST_AUTO_TEST_CASE(the_record_of_a_takeover_tells_its_instants) {
    Stage stage = standby_stage();
    const Instant heard = stage.now;
    stage.now += milliseconds{15};
    stage.node.on(stage.now, Tick{});
    while (stage.node.next()) {
    }
    stage.now += milliseconds{1};
    stage.node.on(stage.now, Tick{});
    std::optional<Output> last;
    while (const auto output = stage.node.next())
        last = output;
    BOOST_REQUIRE(last.has_value());
    BOOST_CHECK(last->last_heard == heard);
    BOOST_CHECK(last->detected == heard + milliseconds{15});
    BOOST_CHECK(last->decided == heard + milliseconds{16});
}

BOOST_AUTO_TEST_CASE(silence_but_something_answers_for_the_vip) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.on(Claim{});
    stage.pass(milliseconds{1});
    BOOST_TEST(joined(stage.lines) == "look");
    stage.on(Looked{true});
    BOOST_TEST(joined(stage.lines) == "report serving_elsewhere, probe");
    BOOST_TEST(stage.node.view().serving_elsewhere);
    std::size_t looks = 0;
    for (int i = 0; i < 100; ++i) {
        stage.on(Claim{});
        stage.pass(milliseconds{20});
        BOOST_TEST(stage.count("report serving_elsewhere") == 0U);
        if (stage.said("look")) {
            ++looks;
            stage.on(Looked{true});
        }
        BOOST_TEST(stage.count("probe") == 1U);
    }
    BOOST_TEST(looks >= 1U); // in two seconds, once a second
    BOOST_TEST(looks <= 2U);
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(milliseconds{20}); // it has stopped answering
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.said("report took_over_silence"));
    BOOST_TEST(!stage.node.view().serving_elsewhere);
}

BOOST_AUTO_TEST_CASE(what_answers_arp_but_serves_nothing_does_not_keep_the_group) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.on(Claim{7});
    stage.pass(milliseconds{1});
    BOOST_TEST(stage.said("look"));
    stage.pass(milliseconds{199});
    BOOST_TEST(stage.count("look") == 2U); // datagrams get lost: three questions in all
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(milliseconds{1});
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.said("report took_over_unserved"));
}

BOOST_AUTO_TEST_CASE(a_look_that_says_no_is_believed_at_once) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.on(Claim{7});
    stage.pass(milliseconds{1});
    stage.on(Looked{false});
    BOOST_TEST(stage.said("report took_over_unserved"));
}

BOOST_AUTO_TEST_CASE(an_answer_that_nobody_asked_for_changes_nothing) {
    Stage stage = standby_stage();
    stage.on(Looked{false});
    stage.on(Looked{true});
    BOOST_TEST(joined(stage.lines) == "");
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(a_peer_that_is_heard_again_ends_the_look) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.on(Claim{7});
    stage.pass(milliseconds{1});
    stage.beat();
    stage.on(Looked{false});
    stage.pass(milliseconds{10});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(a_peer_that_is_heard_again_ends_the_probe) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    BOOST_TEST(stage.node.view().probing);
    stage.beat();
    BOOST_TEST(!stage.node.view().probing);
    stage.pass(milliseconds{5});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(a_resignation_ends_the_probe_and_is_followed) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.on(Claim{}); // the active answers for its address, of course
    stage.peer.resigning = true;
    stage.beat();
    BOOST_TEST(stage.said("report took_over_resigned"));
}

BOOST_AUTO_TEST_CASE(process_gone_on_the_only_path_is_followed_at_once) {
    Stage stage = standby_stage();
    stage.on(PeerGone{0});
    BOOST_TEST(joined(stage.lines) == "report path_down, report peer_gone, keep_epoch 6, raise 6, "
                                      "grant_active 6, announce, beat, report took_over_gone");
}

BOOST_AUTO_TEST_CASE(a_proof_that_waited_while_this_node_was_paused_is_checked_with_the_network_first) {
    Stage stage = standby_stage();
    stage.now += seconds{7};
    stage.on(PeerGone{0});
    BOOST_TEST(stage.effects() == "probe");
    stage.on(Claim{}); // the peer is back, and so is its address
    stage.pass(milliseconds{1});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(process_gone_on_one_path_while_another_is_up_changes_nothing) {
    Stage stage = standby_stage(Policy{.paths = 2});
    stage.on(PeerGone{0});
    BOOST_TEST(joined(stage.lines) == "report path_down");
    stage.peer.path = 1;
    for (int i = 0; i < 200; ++i) {
        stage.now += milliseconds{5};
        stage.on(Tick{});
        stage.beat(1);
    }
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(process_gone_on_every_path_is_followed_at_once) {
    Stage stage = standby_stage(Policy{.paths = 2});
    stage.on(PeerGone{0});
    stage.on(PeerGone{1});
    BOOST_TEST(stage.said("report took_over_gone"));
}

BOOST_AUTO_TEST_CASE(an_old_proof_that_a_heartbeat_refuted_on_another_path_is_no_proof) {
    Stage stage = standby_stage(Policy{.paths = 2});
    stage.on(PeerGone{0});
    stage.beat(1); // the process lives: what path 0 said is void
    stage.pass(milliseconds{15});
    BOOST_CHECK(stage.node.view().peer == PeerState::silent);
    BOOST_TEST(stage.effects() == "probe");
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(one_silent_path_of_two_is_reported_and_no_more) {
    Stage stage = standby_stage(Policy{.paths = 2});
    Lines all;
    for (int i = 0; i < 20; ++i) {
        stage.now += milliseconds{5};
        stage.beat(1);
        all.insert(all.end(), stage.lines.begin(), stage.lines.end());
        stage.on(Tick{});
        all.insert(all.end(), stage.lines.begin(), stage.lines.end());
    }
    BOOST_TEST(joined(all) == "report path_down");
    BOOST_CHECK(stage.node.view().peer == PeerState::up);
}

BOOST_AUTO_TEST_CASE(a_peer_that_left_in_order_is_followed_as_soon_as_it_says_so) {
    Stage stage = standby_stage();
    stage.peer.role = Role::disabled;
    stage.peer.leaving = true;
    stage.beat();
    BOOST_TEST(stage.said("report took_over_vacant"));
}

BOOST_AUTO_TEST_CASE(the_silence_of_a_peer_that_left_is_no_alarm) {
    Stage stage = standby_stage();
    stage.peer.leaving = true;
    stage.beat();
    stage.pass(milliseconds{15});
    BOOST_TEST(stage.said("report peer_left"));
    BOOST_TEST(!stage.said("report peer_silent"));
}

BOOST_AUTO_TEST_CASE(an_active_peer_that_becomes_unfit_is_followed_at_once) {
    Stage stage = standby_stage();
    stage.peer.role = Role::fault;
    stage.peer.holds = false;
    stage.beat();
    BOOST_TEST(stage.said("report took_over_unfit"));
}

BOOST_AUTO_TEST_CASE(a_peer_whose_brain_restarted_while_active_is_followed_at_once) {
    Stage stage = standby_stage();
    stage.peer.incarnation = 78;
    stage.peer.role = Role::init;
    stage.beat();
    BOOST_TEST(stage.said("report took_over_gone"));
}

BOOST_AUTO_TEST_CASE(a_restart_seen_while_active_is_forgotten_by_the_time_of_the_next_vacancy) {
    Stage stage = active_stage();
    stage.peer.role = Role::active;
    stage.peer.epoch = 1;
    stage.beat();
    stage.peer.incarnation = 78;
    stage.peer.role = Role::init;
    stage.beat();
    stage.order(Verb::disable, Force::yes);
    BOOST_REQUIRE(stage.role() == Role::disabled);
    stage.peer.role = Role::standby;
    stage.beat();
    stage.order(Verb::enable);
    BOOST_CHECK(stage.role() == Role::standby); // by arbitration and after a probe, not at once
    BOOST_TEST(!stage.said("report took_over_gone"));
}

BOOST_AUTO_TEST_CASE(a_node_that_has_lost_its_port_never_takes_over) {
    Stage stage = standby_stage();
    stage.on(Port{false});
    BOOST_CHECK(stage.role() == Role::fault);
    stage.on(PeerGone{0});
    stage.pass(seconds{60});
    BOOST_CHECK(stage.role() == Role::fault);
}

BOOST_AUTO_TEST_CASE(an_input_other_than_a_tick_does_not_mistake_an_own_pause_for_silence) {
    Stage stage = standby_stage();
    stage.now += milliseconds{500}; // this node did not run; what wakes it is not a tick
    stage.on(Readiness{});
    BOOST_CHECK(stage.node.view().peer == PeerState::up);
    stage.on(Tick{milliseconds{495}});
    BOOST_CHECK(stage.node.view().peer == PeerState::up);
    BOOST_TEST(stage.said("report stalled"));
    BOOST_TEST(!stage.said("probe"));
}

BOOST_AUTO_TEST_CASE(a_pause_during_the_probe_asks_once_more_and_not_for_ever) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.stall(milliseconds{60});
    BOOST_TEST(stage.said("probe"));
    BOOST_CHECK(stage.role() == Role::standby);
    stage.stall(milliseconds{60});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
