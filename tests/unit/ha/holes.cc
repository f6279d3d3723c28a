// SPDX-License-Identifier: GPL-3.0-or-later
// Narrow places of the role engine, each once: what a node does in the moment after it was paused, who is
// taken for the peer on the data LAN, what the status says meanwhile.
#include "tests/unit/ha/stage.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

constexpr std::uint64_t peers = 0x20;
constexpr std::uint64_t others = 0x99;

BOOST_AUTO_TEST_SUITE(node_holes)

// ---- the moment after a pause ----

BOOST_AUTO_TEST_CASE(after_a_pause_a_waiting_claim_is_not_answered_before_the_tick) {
    Stage stage = active_stage();
    stage.pass_hearing(seconds{6});
    stage.now += seconds{5};
    stage.on(Claim{peers}); // the new active's announcement waited in the socket
    BOOST_TEST(stage.count("announce") == 0U);
    stage.on(Tick{seconds{5}});
    BOOST_TEST(stage.count("announce") == 0U);
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(after_a_long_pause_the_first_output_is_the_release) {
    Stage stage = active_stage();
    stage.stall(seconds{5});
    BOOST_REQUIRE(!stage.lines.empty());
    BOOST_TEST(stage.lines.front() == "revoke");
    BOOST_TEST(stage.said("report paused"));
}

BOOST_AUTO_TEST_CASE(a_paused_node_whose_peer_stayed_silent_is_active_again_within_two_probes) {
    Stage stage = active_stage();
    stage.pass(seconds{1});
    stage.stall(seconds{5});
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(milliseconds{5});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(a_peer_that_has_left_may_be_back_after_a_long_pause) {
    Stage stage = active_stage();
    stage.peer.role = Role::disabled;
    stage.peer.leaving = true;
    stage.beat();
    stage.pass(milliseconds{100});
    BOOST_REQUIRE(stage.node.view().peer == PeerState::left);
    stage.stall(milliseconds{1200}); // too short for it to have listened
    BOOST_CHECK(stage.role() == Role::active);
    stage.stall(seconds{6});
    BOOST_REQUIRE(!stage.lines.empty());
    BOOST_TEST(stage.lines.front() == "revoke");
    BOOST_TEST(stage.said("probe"));
    stage.on(Claim{peers}); // it is back
    stage.pass(milliseconds{100});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(after_a_pause_the_grant_waits_although_the_peer_is_not_heard_any_more) {
    Stage stage = active_stage();
    stage.pass(milliseconds{14});
    stage.now += milliseconds{15};
    stage.on(Tick{milliseconds{12}});
    BOOST_REQUIRE(stage.node.view().peer == PeerState::silent);
    BOOST_TEST(!stage.node.may_renew(stage.now));
    stage.pass(stage.node.policy().detection());
    BOOST_TEST(stage.node.may_renew(stage.now));
}

BOOST_AUTO_TEST_CASE(what_the_peer_said_during_a_pause_is_not_followed_before_it_says_so_again) {
    Stage stage = standby_stage();
    stage.now += seconds{3};
    stage.peer.role = Role::disabled; // read from the socket: it was for a moment
    stage.beat();
    BOOST_CHECK(stage.role() == Role::standby);
    stage.peer.role = Role::active;
    stage.peer.epoch = 6;
    stage.beat();
    stage.on(Tick{seconds{3}});
    BOOST_CHECK(stage.role() == Role::standby);
    stage.peer.role = Role::disabled; // now it is again, and says so
    stage.pass_hearing(milliseconds{20});
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(what_the_peer_said_during_a_pause_and_never_again_is_silence) {
    Stage stage = standby_stage();
    stage.now += seconds{3};
    stage.peer.role = Role::fault; // it was for a second, and what it said later was lost
    stage.beat();
    stage.on(Tick{seconds{3}});
    stage.pass(milliseconds{10});
    BOOST_CHECK(stage.role() == Role::standby);
    stage.pass(milliseconds{5});
    BOOST_TEST(stage.said("report peer_silent"));
    stage.on(Claim{peers}); // it serves
    stage.pass(milliseconds{1});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(a_proof_of_death_is_old_news_for_a_node_that_could_not_follow_it_at_once) {
    Stage stage = standby_stage();
    stage.on(Port{false});
    BOOST_REQUIRE(stage.role() == Role::fault);
    stage.on(PeerGone{0});
    stage.pass(seconds{6}); // time enough for its guard to start it again
    stage.pass(milliseconds{6});
    stage.on(Port{true});
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.said("probe"));
    stage.on(Claim{peers});
    stage.pass(milliseconds{1});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(a_pause_during_the_probe_is_not_taken_for_its_silence_by_another_input) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    BOOST_REQUIRE(stage.node.view().probing);
    stage.now += milliseconds{60}; // the answer waits in a socket that is read after this
    stage.on(Readiness{});
    BOOST_CHECK(stage.role() == Role::standby);
    stage.on(Claim{peers});
    stage.on(Tick{milliseconds{60}});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(a_pause_during_the_look_asks_the_service_again) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.on(Claim{peers});
    stage.pass(milliseconds{1});
    BOOST_REQUIRE(stage.said("look"));
    stage.stall(milliseconds{500});
    BOOST_TEST(stage.said("look"));
    BOOST_CHECK(stage.role() == Role::standby);
    stage.on(Looked{true});
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.node.view().serving_elsewhere);
}

BOOST_AUTO_TEST_CASE(a_proof_that_waited_through_a_pause_is_not_made_new_by_the_silence_of_another_path) {
    Stage stage = standby_stage(Policy{.paths = 2});
    stage.now += seconds{5};
    stage.on(PeerGone{0});
    stage.on(Tick{seconds{5}});
    stage.pass(milliseconds{10});
    BOOST_REQUIRE(stage.node.view().peer == PeerState::up); // as far as the other path tells
    stage.pass(milliseconds{5});
    BOOST_CHECK(stage.node.view().peer == PeerState::gone);
    BOOST_TEST(stage.said("probe"));
    BOOST_CHECK(stage.role() == Role::standby);
}

// ---- the kernel's answer ----

BOOST_AUTO_TEST_CASE(the_addresses_count_as_held_although_the_epoch_grew_before_the_kernel_answered) {
    Stage stage = active_stage();
    const std::uint64_t asked = stage.epoch();
    BOOST_REQUIRE(!stage.node.view().holds);
    stage.peer.epoch = asked + 3; // it was active under that one, unseen from here
    stage.beat();
    BOOST_REQUIRE(stage.epoch() > asked);
    stage.on(Raised{false, asked - 1}); // of an earlier term
    BOOST_CHECK(stage.role() == Role::active);
    stage.on(Raised{true, asked});
    BOOST_TEST(stage.node.view().holds);
}

// ---- who is the peer on the data LAN ----

BOOST_AUTO_TEST_CASE(what_answers_a_probe_is_not_taken_for_the_peer) {
    // A router with proxy ARP answers the probes; its service does not, so this node takes over.
    Stage stage = standby_stage(Policy{.node_id = 2});
    stage.on(Claim{peers}); // the active announces: that is how it is known
    stage.pass(milliseconds{15});
    stage.on(Claim{others});
    stage.pass(milliseconds{1});
    stage.on(Looked{false});
    stage.pass(milliseconds{1});
    BOOST_REQUIRE(stage.role() == Role::active);
    for (int i = 0; i < 100; ++i) {
        stage.on(Claim{others});
        BOOST_TEST(!stage.said("report lost_conflict"));
        stage.pass(milliseconds{100});
    }
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(!stage.node.view().dual_active);
}

BOOST_AUTO_TEST_CASE(three_claims_in_a_minute_are_not_claims_that_keep_coming) {
    Stage stage = standby_stage(Policy{.node_id = 2});
    stage.on(Claim{peers});
    stage.pass(milliseconds{20});
    BOOST_REQUIRE(stage.role() == Role::active);
    for (int i = 0; i < 3; ++i) {
        stage.on(Claim{peers});
        BOOST_TEST(!stage.said("report lost_conflict"));
        stage.pass(seconds{20});
    }
    BOOST_CHECK(stage.role() == Role::active);
}

Stage lan_only(std::uint8_t id) {
    Stage stage = standby_stage(Policy{.node_id = id});
    stage.on(Claim{peers});
    stage.pass(milliseconds{20}); // silent, and the probe unanswered
    for (int i = 0; i < 12; ++i) {
        stage.on(Claim{peers});
        stage.pass(milliseconds{100});
    }
    return stage;
}

BOOST_AUTO_TEST_CASE(
    of_two_actives_on_the_lan_only_the_lower_node_id_stays_and_shows_it_for_as_long_as_it_lasts) {
    Stage stage = lan_only(1);
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.node.view().dual_active);
    stage.pass(seconds{5}); // the other one has released: no claims any more
    BOOST_TEST(!stage.node.view().dual_active);
}

BOOST_AUTO_TEST_CASE(of_two_actives_on_the_lan_only_the_other_one_releases_and_keeps_off_the_winners_epoch) {
    Stage stage = standby_stage(Policy{.node_id = 2});
    stage.on(Claim{peers});
    stage.pass(milliseconds{20});
    const std::uint64_t own = stage.epoch();
    bool released = false;
    for (int i = 0; i < 12 && !released; ++i) {
        stage.on(Claim{peers});
        released = stage.said("report lost_conflict");
        stage.pass(milliseconds{100});
    }
    BOOST_TEST(released);
    stage.pass(milliseconds{100}); // nothing answers any more: the winner died
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.epoch() > own + 1); // the winner may have used own + 1
}

BOOST_AUTO_TEST_CASE(a_node_that_took_over_because_nothing_was_served_insists_while_the_other_one_knows_it) {
    // The other one has the better id, but no service: it is the one that has to go.
    Stage dead = active_stage();
    dead.on(Health{0});
    dead.pass(seconds{6});
    bool released = false;
    for (int i = 0; i < 30 && !released; ++i) {
        dead.on(Claim{peers});
        released = dead.said("report lost_conflict");
        dead.pass(milliseconds{100});
    }
    BOOST_TEST(released);
}

BOOST_AUTO_TEST_CASE(two_lone_nodes_that_both_claim_end_with_one) {
    // Neither ever heard the other, both saw an unanswered probe: the same moment to the microsecond.
    Stage second{Policy{.node_id = 2, .known_epoch = 3}};
    second.pass(seconds{4});
    BOOST_REQUIRE(second.role() == Role::active);
    Stage first{Policy{.node_id = 1, .known_epoch = 3}};
    first.pass(seconds{4});
    BOOST_REQUIRE(first.role() == Role::active);
    bool released = false;
    for (int i = 0; i < 30 && !released; ++i) {
        second.on(Claim{peers});
        released = second.said("report lost_conflict");
        second.pass(milliseconds{50});
        second.on(Claim{peers}); // its probe is answered
        second.pass(milliseconds{50});
        first.on(Claim{others});
        BOOST_TEST(!first.said("report lost_conflict"));
        first.pass(milliseconds{100});
    }
    BOOST_TEST(released);
    BOOST_CHECK(second.role() == Role::standby);
    BOOST_CHECK(first.role() == Role::active);
}

// ---- what the status and the events say ----

BOOST_AUTO_TEST_CASE(a_planned_switchover_is_not_shown_as_two_actives) {
    Stage stage = standby_stage();
    stage.peer.resigning = true;
    stage.beat();
    stage.beat(); // sent before this node's answer arrived
    BOOST_REQUIRE(stage.role() == Role::active);
    BOOST_TEST(!stage.node.view().dual_active);
}

BOOST_AUTO_TEST_CASE(a_lost_witness_is_told_once_and_its_return_too) {
    Stage stage = standby_stage();
    stage.on(Witness{false});
    BOOST_TEST(stage.count("report isolated") == 1U);
    BOOST_CHECK(stage.role() == Role::fault);
    stage.on(Witness{true});
    BOOST_TEST(stage.count("report reachable") + stage.count("report fit") == 1U);
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(a_peer_that_is_heard_again_is_not_shown_as_serving_elsewhere) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.on(Claim{peers});
    stage.pass(milliseconds{1});
    stage.on(Looked{true});
    BOOST_REQUIRE(stage.node.view().serving_elsewhere);
    stage.peer.role = Role::init;
    stage.beat();
    BOOST_TEST(!stage.node.view().serving_elsewhere);
}

BOOST_AUTO_TEST_CASE(a_forced_takeover_is_an_event_and_does_not_ask_the_network) {
    Stage stage = standby_stage();
    stage.pass(milliseconds{15});
    stage.order(Verb::failover, Force::yes, 6);
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.said("report forced"));
}

// ---- hand-overs ----

BOOST_AUTO_TEST_CASE(an_isolated_active_hands_over_at_once_although_the_damper_holds_health_back) {
    Stage stage = active_stage();
    stage.pass_hearing(seconds{1});
    stage.on(Health{100});
    BOOST_REQUIRE(stage.node.view().resigning);
    stage.peer.role = Role::active;
    stage.peer.epoch = stage.epoch() + 1;
    stage.beat();
    BOOST_REQUIRE(stage.role() == Role::standby);
    stage.on(Health{1000});
    stage.peer.role = Role::fault; // and back, as its own port is lost
    stage.beat();
    BOOST_REQUIRE(stage.role() == Role::active);
    stage.peer.role = Role::standby;
    stage.beat();
    BOOST_REQUIRE(stage.node.view().damped_until > stage.now);
    stage.on(Witness{false});
    BOOST_TEST(stage.node.view().resigning);
}

BOOST_AUTO_TEST_CASE(a_leaving_node_does_not_follow_a_resignation) {
    Stage stage = active_stage();
    stage.order(Verb::leave, Force::no, 5);
    stage.now += seconds{5};
    stage.on(Tick{seconds{5}}); // paused in the middle of its farewell
    BOOST_REQUIRE(stage.role() != Role::active);
    stage.peer.role = Role::active;
    stage.peer.epoch = 50;
    stage.peer.resigning = true;
    stage.beat();
    BOOST_CHECK(stage.role() == Role::disabled);
}

BOOST_AUTO_TEST_CASE(a_hand_over_whose_paths_died_ends_as_soon_as_the_claims_prove_it) {
    Stage stage = active_stage();
    stage.pass_hearing(seconds{6});
    stage.order(Verb::failover, Force::no, 5);
    stage.on(Claim{peers});
    stage.pass(milliseconds{20}); // no path is up any more
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.said("answer 5 none"));
}

BOOST_AUTO_TEST_CASE(the_period_of_alternation_doubles_with_each_double_switchover) {
    Stage stage = active_stage();
    std::vector<long> periods;
    for (int swing = 0; swing < 4; ++swing) {
        const Instant from = stage.now;
        stage.on(Service{false, from, seconds{10}});
        while (!stage.node.view().resigning) {
            stage.pass_hearing(milliseconds{500});
            BOOST_REQUIRE(stage.now < from + seconds{100});
        }
        periods.push_back(std::chrono::duration_cast<seconds>(stage.now - from).count());
        stage.peer.role = Role::active;
        stage.peer.epoch = stage.epoch() + 1;
        stage.beat();
        BOOST_REQUIRE(stage.role() == Role::standby);
        stage.on(Service{});
        stage.pass_hearing(seconds{2});
        stage.peer.resigning = true;
        stage.beat();
        stage.peer.resigning = false;
        stage.peer.role = Role::standby;
        stage.peer.epoch = stage.epoch();
        stage.beat();
        BOOST_REQUIRE(stage.role() == Role::active);
    }
    const std::vector<long> expected{10, 20, 40, 40};
    BOOST_TEST(periods == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
