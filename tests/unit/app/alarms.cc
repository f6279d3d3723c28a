// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/alarms.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace tandem;
using namespace std::chrono_literals;
using app::Condition;

namespace {

/// A pair in which all is well, ready to be spoilt.
struct World {
    config::Config config;
    app::PulseSnapshot snapshot{};
    std::vector<std::vector<watch::Line>> lines;
    std::vector<Condition> checks;
    app::EngineState engine{app::EngineState::running};
    bool config_differs{false};
    std::string not_kept;
    std::string journal_not_kept;
    ha::Instant stalled_at{};
    ha::Instant clear_at{};
    ha::Instant started{1000s};
    ha::Instant now{2000s};

    World() {
        config.groups.resize(2);
        config.groups[0].name = "sip";
        config.groups[1].name = "trunk";
        config.paths.resize(2);
        config.paths[0].name = "cable";
        config.paths[1].name = "lan";
        lines.resize(2);
        for (std::size_t i = 0; i < 2; ++i) {
            ha::View& view = snapshot.groups[i];
            view.role = i == 0 ? ha::Role::active : ha::Role::standby;
            view.peer = ha::PeerState::up;
            for (auto& path : view.paths)
                path.heard(now);
            lines[i].push_back({"server", watch::State::ok, "", now, 0});
        }
    }
    std::vector<Condition> conditions() const {
        return app::conditions({.config = config,
                                .snapshot = snapshot,
                                .lines = lines,
                                .checks = checks,
                                .engine = engine,
                                .config_differs = config_differs,
                                .not_kept = not_kept,
                                .journal_not_kept = journal_not_kept,
                                .stalled_at = stalled_at,
                                .clear_at = clear_at,
                                .started = started,
                                .now = now});
    }
    /// "code group subject" of all, in alphabetical order.
    std::vector<std::string> codes() const {
        std::vector<std::string> out;
        for (const Condition& condition : conditions())
            out.push_back(condition.code + " " + condition.group + " " + condition.subject);
        std::ranges::sort(out);
        return out;
    }
    void expect(const std::vector<std::string>& wanted) const {
        const auto have = codes();
        BOOST_TEST(have == wanted, boost::test_tools::per_element());
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(alarms)

BOOST_AUTO_TEST_CASE(all_is_well) {
    World{}.expect({});
}

BOOST_AUTO_TEST_CASE(each_condition_of_a_group) {
    const auto with = [](auto spoil) {
        World world;
        spoil(world.snapshot.groups[1], world);
        return world;
    };
    with([](ha::View& view, World&) {
        view.serving_elsewhere = true;
    }).expect({"peer.unreachable_but_serving trunk "});
    with([](ha::View& view, World&) { view.dual_active = true; }).expect({"dual_active trunk "});
    with([](ha::View& view, World&) { view.isolated = true; }).expect({"isolated trunk "});
    with([](ha::View& view, World&) { view.role = ha::Role::fault; }).expect({"role.fault trunk "});
    with([](ha::View& view, World& world) { view.damped_until = world.now + 1ms; }).expect({"damped trunk "});
    with([](ha::View& view, World& world) { view.damped_until = world.now; }).expect({});
    with([](ha::View&, World& world) {
        world.lines[1] = {{"vip", watch::State::failed, "why", {}, 1},
                          {"nic", watch::State::degraded, "", {}, 1},
                          {"listener", watch::State::repairing, "", {}, 1},
                          {"process", watch::State::unknown, "", {}, 1},
                          {"traffic", watch::State::off, "", {}, 1}};
    }).expect({"monitor.degraded trunk nic", "monitor.failed trunk vip"});
}

BOOST_AUTO_TEST_CASE(a_path_that_is_cut_while_the_other_lives) {
    World world;
    world.snapshot.groups[0].paths[0].judge(world.now + 15ms, 15ms);
    world.expect({"path.down  cable"});
    BOOST_TEST(world.conditions()[0].sentence.find("cable is down") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_path_that_was_never_heard_is_given_time) {
    World world;
    world.snapshot.groups[0].paths[1] = ha::PathWatch{};
    world.started = world.now - 9s;
    world.expect({});
    world.started = world.now - 10s;
    world.expect({"path.down  lan"});
}

BOOST_AUTO_TEST_CASE(each_condition_of_the_node) {
    World world;
    world.snapshot.groups[0].peer = ha::PeerState::silent;
    world.expect({"peer.down  "});
    // A standby without a peer is no alarm of this kind: there is nothing that it could hand over.
    world = World{};
    world.snapshot.groups[1].peer = ha::PeerState::silent;
    world.expect({});
    world = World{};
    world.engine = app::EngineState::stalled;
    world.expect({"engine.absent  "});
    BOOST_TEST(world.conditions()[0].sentence.find("hangs") != std::string::npos);
    world = World{};
    world.config_differs = true;
    world.expect({"config.differs  "});
    world = World{};
    world.not_kept = "/x: cannot write: No space left on device";
    world.expect({"state.not_kept  "});
    BOOST_TEST(world.conditions()[0].sentence.starts_with(world.not_kept));
    world = World{};
    world.journal_not_kept = "/x: cannot write: Read-only file system";
    world.expect({"journal.not_kept  "});
    world = World{};
    world.stalled_at = world.now - 59s;
    world.expect({"stalled  "});
    world.stalled_at = world.now - 60s;
    world.expect({});
    world.clear_at = world.now - 9s;
    world.expect({"mirror.clear_refused  "});
    world.clear_at = world.now - 10s;
    world.expect({});
}

BOOST_AUTO_TEST_SUITE_END()
