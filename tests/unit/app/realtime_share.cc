// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/realtime_share.hh"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace tandem;
using namespace tandem::app;
using namespace std::chrono_literals;
using Step = RealtimeShare::Step;

namespace {

/// A thread that is looked at every 20 ms.
struct World {
    RealtimeShare share;
    ha::Instant now{1000s};
    ha::Duration used{7s};
    std::vector<std::pair<ha::Duration, Step>> steps; ///< when, from the start
    /// It uses so much of a processor for a while.
    void run(ha::Duration time, int percent) {
        for (const ha::Instant end = now + time; now < end;) {
            now += 20ms;
            used += 20ms * percent / 100;
            if (const Step step = share.look(now, used); step != Step::keep)
                steps.emplace_back(now - ha::Instant{1000s}, step);
        }
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(realtime_share)

BOOST_AUTO_TEST_CASE(a_thread_at_its_usual_work_keeps_it) {
    World world;
    for (int i = 0; i < 100; ++i) {
        world.run(80ms, 5);
        world.run(20ms, 100);
    }
    BOOST_TEST(world.steps.empty());
}

BOOST_AUTO_TEST_CASE(much_work_gives_it_up_long_before_the_kernel_stops_all) {
    World world;
    world.run(1s, 5);
    world.run(950ms, 100);
    BOOST_REQUIRE(world.steps.size() == 1U);
    BOOST_TEST((world.steps[0].second == Step::give_up));
    BOOST_TEST((world.steps[0].first <= 1200ms));
}

BOOST_AUTO_TEST_CASE(it_is_taken_back_when_it_has_been_calm_for_long) {
    World world;
    world.run(1s, 90);
    for (int i = 0; i < 10; ++i) { // not calm yet
        world.run(4s, 10);
        world.run(200ms, 40);
    }
    BOOST_TEST(world.steps.size() == 1U);
    const ha::Duration calm = world.now - ha::Instant{1000s};
    world.run(7s, 10);
    BOOST_REQUIRE(world.steps.size() == 2U);
    BOOST_TEST((world.steps[1].second == Step::take_back));
    BOOST_TEST((world.steps[1].first >= calm + 5s));
    world.run(1s, 60);
    BOOST_TEST(world.steps.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_thread_that_was_not_looked_at_for_long_is_judged_by_what_it_used) {
    World world;
    world.run(40ms, 5);
    world.now += 10s; // it waited
    world.run(40ms, 5);
    BOOST_TEST(world.steps.empty());
    world.now += 10s; // it worked
    world.used += 9s;
    world.run(40ms, 5);
    BOOST_TEST(world.steps.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
