// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/check_desk.hh"

#include <boost/json/array.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

using namespace tandem;
using namespace tandem::app;
using namespace std::chrono_literals;

namespace {

/// Targets that cannot be there: whether or not this machine may ask, nobody answers.
struct World {
    boost::asio::io_context io;
    config::Config config;
    Journal journal{config::LogTarget::standard_error, "node"};
    int changes{0};
    std::unique_ptr<CheckDesk> desk;

    World() {
        config.groups.resize(2);
        config.groups[0].name = "sip";
        config.groups[1].name = "trunk";
    }
    void add(std::size_t group, const std::string& name, config::AutoStart start = config::AutoStart::yes) {
        config::CheckSettings check;
        check.name = name;
        check.target = config::NetworkTarget{wire::IpAddress::v4({240, 0, 0, 1})};
        check.auto_start = start;
        check.interval = 5ms;
        check.timeout = 5ms;
        check.retry = 0;
        config.groups[group].checks.push_back(std::move(check));
    }
    void open() {
        desk = std::make_unique<CheckDesk>(io, config, journal, [this] { ++changes; });
        desk->start();
    }
    void run_until(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!condition() && std::chrono::steady_clock::now() < end) {
            io.restart();
            io.run_for(5ms);
            desk->tick();
        }
        BOOST_REQUIRE(condition());
    }
    std::ptrdiff_t events(std::string_view name) const {
        return std::ranges::count(journal.entries(), name, &JournalEntry::name);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(check_desk)

BOOST_AUTO_TEST_CASE(one_that_is_down_has_an_event_and_an_alarm) {
    World world;
    world.add(0, "gw", config::AutoStart::no);
    world.add(1, "gw");
    world.open();
    world.run_until([&] { return world.events("check.down") == 1; });
    BOOST_TEST(world.changes == 1);
    const auto conditions = world.desk->conditions();
    BOOST_REQUIRE(conditions.size() == 1U);
    BOOST_TEST(conditions[0].code == "check.down");
    BOOST_TEST(conditions[0].group == "trunk");
    BOOST_TEST(conditions[0].subject == "gw");
    BOOST_TEST(conditions[0].sentence == "check gw: 240.0.0.1 does not answer");
    const status::Checks summary = world.desk->summary(1);
    BOOST_TEST((summary.down == std::vector<std::string>{"gw"}));
    BOOST_TEST((summary.states == status::Numbers{{"down", 1}}));
    BOOST_TEST((world.desk->summary(0).states == status::Numbers{{"stopped", 1}}));
}

BOOST_AUTO_TEST_CASE(a_storm_is_told_in_short) {
    World world;
    constexpr std::size_t count = 200;
    for (std::size_t i = 0; i < count; ++i)
        world.add(0, "c" + std::to_string(i));
    world.open();
    std::uint64_t told = 0;
    world.run_until([&] {
        told = 0;
        for (const JournalEntry& entry : world.journal.entries())
            told += entry.name == "check.many" ? entry.data.at("down").to_number<std::uint64_t>() : 1U;
        return told == count;
    });
    BOOST_TEST(world.events("check.many") >= 1);
    BOOST_TEST(world.events("check.down") < static_cast<std::ptrdiff_t>(count));
    const auto conditions = world.desk->conditions();
    BOOST_REQUIRE(conditions.size() == 1U);
    BOOST_TEST(conditions[0].subject.empty());
    BOOST_TEST(world.desk->summary(0).down.size() == CheckDesk::named_max);
}

BOOST_AUTO_TEST_CASE(a_long_list_comes_in_pieces) {
    World world;
    constexpr std::size_t count = 2 * CheckDesk::listed_max + 1;
    for (std::size_t i = 0; i < count; ++i)
        world.add(i % 2, "c" + std::to_string(i), config::AutoStart::no);
    world.open();
    std::set<std::string> names;
    std::size_t from = 0;
    for (int pieces = 0;; ++pieces) {
        const auto piece = world.desk->list(std::nullopt, from);
        const auto& checks = piece.at("checks").as_array();
        BOOST_REQUIRE(checks.size() <= CheckDesk::listed_max);
        for (const auto& check : checks)
            names.emplace(check.at("name").as_string());
        if (!piece.contains("next"))
            break;
        from = piece.at("next").to_number<std::size_t>();
        BOOST_REQUIRE(pieces < 3);
    }
    BOOST_TEST(names.size() == count);
    BOOST_TEST(world.desk->list(1, 0).at("checks").as_array().size() == CheckDesk::listed_max);
    BOOST_TEST(world.desk->list(std::nullopt, count + 7).at("checks").as_array().empty());
}

BOOST_AUTO_TEST_CASE(a_check_is_named_as_people_know_it) {
    World world;
    world.add(0, "gw", config::AutoStart::no);
    world.add(1, "gw", config::AutoStart::no);
    world.add(1, "far", config::AutoStart::no);
    world.open();
    using Running = CheckDesk::Running;
    BOOST_TEST(world.desk->set_running(std::nullopt, "none", Running::yes).error() ==
               "there is no such check; see tandemctl checks");
    BOOST_TEST(world.desk->set_running(0, "far", Running::yes).error() ==
               "there is no such check; see tandemctl checks");
    BOOST_TEST(world.desk->set_running(std::nullopt, "gw", Running::yes).error() ==
               "several groups have a check of that name: say which with --group");
    BOOST_TEST(world.desk->set_running(1, "gw", Running::yes).value() == "check gw is running");
    BOOST_TEST(world.desk->set_running(1, "gw", Running::yes).value() == "check gw is running already");
    world.run_until([&] { return !world.desk->conditions().empty(); });
    BOOST_TEST(world.desk->set_running(1, "gw", Running::no).value() == "check gw is stopped");
    BOOST_TEST(world.desk->conditions().empty()); // one that is not asked is not down
    BOOST_TEST(world.desk->set_running(std::nullopt, "far", Running::no).value() ==
               "check far is stopped already");
    BOOST_TEST(world.events("check.started") == 1);
    BOOST_TEST(world.events("check.stopped") == 1);
}

BOOST_AUTO_TEST_CASE(every_verdict_reaches_the_hook_in_a_storm_too) {
    World world;
    constexpr std::size_t count = 200;
    for (std::size_t i = 0; i < count; ++i)
        world.add(i % 2, "c" + std::to_string(i));
    world.open();
    std::vector<CheckChange> changes;
    world.desk->on_change([&](const CheckChange& change) { changes.push_back(change); });
    world.run_until([&] { return changes.size() == count; });
    const CheckChange& change = changes.front();
    BOOST_TEST((change.group == "sip" || change.group == "trunk"));
    BOOST_TEST(change.check.starts_with("c"));
    BOOST_TEST(change.method == "network");
    BOOST_TEST(change.target == "240.0.0.1");
    BOOST_TEST((change.verdict == probe::CheckVerdict::down));
    BOOST_TEST(change.detail.starts_with("does not answer"));
    BOOST_TEST((change.lasted >= 5ms && change.lasted < 20s));
    BOOST_TEST((change.worst_case == 10ms));
}

BOOST_AUTO_TEST_CASE(another_configuration_leaves_alone_what_it_does_not_change) {
    World world;
    world.add(0, "kept");
    world.add(0, "changed");
    world.add(0, "gone");
    world.add(1, "quiet");
    world.open();
    world.run_until([&] { return world.desk->conditions().size() == 4; });
    BOOST_REQUIRE(world.desk->set_running(1, "quiet", CheckDesk::Running::no).has_value());
    const auto asked = [&](std::string_view name) {
        const auto list = world.desk->list(std::nullopt, 0);
        for (const auto& check : list.at("checks").as_array())
            if (check.at("name").as_string() == name)
                return check.at("asked").to_number<std::uint64_t>();
        return std::uint64_t{0};
    };
    const std::uint64_t before = asked("kept");
    config::Config other = world.config;
    std::swap(other.groups[0], other.groups[1]);
    auto& checks = other.groups[1].checks;
    checks.pop_back();
    checks[1].timeout = 20min;
    checks[1].interval = 1min;
    other.groups[0].checks[0].retry = 1;
    other.groups[0].checks.push_back(checks[0]);
    other.groups[0].checks.back().name = "new";
    const auto done = world.desk->reconfigure(other);
    BOOST_TEST(done.added == 1U);
    BOOST_TEST(done.changed == 2U);
    BOOST_TEST(done.removed == 1U);
    const auto conditions = world.desk->conditions();
    BOOST_REQUIRE(conditions.size() == 1U); // the others have a new life
    BOOST_TEST(conditions[0].subject == "kept");
    BOOST_TEST(conditions[0].group == "sip");
    BOOST_TEST(asked("kept") >= before);
    BOOST_TEST(asked("changed") <= 1U);
    BOOST_TEST((world.desk->summary(1).down == std::vector<std::string>{"kept"}));
    // What an operator has stopped stays so.
    const auto states = world.desk->summary(0).states;
    BOOST_TEST(std::ranges::count(states, std::pair<std::string, std::uint64_t>{"stopped", 1}) == 1);
    world.run_until([&] { return world.desk->conditions().size() == 2; });
    BOOST_TEST(world.desk->reconfigure(other).changed == 0U);
    BOOST_TEST(world.desk->conditions().size() == 2U);
    BOOST_TEST((world.desk->reconfigure(config::Config{}).removed == 4U));
    BOOST_TEST(world.desk->conditions().empty());
    world.io.restart();
    world.io.run_for(20ms); // nobody is left, and nothing waits
}

BOOST_AUTO_TEST_SUITE_END()
