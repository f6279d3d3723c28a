// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/ha/stage.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

BOOST_AUTO_TEST_SUITE(node_operator)

BOOST_AUTO_TEST_CASE(a_standby_is_disabled_and_enabled) {
    Stage stage = standby_stage();
    stage.order(Verb::disable, Force::no, 5);
    BOOST_TEST(joined(stage.lines) == "beat, report disabled, answer 5 none");
    stage.order(Verb::disable, Force::no, 6);
    BOOST_TEST(joined(stage.lines) == "answer 6 already_disabled");
    stage.on(PeerGone{0});
    stage.pass(seconds{10});
    BOOST_CHECK(stage.role() == Role::disabled);
    stage.order(Verb::enable, Force::no, 7);
    BOOST_TEST(stage.said("answer 7 none"));
    stage.order(Verb::enable, Force::no, 8);
    BOOST_TEST(stage.said("answer 8 not_disabled"));
}

BOOST_AUTO_TEST_CASE(an_enabled_node_that_never_heard_its_peer_listens_before_it_claims) {
    Stage stage{Policy{.configured = ConfiguredRole::primary, .initial = InitialState::disabled}};
    stage.order(Verb::enable);
    stage.pass(milliseconds{2999});
    BOOST_TEST(!stage.said("probe"));
    stage.pass(milliseconds{51});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(an_active_is_disabled_by_a_hand_over) {
    Stage stage = active_stage();
    stage.order(Verb::disable, Force::no, 5);
    BOOST_CHECK(stage.role() == Role::active);
    stage.peer.role = Role::active;
    stage.peer.epoch = 6;
    stage.beat();
    BOOST_CHECK(stage.role() == Role::disabled);
    BOOST_TEST(stage.effects() == "keep_epoch 6, revoke, grant_yielding, vacate, beat");
    BOOST_TEST(stage.said("answer 5 none"));
    stage.pass_hearing(seconds{1});
    BOOST_TEST(stage.said("seal"));
}

BOOST_AUTO_TEST_CASE(the_last_fit_node_is_disabled_only_by_force) {
    Stage stage = active_stage();
    stage.pass(seconds{1});
    stage.order(Verb::disable, Force::no, 5);
    BOOST_TEST(joined(stage.lines) == "answer 5 last_fit");
    BOOST_CHECK(stage.role() == Role::active);
    stage.order(Verb::disable, Force::yes, 6);
    BOOST_TEST(joined(stage.lines) ==
               "report forced, revoke, lower, grant_standby, beat, report disabled, answer 6 none");
}

BOOST_AUTO_TEST_CASE(a_standby_leaves) {
    Stage stage = standby_stage();
    stage.order(Verb::leave, Force::no, 5);
    BOOST_TEST(stage.said("answer 5 none"));
    BOOST_TEST(stage.node.view().leaving);
    stage.on(PeerGone{0});
    stage.pass(seconds{10});
    BOOST_CHECK(stage.role() == Role::disabled);
}

BOOST_AUTO_TEST_CASE(an_active_leaves_by_a_hand_over) {
    Stage stage = active_stage();
    stage.peer.ready = false; // a machine that shuts down cannot wait for readiness
    stage.beat();
    stage.order(Verb::leave, Force::no, 5);
    BOOST_TEST(stage.said("report resigning"));
    stage.peer.role = Role::active;
    stage.peer.epoch = 6;
    stage.beat();
    BOOST_CHECK(stage.role() == Role::disabled);
    BOOST_TEST(stage.said("answer 5 none"));
}

BOOST_AUTO_TEST_CASE(an_active_that_leaves_and_is_not_followed_releases_anyway) {
    Stage stage = active_stage();
    stage.order(Verb::leave, Force::no, 5);
    stage.pass_hearing(seconds{1});
    BOOST_CHECK(stage.role() == Role::disabled);
    BOOST_TEST(stage.said("revoke"));
    BOOST_TEST(stage.said("lower"));
}

BOOST_AUTO_TEST_CASE(an_active_that_leaves_alone_releases_at_once) {
    Stage stage = active_stage();
    stage.pass(seconds{1});
    stage.order(Verb::leave, Force::no, 5);
    BOOST_TEST(stage.effects() == "revoke, lower, grant_standby, beat");
    BOOST_TEST(stage.said("answer 5 peer_absent"));
    BOOST_CHECK(stage.role() == Role::disabled);
}

BOOST_AUTO_TEST_CASE(leaving_in_the_middle_of_a_hand_over_makes_it_the_farewell) {
    Stage stage = active_stage();
    stage.order(Verb::failover, Force::no, 5);
    stage.order(Verb::leave, Force::no, 6);
    BOOST_TEST(stage.said("answer 5 busy"));
    stage.peer.role = Role::active;
    stage.peer.epoch = 6;
    stage.beat();
    BOOST_CHECK(stage.role() == Role::disabled);
    BOOST_TEST(stage.said("answer 6 none"));
}

BOOST_AUTO_TEST_CASE(leaving_in_the_middle_of_a_hand_over_that_fails_still_leaves) {
    Stage stage = active_stage();
    stage.order(Verb::failover, Force::no, 5);
    stage.order(Verb::leave, Force::no, 6);
    stage.pass_hearing(seconds{1});
    BOOST_CHECK(stage.role() == Role::disabled);
}

BOOST_AUTO_TEST_CASE(failback_goes_to_the_primary_only) {
    Stage home = active_stage(); // is the primary itself
    home.order(Verb::failback, Force::no, 5);
    BOOST_TEST(joined(home.lines) == "answer 5 already_home");

    Stage away = standby_stage();
    away.on(PeerGone{0});
    away.peer.role = Role::standby;
    away.peer.configured = ConfiguredRole::primary;
    away.peer.ready = true;
    away.peer.incarnation = 78;
    away.beat();
    away.order(Verb::failback, Force::no, 6);
    BOOST_TEST(away.said("report resigning"));

    Stage none = standby_stage();
    none.order(Verb::failback, Force::no, 7);
    BOOST_TEST(joined(none.lines) == "answer 7 no_primary");
}

BOOST_AUTO_TEST_CASE(a_node_that_has_just_started_refuses_to_decide_for_an_operator) {
    Stage stage;
    stage.order(Verb::failover, Force::yes, 5);
    BOOST_TEST(joined(stage.lines) == "answer 5 self_unfit");
}

BOOST_AUTO_TEST_CASE(an_operator_gives_the_group_to_a_secondary_that_never_served) {
    Stage stage;
    stage.pass(seconds{4});
    stage.order(Verb::failover, Force::no, 5);
    BOOST_TEST(joined(stage.lines) == "answer 5 self_not_ready");
    stage.order(Verb::failover, Force::yes, 6);
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.said("report forced"));
    BOOST_TEST(stage.said("report took_over_operator"));
    BOOST_TEST(!stage.said("probe"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
