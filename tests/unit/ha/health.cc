// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/health.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ha {
namespace {

using std::chrono::seconds;

struct Board {
    HealthBoard board;
    Instant now{seconds{1000}};
};

BOOST_FIXTURE_TEST_SUITE(health, Board)

BOOST_AUTO_TEST_CASE(all_is_well_without_sources_and_before_the_first_word) {
    BOOST_TEST(board.score(now) == score_max);
    board.add(300, seconds{3});
    BOOST_TEST(board.score(now) == score_max);
    BOOST_CHECK(board.deadline(now) == end_of_time);
}

BOOST_AUTO_TEST_CASE(a_failure_counts_at_once_and_a_recovery_after_its_time) {
    const std::size_t source = board.add(300, seconds{3});
    board.set(source, now, true);
    BOOST_TEST(board.score(now) == 700U);
    board.set(source, now + seconds{1}, false);
    BOOST_TEST(board.failed(source, now + seconds{1}));
    BOOST_CHECK(board.deadline(now + seconds{1}) == now + seconds{4});
    board.set(source, now + seconds{2}, false); // said again, it does not begin anew
    BOOST_TEST(board.score(now + seconds{4} - Duration{1}) == 700U);
    BOOST_TEST(board.score(now + seconds{4}) == score_max);
    BOOST_CHECK(board.deadline(now + seconds{4}) == end_of_time);
}

BOOST_AUTO_TEST_CASE(a_flap_begins_the_recovery_anew) {
    const std::size_t source = board.add(300, seconds{3});
    board.set(source, now, true);
    board.set(source, now + seconds{1}, false);
    board.set(source, now + seconds{2}, true);
    board.set(source, now + seconds{3}, false);
    BOOST_TEST(board.failed(source, now + seconds{5}));
    BOOST_TEST(!board.failed(source, now + seconds{6}));
}

BOOST_AUTO_TEST_CASE(weights_add_up_and_end_at_nothing) {
    const std::size_t a = board.add(300, seconds{0});
    const std::size_t b = board.add(1000, seconds{0});
    board.set(a, now, true);
    board.set(b, now, true);
    BOOST_TEST(board.score(now) == 0U);
    board.set(b, now, false);
    BOOST_TEST(board.score(now) == 700U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
