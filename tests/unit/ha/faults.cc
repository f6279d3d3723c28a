// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/ha/stage.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

BOOST_AUTO_TEST_SUITE(node_faults)

BOOST_AUTO_TEST_CASE(the_port_is_lost_and_the_peer_could_serve) {
    Stage stage = active_stage();
    stage.on(Port{false});
    BOOST_TEST(joined(stage.lines) == "revoke, lower, grant_standby, beat, report unfit");
    BOOST_CHECK(stage.role() == Role::fault);
    stage.peer.role = Role::active;
    stage.peer.epoch = 6;
    stage.pass_hearing(milliseconds{50});
    stage.on(Port{true});
    BOOST_CHECK(stage.role() == Role::standby);
}

BOOST_AUTO_TEST_CASE(the_port_is_lost_but_nobody_could_do_better) {
    Stage stage = active_stage();
    stage.pass(seconds{6});
    stage.on(Port{false});
    BOOST_CHECK(stage.role() == Role::active);
    stage.pass(seconds{1});
    stage.on(Port{true});
    BOOST_TEST(stage.said("announce")); // what was announced without a carrier reached nobody
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(the_port_is_lost_and_the_peer_comes_later) {
    Stage stage = active_stage();
    stage.pass(seconds{1});
    stage.on(Port{false});
    stage.beat();
    BOOST_CHECK(stage.role() == Role::fault);
}

BOOST_AUTO_TEST_CASE(the_kernel_refuses_the_addresses) {
    Stage stage = standby_stage();
    stage.on(PeerGone{0});
    stage.on(Raised{false, stage.epoch()});
    BOOST_TEST(joined(stage.lines) == "revoke, lower, grant_standby, beat, report raise_failed");
    BOOST_CHECK(stage.role() == Role::fault);
    stage.pass(milliseconds{999});
    BOOST_CHECK(stage.role() == Role::fault);
    // Alone it tries again by its own deadline: nothing else would wake it.
    stage.pass(milliseconds{100});
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.epoch() == 7U);
}

BOOST_AUTO_TEST_CASE(an_answer_of_the_kernel_to_an_earlier_reign_is_nothing) {
    Stage stage = active_stage();
    stage.on(Raised{false, stage.epoch() - 1});
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(joined(stage.lines) == "");
    stage.on(Raised{true, stage.epoch() - 1});
    BOOST_TEST(joined(stage.lines) == "");
}

BOOST_AUTO_TEST_CASE(a_stall_of_an_active_casts_doubt_until_the_peer_is_heard) {
    Stage stage = active_stage();
    stage.pass_hearing(seconds{6});
    stage.stall(milliseconds{60});
    // Nor is anything said to the network before it is known who has the addresses now.
    BOOST_TEST(joined(stage.lines) == "report stalled");
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(!stage.node.may_renew(stage.now));
    stage.now += milliseconds{3};
    stage.on(Claim{0x20});
    BOOST_TEST(joined(stage.lines) == "");
    stage.beat();
    BOOST_TEST(stage.node.may_renew(stage.now));
    BOOST_TEST(stage.said("announce"));
}

BOOST_AUTO_TEST_CASE(the_doubt_ends_by_itself_when_the_peer_is_silent) {
    Stage stage = active_stage();
    stage.stall(milliseconds{60});
    stage.pass(milliseconds{14});
    BOOST_TEST(!stage.node.may_renew(stage.now));
    stage.pass(milliseconds{1});
    BOOST_TEST(stage.node.may_renew(stage.now));
}

BOOST_AUTO_TEST_CASE(after_a_stall_the_peer_may_be_the_active_and_this_node_releases_before_it_renews) {
    Stage stage = active_stage();
    stage.stall(milliseconds{60});
    stage.peer.role = Role::active;
    stage.peer.epoch = stage.epoch() + 1;
    stage.beat();
    BOOST_TEST(stage.lines.at(0) == "revoke");
    BOOST_TEST(!stage.node.may_renew(stage.now));
}

BOOST_AUTO_TEST_CASE(a_stall_alone_casts_no_doubt) {
    Stage stage = active_stage();
    stage.pass(seconds{1});
    stage.stall(milliseconds{60});
    BOOST_TEST(stage.node.may_renew(stage.now));
}

BOOST_AUTO_TEST_CASE(a_standby_does_not_count_its_own_pause_against_the_peer) {
    Stage stage = standby_stage();
    for (int i = 0; i < 100; ++i) {
        stage.stall(milliseconds{60});
        BOOST_REQUIRE(stage.node.view().peer == PeerState::up);
        stage.now += milliseconds{5};
        stage.beat();
    }
}

BOOST_AUTO_TEST_CASE(a_lateness_within_an_interval_is_no_pause) {
    Stage stage = standby_stage();
    stage.now += milliseconds{15};
    stage.on(Tick{milliseconds{5}});
    BOOST_CHECK(stage.node.view().peer == PeerState::silent);
}

BOOST_AUTO_TEST_CASE(announcements_are_repeated_for_as_long_as_the_node_is_active) {
    Stage stage = standby_stage();
    stage.on(PeerGone{0});
    std::size_t announced = stage.count("announce");
    stage.pass(seconds{66});
    announced += stage.count("announce");
    BOOST_TEST(announced == 7U);
    stage.peer.role = Role::active;
    stage.peer.epoch = 100;
    stage.beat();
    stage.pass_hearing(seconds{70});
    BOOST_TEST(stage.count("announce") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
