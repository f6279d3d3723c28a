// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/liveness.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

using std::chrono::milliseconds;

constexpr Duration detection = milliseconds{15};
constexpr Instant start = Instant{} + std::chrono::seconds{1};

BOOST_AUTO_TEST_SUITE(liveness)

BOOST_AUTO_TEST_CASE(a_path_that_was_never_heard_is_neither_silent_nor_gone) {
    PathWatch path;
    path.judge(start + std::chrono::hours{1}, detection);
    path.proven_gone();
    path.refute_gone();
    BOOST_TEST(static_cast<int>(path.state()) == static_cast<int>(PathState::never));
    BOOST_CHECK(path.deadline(detection) == end_of_time);
    BOOST_TEST(!path.heard_ever());
}

BOOST_AUTO_TEST_CASE(silence_is_noticed_at_the_detection_time_and_not_before) {
    PathWatch path;
    path.heard(start);
    BOOST_CHECK(path.deadline(detection) == start + detection);
    path.judge(start + detection - Duration{1}, detection);
    BOOST_TEST(path.is_up());
    path.judge(start + detection, detection);
    BOOST_CHECK(path.state() == PathState::silent);
    BOOST_CHECK(path.deadline(detection) == end_of_time);
    path.heard(start + milliseconds{40});
    BOOST_TEST(path.is_up());
}

BOOST_AUTO_TEST_CASE(time_in_which_the_node_did_not_run_is_not_counted) {
    PathWatch path;
    path.heard(start);
    path.excuse(milliseconds{60}, start + milliseconds{65});
    path.judge(start + milliseconds{65}, detection);
    BOOST_TEST(path.is_up());
    BOOST_CHECK(path.deadline(detection) == start + milliseconds{75});
}

BOOST_AUTO_TEST_CASE(an_excuse_never_moves_the_last_sign_of_life_into_the_future) {
    PathWatch path;
    path.heard(start);
    path.excuse(milliseconds{60}, start + milliseconds{10});
    BOOST_CHECK(path.last_heard() == start + milliseconds{10});
}

BOOST_AUTO_TEST_CASE(an_excuse_does_not_wake_a_path_that_is_down) {
    PathWatch path;
    path.heard(start);
    path.judge(start + detection, detection);
    path.excuse(milliseconds{60}, start + milliseconds{100});
    BOOST_CHECK(path.state() == PathState::silent);
    BOOST_CHECK(path.last_heard() == start);
}

BOOST_AUTO_TEST_CASE(proof_of_death_counts_at_once_until_a_heartbeat_refutes_it) {
    PathWatch path;
    path.heard(start);
    path.proven_gone();
    BOOST_CHECK(path.state() == PathState::gone);
    path.judge(start + milliseconds{1}, detection);
    BOOST_CHECK(path.state() == PathState::gone);
    path.heard(start + milliseconds{2});
    BOOST_TEST(path.is_up());
}

BOOST_AUTO_TEST_CASE(a_refuted_proof_leaves_silence) {
    PathWatch path;
    path.heard(start);
    path.refute_gone();
    BOOST_TEST(path.is_up());
    path.proven_gone();
    path.refute_gone();
    BOOST_CHECK(path.state() == PathState::silent);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
