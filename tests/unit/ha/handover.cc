// SPDX-License-Identifier: GPL-3.0-or-later
// What makes an active node give the group away by itself: health, reach, want of service, the failback
// policy; and what holds it back.
#include "tests/unit/ha/stage.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

/// The peer has followed: it is active under the next epoch and has the addresses.
void follow(Stage& stage) {
    stage.peer.role = Role::active;
    stage.peer.epoch = stage.epoch() + 1;
    stage.beat();
    BOOST_REQUIRE(stage.role() == Role::standby);
}

/// The peer hands the group back to this node.
void give_back(Stage& stage) {
    stage.peer.resigning = true;
    stage.beat();
    BOOST_REQUIRE(stage.role() == Role::active);
    stage.on(Raised{true, stage.epoch()});
    stage.peer.resigning = false;
    stage.peer.role = Role::standby;
    stage.peer.epoch = stage.epoch();
    stage.beat();
}

BOOST_AUTO_TEST_SUITE(node_handover)

BOOST_AUTO_TEST_CASE(better_health_of_the_peer_takes_the_group_at_once) {
    Stage stage = active_stage();
    stage.on(Health{600});
    BOOST_TEST(stage.said("report resigning_health"));
    BOOST_TEST(stage.node.view().resigning);
    BOOST_TEST(stage.node.view().score == 600U);
    follow(stage);
}

BOOST_AUTO_TEST_CASE(a_peer_that_becomes_better_gets_the_group_when_that_has_lasted) {
    Stage stage = active_stage();
    stage.peer.score = 0;
    stage.beat();
    stage.on(Health{0});
    stage.pass_hearing(seconds{10});
    stage.peer.score = score_max;
    stage.pass_hearing(milliseconds{1990});
    BOOST_TEST(!stage.node.view().resigning);
    stage.pass_hearing(milliseconds{20});
    BOOST_TEST(stage.said("report resigning_health"));
}

BOOST_AUTO_TEST_CASE(where_both_servers_start_within_moments_nothing_is_handed_over) {
    Stage stage = active_stage();
    stage.peer.score = 0;
    stage.beat();
    stage.on(Health{0});
    stage.pass_hearing(seconds{3});
    stage.peer.score = score_max;
    stage.pass_hearing(milliseconds{1500});
    stage.on(Health{score_max});
    stage.pass_hearing(seconds{10});
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(!stage.node.view().resigning);
    // And the next fall counts at once again.
    stage.on(Health{0});
    BOOST_TEST(stage.said("report resigning_health"));
}

BOOST_AUTO_TEST_CASE(a_difference_within_the_hysteresis_does_not) {
    Stage stage = active_stage();
    stage.on(Health{900});
    stage.pass_hearing(seconds{5});
    BOOST_TEST(!stage.node.view().resigning);
    stage.on(Health{899});
    BOOST_TEST(stage.node.view().resigning);
}

BOOST_AUTO_TEST_CASE(a_better_peer_that_lacks_something_gets_nothing_unless_nothing_works_here) {
    for (const std::uint8_t lack : {lack_mirror, lack_config, lack_state, lack_yield}) {
        Stage stage = active_stage();
        stage.peer.lacks = lack;
        stage.peer.ready = false;
        stage.beat();
        stage.on(Health{300});
        BOOST_TEST(!stage.node.view().resigning);
        stage.on(Health{0});
        BOOST_TEST(stage.node.view().resigning);
    }
    for (const std::uint8_t lack : {lack_server, lack_engine, lack_reach}) {
        Stage stage = active_stage();
        stage.peer.lacks = lack;
        stage.beat();
        stage.on(Health{0});
        BOOST_TEST(!stage.node.view().resigning);
    }
}

BOOST_AUTO_TEST_CASE(bad_health_does_not_keep_a_standby_from_a_dead_peer) {
    Stage stage = standby_stage();
    stage.on(Health{0});
    BOOST_CHECK(stage.role() == Role::standby);
    stage.on(PeerGone{0});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(the_damper_holds_the_next_hand_over_back_and_says_for_how_long) {
    Stage stage = active_stage(Policy{.damper_base = seconds{1}});
    stage.on(Health{500});
    follow(stage);
    stage.on(Health{1000});
    BOOST_TEST(stage.node.view().damper_factor == 2U);
    give_back(stage);
    stage.on(Health{500});
    BOOST_TEST(!stage.node.view().resigning);
    BOOST_TEST(stage.said("report damped"));
    BOOST_CHECK(stage.node.view().damped_until > stage.now);
    stage.pass_hearing(seconds{1});
    BOOST_TEST(!stage.said("report damped")); // once an episode
    BOOST_TEST(!stage.node.view().resigning);
    stage.pass_hearing(seconds{1});
    BOOST_TEST(stage.node.view().resigning);
    follow(stage);
    BOOST_TEST(stage.node.view().damper_factor == 4U);
    stage.on(Health{1000});
    give_back(stage);
    stage.on(Health{500});
    stage.pass_hearing(milliseconds{3900});
    BOOST_TEST(!stage.node.view().resigning);
    stage.pass_hearing(milliseconds{200});
    BOOST_TEST(stage.node.view().resigning);
    follow(stage);
    BOOST_TEST(stage.node.view().damper_factor == 4U);
}

BOOST_AUTO_TEST_CASE(proof_of_service_resets_the_damper_but_not_at_once) {
    Stage stage = active_stage(Policy{.damper_base = seconds{1}});
    stage.on(Health{500});
    follow(stage);
    stage.on(Health{1000});
    give_back(stage);
    stage.on(Proof{});
    BOOST_TEST(stage.node.view().damper_factor == 2U); // a flap must not prove itself
    stage.pass_hearing(seconds{1});
    stage.on(Proof{});
    BOOST_TEST(stage.said("report proven"));
    BOOST_TEST(stage.node.view().damper_factor == 1U);
    stage.on(Proof{});
    BOOST_TEST(!stage.said("report proven"));
}

BOOST_AUTO_TEST_CASE(a_crash_is_never_damped) {
    Stage stage = active_stage(Policy{.damper_base = seconds{100}});
    stage.on(Health{500});
    follow(stage);
    stage.on(PeerGone{0});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(an_operator_resets_the_damper) {
    Stage stage = active_stage(Policy{.damper_base = seconds{100}});
    stage.on(Health{500});
    follow(stage);
    stage.on(Health{1000});
    give_back(stage);
    stage.order(Verb::failover);
    BOOST_TEST(stage.node.view().damper_factor == 1U);
}

BOOST_AUTO_TEST_CASE(the_role_alternates_while_neither_node_serves) {
    Stage stage = active_stage(Policy{.damper_base = seconds{1}});
    stage.peer.score = 0;
    stage.beat();
    stage.on(Health{0});
    BOOST_TEST(!stage.node.view().resigning); // the peer is no better
    stage.on(Service{false, stage.now, seconds{2}});
    stage.pass_hearing(milliseconds{1900});
    BOOST_TEST(!stage.node.view().resigning);
    stage.pass_hearing(milliseconds{200});
    BOOST_TEST(stage.said("report resigning_unserved"));
    follow(stage);
    give_back(stage); // neither does the peer: the period doubles, up to four times
    for (const int factor : {2, 4, 4}) {
        stage.pass_hearing(seconds{2} * factor - milliseconds{100});
        BOOST_TEST(!stage.node.view().resigning);
        stage.pass_hearing(milliseconds{300});
        BOOST_TEST(stage.node.view().resigning);
        follow(stage);
        give_back(stage);
    }
    stage.on(Service{}); // it can bind
    stage.pass_hearing(seconds{60});
    BOOST_TEST(!stage.node.view().resigning);
}

BOOST_AUTO_TEST_CASE(want_of_service_gives_nothing_to_a_peer_that_is_worse) {
    Stage stage = active_stage();
    stage.peer.score = 300;
    stage.beat();
    stage.on(Service{false, stage.now, seconds{1}});
    stage.pass_hearing(seconds{5});
    BOOST_TEST(!stage.node.view().resigning);
}

BOOST_AUTO_TEST_CASE(an_isolated_active_hands_over_make_before_break) {
    Stage stage = active_stage();
    stage.on(Witness{false});
    BOOST_TEST(stage.said("report isolated"));
    BOOST_TEST(stage.node.view().isolated);
    BOOST_TEST(stage.node.view().score == 0U);
    BOOST_TEST(stage.node.view().resigning);
    follow(stage);
    BOOST_TEST(stage.node.view().lacks == (lack_reach | lack_yield));
    // The witness may be wrong: what still arrives is redirected as after any hand-over.
    stage.pass_hearing(milliseconds{500});
    BOOST_TEST(stage.node.view().yielding);
    stage.pass_hearing(seconds{2});
    BOOST_CHECK(stage.role() == Role::fault);
    stage.on(Witness{true});
    BOOST_TEST(stage.said("report reachable"));
    stage.pass_hearing(milliseconds{20});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(an_isolated_active_stays_when_the_peer_is_no_better) {
    Stage stage = active_stage();
    stage.peer.lacks = lack_reach;
    stage.peer.score = 0;
    stage.beat();
    stage.on(Witness{false});
    stage.on(Port{false});
    stage.pass_hearing(seconds{5});
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(!stage.node.view().resigning);
}

BOOST_AUTO_TEST_CASE(an_isolated_standby_never_takes_over) {
    Stage stage = standby_stage();
    stage.on(Witness{false});
    BOOST_CHECK(stage.role() == Role::fault);
    stage.on(PeerGone{0});
    stage.pass(seconds{10});
    BOOST_CHECK(stage.role() == Role::fault);
    stage.on(Witness{true});
    stage.pass(milliseconds{100});
    BOOST_CHECK(stage.role() == Role::active);
}

/// A secondary that is active while the primary stands by.
Stage away_stage(Failback failback) {
    Stage stage = standby_stage(Policy{.failback = failback, .failback_hold = seconds{60}});
    stage.on(PeerGone{0});
    stage.on(Raised{true, stage.epoch()});
    stage.peer.role = Role::standby;
    stage.peer.incarnation = 78;
    stage.peer.epoch = stage.epoch();
    stage.peer.configured = ConfiguredRole::primary;
    stage.peer.ready = true;
    stage.beat();
    return stage;
}

BOOST_AUTO_TEST_CASE(failback_is_manual_unless_configured) {
    Stage stage = away_stage(Failback::manual);
    stage.pass_hearing(seconds{120});
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_CHECK(stage.node.view().failback_at == end_of_time);
}

BOOST_AUTO_TEST_CASE(automatic_failback_waits_until_the_primary_was_ready_without_a_break) {
    Stage stage = away_stage(Failback::automatic);
    stage.pass_hearing(seconds{59});
    BOOST_CHECK(stage.node.view().failback_at < stage.now + seconds{2});
    stage.peer.ready = false;
    stage.beat();
    BOOST_CHECK(stage.node.view().failback_at == end_of_time);
    stage.peer.ready = true;
    stage.pass_hearing(milliseconds{59900});
    BOOST_TEST(!stage.node.view().resigning);
    stage.pass_hearing(milliseconds{200});
    BOOST_TEST(stage.said("report failing_back"));
    follow(stage);
    BOOST_TEST(stage.node.view().damper_factor == 1U); // a failback is no sign of trouble
}

BOOST_AUTO_TEST_CASE(failback_in_a_window_waits_for_it) {
    Stage stage = away_stage(Failback::window);
    stage.pass_hearing(seconds{120});
    BOOST_TEST(!stage.node.view().resigning);
    stage.on(FailbackWindow{true});
    BOOST_TEST(stage.said("report failing_back"));
}

BOOST_AUTO_TEST_CASE(a_primary_with_worse_health_gets_nothing_back) {
    Stage stage = away_stage(Failback::automatic);
    stage.peer.score = 950;
    stage.pass_hearing(seconds{120});
    BOOST_TEST(!stage.node.view().resigning);
}

BOOST_AUTO_TEST_CASE(who_does_not_follow_is_not_asked_again_at_once) {
    Stage stage = active_stage();
    stage.on(Health{0});
    stage.pass_hearing(milliseconds{1100});
    BOOST_TEST(stage.count("report resign_failed") == 1U);
    BOOST_TEST(!stage.node.view().resigning);
    BOOST_CHECK(stage.role() == Role::active);
    stage.pass_hearing(seconds{5});
    BOOST_TEST(stage.node.view().resigning);
}

BOOST_AUTO_TEST_CASE(each_want_of_the_peer_has_its_refusal) {
    const std::pair<std::uint8_t, std::string> rows[]{
        {lack_engine, "peer_engine"}, {lack_mirror, "peer_mirror"},  {lack_server, "peer_server"},
        {lack_config, "peer_config"}, {lack_yield, "peer_yielding"}, {lack_state, "peer_state"},
    };
    for (const auto& [lack, refusal] : rows) {
        Stage stage = active_stage();
        stage.peer.lacks = lack;
        stage.peer.ready = false;
        stage.beat();
        stage.order(Verb::failover, Force::no, 9);
        BOOST_TEST(joined(stage.lines) == "answer 9 " + refusal);
        stage.order(Verb::failover, Force::yes, 10);
        BOOST_TEST(joined(stage.lines) == "report forced, beat, report resigning");
    }
    Stage stage = active_stage();
    stage.peer.score = 800;
    stage.beat();
    stage.order(Verb::failover, Force::no, 9);
    BOOST_TEST(joined(stage.lines) == "answer 9 peer_worse");
}

BOOST_AUTO_TEST_CASE(a_standby_is_not_disabled_while_the_active_does_not_serve) {
    Stage stage = standby_stage();
    stage.peer.score = 0;
    stage.beat();
    stage.order(Verb::disable, Force::no, 9);
    BOOST_TEST(joined(stage.lines) == "answer 9 last_fit");
    stage.order(Verb::disable, Force::yes, 10);
    BOOST_TEST(stage.said("report forced"));
    BOOST_CHECK(stage.role() == Role::disabled);
}

BOOST_AUTO_TEST_CASE(a_peer_that_followed_and_went_silent_keeps_the_group) {
    Stage stage = active_stage();
    stage.order(Verb::failover, Force::no, 9);
    stage.pass(milliseconds{20}); // the paths die meanwhile
    stage.on(Claim{7});           // the peer's announcement comes by the data LAN
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.said("answer 9 none"));
    stage.on(Tick{});
    BOOST_TEST(stage.said("probe"));
    stage.on(Claim{7}); // it has the addresses
    stage.pass(milliseconds{1});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(node_role_follow)

BOOST_AUTO_TEST_CASE(the_active_becomes_the_primary_and_the_peer_follows) {
    Stage stage = standby_stage();
    stage.on(PeerGone{0});
    stage.order(Verb::follow, Force::no, 9);
    BOOST_TEST(joined(stage.lines) == "keep_role, report role_followed, beat, answer 9 none");
    BOOST_CHECK(stage.node.view().configured == ConfiguredRole::primary);
    BOOST_TEST(stage.node.view().role_serial == 1U);

    Stage other = standby_stage(Policy{.configured = ConfiguredRole::primary});
    other.peer.configured = ConfiguredRole::primary;
    other.peer.role_serial = 1;
    other.beat();
    BOOST_CHECK(other.node.view().configured == ConfiguredRole::secondary);
    BOOST_TEST(other.node.view().role_serial == 1U);
    BOOST_TEST(other.said("report role_followed"));
    other.beat();
    BOOST_TEST(!other.said("report role_followed"));
}

BOOST_AUTO_TEST_CASE(an_older_setting_changes_nothing_and_the_serial_wraps) {
    Stage stage{Policy{.role_serial = 255}};
    stage.peer.configured = ConfiguredRole::secondary;
    stage.peer.role_serial = 254;
    stage.beat();
    BOOST_CHECK(stage.node.view().configured == ConfiguredRole::secondary);
    stage.peer.role_serial = 0;
    stage.beat();
    BOOST_CHECK(stage.node.view().configured == ConfiguredRole::primary);
    BOOST_TEST(stage.node.view().role_serial == 0U);
}

BOOST_AUTO_TEST_CASE(a_node_without_a_settled_role_refuses) {
    Stage stage;
    stage.order(Verb::follow, Force::no, 9);
    BOOST_TEST(joined(stage.lines) == "answer 9 not_active");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(node_pause)

BOOST_AUTO_TEST_CASE(an_active_that_was_away_for_long_releases_before_anything_else) {
    Stage stage = active_stage();
    stage.on(Raised{true, stage.epoch()});
    stage.stall(seconds{5});
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.said("report paused"));
    BOOST_TEST(stage.effects().starts_with("revoke, lower, grant_standby"));
    BOOST_TEST(!stage.said("announce"));
    stage.peer.role = Role::active;
    stage.peer.epoch = stage.epoch() + 1;
    stage.beat();
    stage.pass_hearing(seconds{2});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(when_nobody_took_over_it_serves_again_soon) {
    Stage stage = active_stage();
    stage.stall(seconds{5});
    stage.pass_hearing(milliseconds{200});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(a_node_without_a_peer_stays_and_tells_the_network_again) {
    Stage stage{Policy{.configured = ConfiguredRole::primary}};
    stage.pass(seconds{10});
    BOOST_REQUIRE(stage.role() == Role::active);
    stage.stall(seconds{5});
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.said("announce"));
}

BOOST_AUTO_TEST_CASE(a_short_pause_costs_no_role) {
    Stage stage = active_stage();
    stage.stall(milliseconds{60}); // both nodes of a busy machine stand still together
    BOOST_CHECK(stage.role() == Role::active);
    stage.pass_hearing(seconds{1});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(node_rival)

/// Active, the peer known but silent.
Stage lone_active(std::uint8_t node_id, std::uint8_t priority = 100) {
    Stage stage = active_stage(Policy{.node_id = node_id, .priority = priority});
    stage.peer.priority = 100;
    stage.beat();
    stage.pass(seconds{40});
    BOOST_REQUIRE(stage.role() == Role::active);
    return stage;
}

/// A station that claims ten times a second and answers every probe.
void claim_for(Stage& stage, Duration duration, std::uint64_t station) {
    Lines all;
    bool asked = false;
    const auto keep = [&] {
        asked = asked || stage.said("probe"); // answered within half a millisecond
        all.insert(all.end(), stage.lines.begin(), stage.lines.end());
    };
    for (milliseconds passed{0}; passed < duration; passed += milliseconds{1}) {
        if (asked || passed % milliseconds{100} == milliseconds{0}) {
            asked = false;
            stage.on(Claim{station});
            keep();
        }
        stage.pass(microseconds{500});
        keep();
        stage.now += microseconds{500};
    }
    stage.lines = all;
}

BOOST_AUTO_TEST_CASE(on_the_data_lan_alone_priority_and_then_node_id_decide) {
    for (const std::uint8_t id : std::array<std::uint8_t, 2>{1, 2})
        for (const int priority : {99, 100, 101}) {
            Stage stage = lone_active(id, static_cast<std::uint8_t>(priority));
            claim_for(stage, seconds{2}, 7);
            const bool stays = priority > 100 || (priority == 100 && id == 1);
            BOOST_CHECK((stage.role() == Role::active) == stays);
            BOOST_TEST(stage.count("report dual_active") == 1U);
            BOOST_TEST(stage.node.view().dual_active == stays);
        }
}

BOOST_AUTO_TEST_CASE(the_loser_does_not_come_back_while_the_other_answers) {
    Stage stage = lone_active(2);
    claim_for(stage, seconds{2}, 7);
    BOOST_REQUIRE(stage.role() == Role::standby);
    claim_for(stage, seconds{20}, 7);
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(milliseconds{100}); // nobody answers any more
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(a_station_that_is_known_not_to_be_the_peer_never_wins) {
    Stage stage = standby_stage(Policy{.node_id = 2});
    stage.on(Claim{7}); // the active peer announces
    stage.on(PeerGone{0});
    stage.on(Raised{true, stage.epoch()});
    stage.pass(seconds{10});
    claim_for(stage, seconds{5}, 8);
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.count("report dual_active") == 0U);
    claim_for(stage, seconds{2}, 7);
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(while_the_peer_is_heard_claims_decide_nothing) {
    Stage stage = active_stage(Policy{.node_id = 2});
    for (int i = 0; i < 100; ++i) {
        stage.on(Claim{7});
        stage.pass_hearing(milliseconds{50});
    }
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
