// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/live.hh"

#include "example.hh"

#include <boost/test/unit_test.hpp>

#include <functional>

using namespace tandem;
using namespace tandem::config;
using namespace std::chrono_literals;

namespace {

Config example() {
    auto config = parse(with_more(""), "f");
    BOOST_REQUIRE(config);
    return *config;
}

/// What needs a restart once `change` was made.
std::vector<std::string> needs(const std::function<void(Config&)>& change) {
    Config wanted = example();
    change(wanted);
    return restart_needed(example(), wanted);
}

void expect(const std::vector<std::string>& have, const std::vector<std::string>& want) {
    BOOST_TEST(have == want, boost::test_tools::per_element());
}

} // namespace

BOOST_AUTO_TEST_SUITE(live)

BOOST_AUTO_TEST_CASE(the_same_file_needs_nothing) {
    expect(needs([](Config&) {}), {});
}

BOOST_AUTO_TEST_CASE(checks_come_and_go_while_it_runs) {
    expect(needs([](Config& config) { config.groups[0].checks.push_back({}); }), {});
}

BOOST_AUTO_TEST_CASE(what_holds_from_a_start_on_is_named_as_the_file_names_it) {
    const std::string group = "[[group]] " + example().groups[0].name + ": ";
    expect(needs([](Config& c) { c.pair.interval = 7ms; }), {"[pair]"});
    expect(needs([](Config& c) { c.node.route_table = 1; }), {"[node]"});
    expect(needs([](Config& c) { c.engine.queue = 9; }), {"[engine]"});
    expect(needs([](Config& c) { c.capture.seconds = 5s; }), {"[capture]"});
    expect(needs([](Config& c) { c.log.target = LogTarget::syslog; }), {"[log]"});
    expect(needs([](Config& c) { c.groups[0].vips.clear(); }), {group + "vips"});
    expect(needs([](Config& c) { c.groups[0].watch.nic_weight = 7; }), {group + "watch"});
    expect(needs([](Config& c) { c.groups[0].failback.hold = 7s; }), {group + "failback"});
    expect(needs([](Config& c) {
               c.groups[0].priority = 7;
               c.groups[0].interface = "eth7";
           }),
           {group + "priority", group + "interface"});
}

BOOST_AUTO_TEST_CASE(what_has_no_name_of_its_own_does_not_pass_unseen) {
    expect(needs([](Config& c) { c.groups[0].hysteresis = 7; }), {"[[group]] " + example().groups[0].name});
    expect(needs([](Config& c) {
               c.groups[0].damper_base = 7ms;
               c.groups[0].checks.push_back({});
           }),
           {"[[group]] " + example().groups[0].name});
}

BOOST_AUTO_TEST_CASE(paths_and_groups_that_come_or_go_are_named) {
    const std::string path = example().paths[0].name;
    const std::string group = example().groups[0].name;
    expect(needs([](Config& c) { c.paths[0].name = "other"; }),
           {"[[path]] " + path + " is gone", "[[path]] other is new"});
    expect(needs([](Config& c) {
               c.groups.push_back(c.groups[0]);
               c.groups.back().name = "second";
           }),
           {"[[group]] second is new"});
    expect(needs([](Config& c) { c.groups[0].name = "other"; }),
           {"[[group]] " + group + " is gone", "[[group]] other is new"});
}

BOOST_AUTO_TEST_SUITE_END()
