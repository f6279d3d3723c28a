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
        (watch.look(ha::Instant{1s}, {.beats = {9}, .pid = 77, .attached = true, .process_exists = false}) ==
         EngineState::absent));
}

BOOST_AUTO_TEST_CASE(running_needs_attachment) {
    app::EngineWatch watch;
    app::EngineSigns signs{.beats = {1}, .pid = 77, .attached = false, .process_exists = true};
    BOOST_TEST((watch.look(ha::Instant{1s}, signs) == EngineState::starting));
    signs.attached = true;
    BOOST_TEST((watch.look(ha::Instant{1s}, signs) == EngineState::running));
}

BOOST_AUTO_TEST_CASE(an_engine_that_does_not_turn_is_stalled_after_the_patience_and_recovers) {
    app::EngineWatch watch;
    app::EngineSigns signs{.beats = {1}, .pid = 77, .attached = true, .process_exists = true};
    const ha::Instant start{1s};
    BOOST_TEST((watch.look(start, signs) == EngineState::running));
    BOOST_TEST((watch.look(start + app::EngineWatch::patience, signs) == EngineState::running));
    BOOST_TEST((watch.look(start + app::EngineWatch::patience + 1ms, signs) == EngineState::stalled));
    signs.beats[0] = 2;
    BOOST_TEST((watch.look(start + 1s, signs) == EngineState::running));
}

BOOST_AUTO_TEST_CASE(one_worker_of_several_that_does_not_turn_is_a_stall) {
    app::EngineWatch watch;
    app::EngineSigns signs{
        .beats = {1, 1, 1}, .workers = 3, .pid = 77, .attached = true, .process_exists = true};
    const ha::Instant start{1s};
    BOOST_TEST((watch.look(start, signs) == EngineState::running));
    ha::Instant now = start;
    const auto turn = [&](std::size_t hung) {
        now += 50ms;
        for (std::size_t i = 0; i < signs.workers; ++i)
            signs.beats[i] += i == hung ? 0 : 1;
        return watch.look(now, signs);
    };
    for (int i = 0; i < 20; ++i)
        BOOST_TEST((turn(signs.workers) == EngineState::running));
    for (std::size_t hung = 0; hung < signs.workers; ++hung) {
        for (int i = 0; i < 4; ++i)
            BOOST_TEST((turn(hung) == EngineState::running));
        BOOST_TEST((turn(hung) == EngineState::stalled));
        BOOST_TEST((turn(signs.workers) == EngineState::running));
    }
    // A worker that does not exist hangs no more than it turns.
    signs.workers = 2;
    signs.pid = 78;
    for (int i = 0; i < 20; ++i)
        BOOST_TEST((turn(2) == EngineState::running));
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
