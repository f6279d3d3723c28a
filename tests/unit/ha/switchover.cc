// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/ha/stage.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

BOOST_AUTO_TEST_SUITE(node_switchover)

BOOST_AUTO_TEST_CASE(the_active_asks_and_yields_when_the_peer_has_it) {
    Stage stage = active_stage();
    stage.order(Verb::failover, Force::no, 9);
    BOOST_TEST(joined(stage.lines) == "beat, report resigning");
    BOOST_TEST(stage.node.view().resigning);
    BOOST_CHECK(stage.role() == Role::active);
    stage.peer.role = Role::active;
    stage.peer.epoch = 6;
    stage.beat();
    BOOST_TEST(joined(stage.lines) ==
               "keep_epoch 6, revoke, grant_yielding, vacate, beat, report yielded, answer 9 none");
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.node.view().yielding);
    BOOST_TEST(stage.node.may_renew(stage.now)); // the redirecting grant is a lease too
}

BOOST_AUTO_TEST_CASE(the_active_serves_until_the_peer_has_the_addresses) {
    Stage stage = active_stage();
    stage.order(Verb::failover, Force::no, 9);
    stage.peer.role = Role::active;
    stage.peer.epoch = 6;
    stage.peer_kernel_slow = true;
    stage.beat();
    BOOST_CHECK(stage.role() == Role::active);
    stage.pass_hearing(milliseconds{200});
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.node.may_renew(stage.now));
    stage.peer_kernel_slow = false;
    stage.beat();
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.said("answer 9 none"));
}

BOOST_AUTO_TEST_CASE(a_new_active_says_so_once_the_kernel_has_the_addresses) {
    Stage stage = standby_stage();
    stage.peer.resigning = true;
    stage.beat();
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(!stage.node.view().holds);
    stage.on(Raised{true, stage.epoch()});
    BOOST_TEST(stage.node.view().holds);
    BOOST_TEST(joined(stage.lines) == "beat");
}

BOOST_AUTO_TEST_CASE(the_standby_follows_a_resignation_at_once) {
    Stage stage = standby_stage();
    stage.peer.resigning = true;
    stage.beat();
    BOOST_TEST(joined(stage.lines) ==
               "keep_epoch 6, raise 6, grant_active 6, announce, beat, report took_over_resigned");
}

BOOST_AUTO_TEST_CASE(
    while_it_waits_to_be_followed_the_active_does_not_contradict_the_announcement_of_the_peer) {
    Stage stage = active_stage();
    stage.pass_hearing(seconds{6});
    stage.order(Verb::failover);
    stage.on(Claim{}); // the peer's announcement outruns its heartbeat
    BOOST_TEST(joined(stage.lines) == "");
    stage.pass_hearing(seconds{1});
    BOOST_TEST(stage.said("report resign_failed"));
    BOOST_TEST(stage.count("announce") == 1U); // nobody followed: the claim is answered now
}

BOOST_AUTO_TEST_CASE(a_planned_switchover_is_no_conflict_to_the_new_active) {
    Stage stage = standby_stage();
    stage.peer.resigning = true;
    stage.beat();
    stage.beat(); // it was sent before this node's answer arrived
    BOOST_TEST(joined(stage.lines) == "");
    stage.peer.role = Role::standby;
    stage.peer.resigning = false;
    stage.peer.epoch = stage.epoch();
    stage.beat();
    BOOST_TEST(joined(stage.lines) == "announce"); // after the release
}

Stage yielding_stage() {
    Stage stage = active_stage();
    stage.order(Verb::failover);
    stage.peer.role = Role::active;
    stage.peer.epoch = 6;
    stage.beat();
    return stage;
}

BOOST_AUTO_TEST_CASE(the_yield_ends_when_it_is_quiet) {
    Stage stage = yielding_stage();
    stage.pass_hearing(milliseconds{699});
    BOOST_TEST(stage.node.view().yielding);
    stage.pass_hearing(milliseconds{1});
    BOOST_TEST(stage.effects() == "seal, grant_standby");
    BOOST_TEST(!stage.node.view().yielding);
    BOOST_TEST(!stage.node.may_renew(stage.now));
}

BOOST_AUTO_TEST_CASE(stragglers_prolong_the_yield_up_to_its_maximum) {
    Stage stage = yielding_stage();
    const Instant began = stage.now;
    while (stage.node.view().yielding) {
        BOOST_REQUIRE(stage.now < began + seconds{11});
        stage.on(Straggler{});
        stage.pass_hearing(milliseconds{100});
    }
    BOOST_CHECK(stage.now == began + seconds{10});
}

BOOST_AUTO_TEST_CASE(a_last_straggler_is_waited_out) {
    Stage stage = yielding_stage();
    const Instant began = stage.now;
    stage.pass_hearing(milliseconds{600});
    stage.on(Straggler{});
    while (stage.node.view().yielding)
        stage.pass_hearing(milliseconds{1});
    BOOST_CHECK(stage.now == began + milliseconds{1000});
}

BOOST_AUTO_TEST_CASE(a_straggler_outside_of_a_yield_is_nothing) {
    Stage stage = standby_stage();
    stage.on(Straggler{});
    BOOST_TEST(joined(stage.lines) == "");
}

BOOST_AUTO_TEST_CASE(the_new_active_dies_while_the_old_one_yields) {
    Stage stage = yielding_stage();
    stage.on(PeerGone{0});
    BOOST_TEST(stage.effects() == "keep_epoch 7, raise 7, grant_active 7, announce, beat");
    BOOST_TEST(!stage.node.view().yielding);
    stage.pass(seconds{1});
    BOOST_TEST(!stage.said("seal")); // the end of a yield that is over must not close the egress
}

BOOST_AUTO_TEST_CASE(a_peer_that_is_not_ready_is_refused_unless_forced) {
    Stage stage = active_stage();
    stage.peer.ready = false;
    stage.beat();
    stage.order(Verb::failover, Force::no, 3);
    BOOST_TEST(joined(stage.lines) == "answer 3 peer_not_ready");
    stage.order(Verb::failover, Force::yes, 4);
    BOOST_TEST(joined(stage.lines) == "report forced, beat, report resigning");
}

BOOST_AUTO_TEST_CASE(nobody_to_hand_over_to) {
    Stage stage = active_stage();
    stage.pass(seconds{1});
    stage.order(Verb::failover, Force::yes, 3);
    BOOST_TEST(joined(stage.lines) == "answer 3 peer_absent");
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(not_even_force_hands_over_to_a_peer_that_is_unfit) {
    for (const Role role : {Role::init, Role::fault, Role::disabled}) {
        Stage stage = active_stage();
        stage.peer.role = role;
        stage.beat();
        stage.order(Verb::failover, Force::yes, 3);
        const std::string reason = role == Role::fault      ? "peer_unfit"
                                   : role == Role::disabled ? "peer_disabled"
                                                            : "peer_not_ready";
        BOOST_TEST(joined(stage.lines) == "answer 3 " + reason);
        BOOST_CHECK(stage.role() == Role::active);
    }
}

BOOST_AUTO_TEST_CASE(a_resignation_that_nobody_follows_ends_and_the_node_stays) {
    Stage stage = active_stage();
    stage.order(Verb::failover, Force::no, 3);
    stage.order(Verb::failover, Force::no, 4);
    BOOST_TEST(joined(stage.lines) == "answer 4 busy");
    stage.pass_hearing(seconds{1});
    BOOST_TEST(stage.said("report resign_failed"));
    BOOST_TEST(stage.said("answer 3 not_followed"));
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(!stage.node.view().resigning);
    stage.order(Verb::failover, Force::no, 5);
    BOOST_TEST(stage.said("report resigning")); // it can be asked again
}

BOOST_AUTO_TEST_CASE(a_standby_does_not_hand_over_what_it_does_not_have) {
    Stage stage = standby_stage();
    stage.order(Verb::failover, Force::yes, 3);
    BOOST_TEST(joined(stage.lines) == "answer 3 not_active");
}

BOOST_AUTO_TEST_CASE(an_operator_can_order_a_takeover_from_a_peer_that_is_not_heard) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.on(Claim{}); // something answers, and serves: the node itself holds back
    stage.pass(milliseconds{1});
    stage.on(Looked{true});
    stage.order(Verb::failover, Force::no, 3);
    BOOST_TEST(joined(stage.lines) == "answer 3 serving_elsewhere");
    BOOST_CHECK(stage.role() == Role::standby);
    stage.order(Verb::failover, Force::yes, 4);
    BOOST_TEST(stage.said("report forced"));
    BOOST_TEST(stage.said("answer 4 none"));
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
