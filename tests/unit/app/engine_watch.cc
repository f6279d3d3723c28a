// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/engine_watch.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using app::EngineState;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(engine_watch)

BOOST_AUTO_TEST_CASE(an_engine_that_never_ran_is_absent) {
    app::EngineWatch watch;
    BOOST_TEST((watch.look(ha::Instant{1s}, {}) == EngineState::absent));
}

BOOST_AUTO_TEST_CASE(a_pid_whose_process_is_gone_is_absent) {
    app::EngineWatch watch;
    BOOST_TEST(
        (watch.look(ha::Instant{1s}, {.beats = 9, .pid = 77, .attached = true, .process_exists = false}) ==
         EngineState::absent));
}

BOOST_AUTO_TEST_CASE(running_needs_attachment) {
    app::EngineWatch watch;
    app::EngineSigns signs{.beats = 1, .pid = 77, .attached = false, .process_exists = true};
    BOOST_TEST((watch.look(ha::Instant{1s}, signs) == EngineState::starting));
    signs.attached = true;
    BOOST_TEST((watch.look(ha::Instant{1s}, signs) == EngineState::running));
}

BOOST_AUTO_TEST_CASE(an_engine_that_does_not_turn_is_stalled_after_the_patience_and_recovers) {
    app::EngineWatch watch;
    app::EngineSigns signs{.beats = 1, .pid = 77, .attached = true, .process_exists = true};
    const ha::Instant start{1s};
    BOOST_TEST((watch.look(start, signs) == EngineState::running));
    BOOST_TEST((watch.look(start + app::EngineWatch::patience, signs) == EngineState::running));
    BOOST_TEST((watch.look(start + app::EngineWatch::patience + 1ms, signs) == EngineState::stalled));
    signs.beats = 2;
    BOOST_TEST((watch.look(start + 1s, signs) == EngineState::running));
}

BOOST_AUTO_TEST_CASE(in_sync_needs_a_recent_word_and_little_under_way) {
    const std::int64_t now = 10'000'000'000;
    BOOST_TEST(!app::in_sync(now, {}));
    BOOST_TEST(app::in_sync(now, {.received = 100, .announced = 100, .announced_at_ns = now}));
    BOOST_TEST(app::in_sync(now, {.received = 100, .announced = 164, .announced_at_ns = now}));
    BOOST_TEST(!app::in_sync(now, {.received = 100, .announced = 165, .announced_at_ns = now}));
    BOOST_TEST(
        !app::in_sync(now, {.received = 100, .announced = 100, .announced_at_ns = now - 1'000'000'001}));
}

BOOST_AUTO_TEST_SUITE_END()
