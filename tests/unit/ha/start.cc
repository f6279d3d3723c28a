// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/ha/stage.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

BOOST_AUTO_TEST_SUITE(node_start)

BOOST_AUTO_TEST_CASE(a_new_node_is_in_init_and_delivers_nothing_as_active) {
    Stage stage;
    BOOST_TEST(joined(stage.lines) == "grant_standby, report started");
    BOOST_CHECK(stage.role() == Role::init);
    BOOST_TEST(!stage.node.may_renew(stage.now));
    BOOST_TEST(!stage.node.view().holds);
}

BOOST_AUTO_TEST_CASE(a_primary_alone_listens_then_asks_the_network_and_then_serves) {
    Stage stage{Policy{.configured = ConfiguredRole::primary}};
    stage.pass(milliseconds{2999});
    BOOST_CHECK(stage.role() == Role::init);
    BOOST_TEST(stage.effects() == "");
    stage.pass(milliseconds{1});
    BOOST_TEST(stage.effects() == "beat, probe");
    stage.pass(milliseconds{50});
    BOOST_TEST(stage.effects() == "keep_epoch 1, raise 1, grant_active 1, announce, beat");
    BOOST_TEST(stage.said("report took_over_vacant"));
    BOOST_TEST(stage.node.may_renew(stage.now));
}

BOOST_AUTO_TEST_CASE(a_secondary_that_never_served_does_not_claim_alone) {
    Stage stage;
    stage.pass(std::chrono::hours{1});
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.epoch() == 0U);
}

BOOST_AUTO_TEST_CASE(a_secondary_whose_group_served_before_claims_alone_with_a_new_epoch) {
    Stage stage{Policy{.known_epoch = 41}};
    stage.pass(seconds{4});
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.epoch() == 42U);
}

BOOST_AUTO_TEST_CASE(two_secondaries_that_never_served_stay_standby) {
    Stage stage;
    stage.peer.role = Role::standby;
    stage.pass_hearing(seconds{10});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(of_two_standbys_the_primary_takes_the_group) {
    Stage stage{Policy{.configured = ConfiguredRole::primary}};
    stage.peer.role = Role::standby;
    stage.pass_hearing(milliseconds{14});
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass_hearing(milliseconds{80});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(of_two_standbys_the_loser_waits) {
    Stage stage{Policy{.node_id = 2, .known_epoch = 9}};
    stage.peer.role = Role::standby;
    stage.peer.epoch = 3;
    stage.pass_hearing(seconds{5});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(a_primary_that_restarts_beside_an_active_peer_stays_standby_and_keeps_its_epoch) {
    Stage stage{Policy{.configured = ConfiguredRole::primary, .known_epoch = 2}};
    stage.peer.role = Role::active;
    stage.peer.epoch = 7;
    stage.beat();
    BOOST_TEST(stage.effects() == "keep_epoch 7, beat");
    stage.pass_hearing(seconds{10});
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.epoch() == 7U);
}

BOOST_AUTO_TEST_CASE(while_the_peer_is_still_in_init_nobody_concludes_anything) {
    Stage stage{Policy{.configured = ConfiguredRole::primary}};
    stage.peer.role = Role::init;
    stage.pass_hearing(seconds{2});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(a_group_disabled_in_the_configuration_stays_so) {
    Stage stage{Policy{.configured = ConfiguredRole::primary, .initial = InitialState::disabled}};
    stage.pass(seconds{20});
    BOOST_CHECK(stage.role() == Role::disabled);
}

BOOST_AUTO_TEST_CASE(at_the_start_something_that_answers_for_the_vip_keeps_the_node_off) {
    Stage stage{Policy{.configured = ConfiguredRole::primary}};
    stage.pass(seconds{3});
    BOOST_TEST(stage.said("probe"));
    stage.on(Claim{});
    stage.pass(milliseconds{50});
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.count("look") == 1U);
    stage.on(Looked{true});
    BOOST_TEST(stage.count("report serving_elsewhere") == 1U);
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
