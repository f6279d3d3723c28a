// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/ha/stage.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

BOOST_AUTO_TEST_SUITE(node_conflict)

BOOST_AUTO_TEST_CASE(the_loser_releases_before_anything_else_and_keeps_the_epoch_of_the_winner) {
    Stage stage = active_stage();
    stage.peer.role = Role::active;
    stage.peer.epoch = 99;
    stage.beat();
    BOOST_TEST(joined(stage.lines) ==
               "revoke, lower, grant_standby, keep_epoch 99, beat, report lost_conflict");
    BOOST_CHECK(stage.role() == Role::standby);
    BOOST_TEST(stage.epoch() == 99U);
    BOOST_TEST(!stage.node.may_renew(stage.now));
}

BOOST_AUTO_TEST_CASE(the_higher_epoch_stays_whatever_the_priority) {
    Stage stage = active_stage(Policy{.priority = 1});
    stage.peer.role = Role::active;
    stage.peer.epoch = stage.epoch() - 1;
    stage.peer.priority = 255;
    stage.beat();
    BOOST_CHECK(stage.role() == Role::active);
    BOOST_TEST(stage.said("report won_conflict"));
}

BOOST_AUTO_TEST_CASE(with_equal_epochs_priority_and_then_node_id_decide) {
    for (const std::uint8_t own_id : std::array<std::uint8_t, 2>{1, 2})
        for (const int own : {99, 100, 101}) {
            Stage stage = active_stage(Policy{.node_id = own_id, .priority = static_cast<std::uint8_t>(own)});
            stage.peer.role = Role::active;
            stage.peer.epoch = stage.epoch();
            stage.peer.priority = 100;
            stage.beat();
            const bool stays = own > 100 || (own == 100 && own_id == 1);
            BOOST_CHECK((stage.role() == Role::active) == stays);
        }
}

BOOST_AUTO_TEST_CASE(the_winner_announces_at_the_conflict_and_again_after_the_release) {
    Stage stage = active_stage();
    stage.pass_hearing(seconds{6}); // the series of the takeover is over
    stage.peer.role = Role::active;
    stage.peer.epoch = 1;
    stage.beat();
    BOOST_TEST(joined(stage.lines) == "report won_conflict, announce");
    stage.beat();
    BOOST_TEST(joined(stage.lines) == ""); // told once
    stage.peer.role = Role::standby;
    stage.beat();
    BOOST_TEST(joined(stage.lines) == "announce");
    stage.pass_hearing(milliseconds{5500});
    BOOST_TEST(stage.count("announce") == 4U);
}

BOOST_AUTO_TEST_CASE(the_winner_announces_again_when_the_loser_falls_silent) {
    Stage stage = active_stage();
    stage.pass_hearing(seconds{6});
    stage.peer.role = Role::active;
    stage.peer.epoch = 1;
    stage.beat();
    stage.pass(milliseconds{15});
    BOOST_TEST(stage.said("report peer_silent"));
    BOOST_TEST(stage.count("announce") == 1U);
}

BOOST_AUTO_TEST_CASE(a_node_that_stays_active_announces_when_the_peer_is_heard_again) {
    // A conflict that the peer lost before its first heartbeat arrived leaves no other trace here.
    Stage stage = active_stage();
    stage.pass(seconds{6});
    stage.peer.role = Role::standby;
    stage.peer.epoch = stage.epoch();
    stage.beat();
    BOOST_TEST(stage.count("announce") == 1U);
}

BOOST_AUTO_TEST_CASE(an_active_that_learns_of_a_later_reign_stays_with_a_new_epoch_and_announces) {
    // While it was cut off, the peer took over and gave up again: the network may have believed the peer.
    Stage stage = active_stage();
    stage.pass_hearing(seconds{6});
    const std::uint64_t before = stage.epoch();
    stage.peer.epoch = before + 3;
    stage.peer.role = Role::init;
    stage.beat();
    BOOST_TEST(stage.effects() == "keep_epoch " + std::to_string(before + 4) + ", grant_active " +
                                      std::to_string(before + 4) + ", announce");
    BOOST_CHECK(stage.role() == Role::active);
}

BOOST_AUTO_TEST_CASE(a_claim_is_answered_with_an_announcement_and_not_with_a_storm) {
    Stage stage = active_stage();
    stage.pass_hearing(seconds{6});
    std::size_t announced = 0;
    std::size_t told = 0;
    for (int i = 0; i < 1000; ++i) {
        stage.now += milliseconds{1};
        stage.on(Claim{});
        announced += stage.count("announce");
        told += stage.count("report claim_seen");
    }
    BOOST_TEST(announced >= 4U);
    BOOST_TEST(announced <= 9U); // at most two a spacing: one at the claim, one as the last word
    BOOST_TEST(told == 4U);      // after 0, 100, 300 and 700 ms: the spacing doubles, up to a second
}

BOOST_AUTO_TEST_CASE(the_last_word_after_two_quick_claims_is_ours) {
    Stage stage = active_stage();
    stage.pass_hearing(seconds{6});
    stage.on(Claim{});
    BOOST_TEST(stage.count("announce") == 1U);
    stage.pass_hearing(milliseconds{50});
    stage.on(Claim{});
    BOOST_TEST(stage.count("announce") == 0U);
    stage.pass_hearing(milliseconds{60});
    BOOST_TEST(stage.count("announce") == 1U);
}

BOOST_AUTO_TEST_CASE(a_standby_says_nothing_to_a_claim) {
    Stage stage = standby_stage();
    stage.on(Claim{});
    BOOST_TEST(joined(stage.lines) == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
