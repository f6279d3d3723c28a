// SPDX-License-Identifier: GPL-3.0-or-later
// `[group.watch]`, `[[group.watch.endpoint]]`, `[group.failback]`.
#include "example.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>

using namespace tandem;
using namespace tandem::config;
using namespace std::chrono_literals;

namespace {

struct Mistake {
    std::string_view more;
    std::size_t line; ///< counted from the first added one
    std::string_view complaint;
    std::string_view hint;
};

} // namespace

BOOST_AUTO_TEST_SUITE(watch)

BOOST_AUTO_TEST_CASE(without_sections_only_the_server_is_watched) {
    const auto config = parse(good_text(), "f");
    BOOST_REQUIRE(config);
    for (const Group& group : config->groups) {
        BOOST_CHECK(group.watch.server == Monitor::on);
        for (const Monitor monitor : {group.watch.vip, group.watch.nic, group.watch.traffic,
                                      group.watch.listener, group.watch.process})
            BOOST_CHECK(monitor == Monitor::off);
        BOOST_TEST(group.watch.witnesses.empty());
        BOOST_CHECK(group.failback.policy == FailbackPolicy::manual);
        BOOST_CHECK(group.failback.hold == 60s);
        BOOST_TEST(!group.failback.calls_max.has_value());
        BOOST_TEST(group.hysteresis == 100);
        BOOST_CHECK(group.damper_base == 10s);
    }
}

constexpr const char* all_keys = R"(hysteresis = 250
damper_s = 2.5
[group.watch]
vip = true
nic = true
traffic = true
listener = true
server = false
process = "/run/kamailio/kamailio.pid"
rx_silence_s = 30
management_interface = "eth9"
server_interval_ms = 200
server_timeout_ms = 150
rise_ms = 0
alternate_s = 7
witnesses = ["10.0.0.254", "2001:db8::fe"]
witness_interval_ms = 50
witness_fail = 9
nic_weight = 1
vip_weight = 2
listener_weight = 3
process_weight = 4
server_weight = 5
traffic_weight = 1000
[[group.watch.endpoint]]
name = "trunk-1"
address = "10.0.0.77"
port = 5080
oos_check = 20
oos_force = 0
[[group.watch.endpoint]]
name = "trunk-2"
address = "2001:db8::77"
[group.failback]
policy = "window"
hold_s = 5
from = "22:30"
to = "05:00"
days = ["mon", "sun"]
calls_max = 3
)";

/// Two groups; the second one has every key.
Config everything() {
    auto config = parse(with_more(all_keys), "f");
    BOOST_REQUIRE(config);
    return *config;
}

BOOST_AUTO_TEST_CASE(every_monitor_is_taken) {
    const Config config = everything();
    const Group& group = config.groups.at(1);
    BOOST_TEST(group.hysteresis == 250);
    BOOST_CHECK(group.damper_base == 2500ms);
    const Watch& watch = group.watch;
    for (const Monitor monitor : {watch.vip, watch.nic, watch.traffic, watch.listener, watch.process})
        BOOST_CHECK(monitor == Monitor::on);
    BOOST_CHECK(watch.server == Monitor::off);
    BOOST_TEST(watch.process_match == "/run/kamailio/kamailio.pid");
    BOOST_CHECK(watch.rx_silence == 30s);
    BOOST_TEST(watch.management_interface == "eth9");
    BOOST_CHECK(watch.server_interval == 200ms);
    BOOST_CHECK(watch.server_timeout == 150ms);
    BOOST_CHECK(watch.rise == 0ms);
    BOOST_CHECK(watch.alternate == 7s);
    BOOST_REQUIRE(watch.witnesses.size() == 2U);
    BOOST_TEST(watch.witnesses[1].to_string() == "2001:db8::fe");
    BOOST_CHECK(watch.witness_interval == 50ms);
    BOOST_TEST(watch.witness_fail == 9U);
    BOOST_TEST(watch.nic_weight == 1);
    BOOST_TEST(watch.vip_weight == 2);
    BOOST_TEST(watch.listener_weight == 3);
    BOOST_TEST(watch.process_weight == 4);
    BOOST_TEST(watch.server_weight == 5);
    BOOST_TEST(watch.traffic_weight == 1000);
    // The group above has its own.
    BOOST_CHECK(config.groups.at(0).watch.vip == Monitor::off);
}

BOOST_AUTO_TEST_CASE(every_endpoint_is_taken) {
    const Config config = everything();
    const Watch& watch = config.groups.at(1).watch;
    BOOST_REQUIRE(watch.endpoints.size() == 2U);
    BOOST_TEST(watch.endpoints[0].name == "trunk-1");
    BOOST_TEST(watch.endpoints[0].address.to_string() == "10.0.0.77");
    BOOST_TEST(watch.endpoints[0].port == 5080);
    BOOST_CHECK(watch.endpoints[0].oos_check == 20s);
    BOOST_CHECK(watch.endpoints[0].oos_force == 0s);
    BOOST_TEST(watch.endpoints[1].port == 5060);
    BOOST_CHECK(watch.endpoints[1].oos_check == 60s);
    BOOST_CHECK(watch.endpoints[1].oos_force == 5s);
}

BOOST_AUTO_TEST_CASE(every_value_of_the_failback_is_taken) {
    const Config config = everything();
    const Group& group = config.groups.at(1);
    BOOST_CHECK(group.failback.policy == FailbackPolicy::window);
    BOOST_CHECK(group.failback.hold == 5s);
    BOOST_TEST(group.failback.from_minute == 22 * 60 + 30);
    BOOST_TEST(group.failback.to_minute == 5 * 60);
    BOOST_TEST(group.failback.days == 0b1000001);
    BOOST_REQUIRE(group.failback.calls_max.has_value());
    BOOST_TEST(*group.failback.calls_max == 3U);
    // The group above has its own.
    BOOST_CHECK(config.groups.at(0).failback.policy == FailbackPolicy::manual);
}

const Mistake mistakes[] = {
    // unknown keys and wrong types
    {"[group.watch]\nlistner = true\n", 2, "unknown key \"listner\" in [group.watch]", "\"listener\""},
    {"[group.watch]\nvip = 1\n", 2, "\"vip\" is an integer", "true or false"},
    {"[group.watch]\nprocess = true\n", 2, "\"process\" is a boolean", "a string"},
    {"[group.watch]\nprocess = \"kamailio\"\n", 2, "not an absolute path", "begin with \"/\""},
    {"[group.watch]\nendpoint = 7\n", 2, "\"endpoint\" is an integer", "[[endpoint]]"},
    {"[group.watch]\nwitnesses = \"10.0.0.254\"\n", 2, "\"witnesses\" is a string", "array"},
    {"[group.failback]\nhold = 5\n", 2, "unknown key \"hold\" in [group.failback]", "\"hold_s\""},
    {"[group.failbak]\n", 1, "unknown key \"failbak\" in [[group]]", "\"failback\""},
    // ranges
    {"hysteresis = 1001\n", 1, "out of range", "0 to 1000"},
    {"damper_s = 0.5\n", 1, "out of range", "1 to 3600"},
    {"[group.watch]\nnic_weight = 0\n", 2, "out of range", "1 to 1000"},
    {"[group.watch]\ntraffic_weight = 1001\n", 2, "out of range", "1 to 1000"},
    {"[group.watch]\nrise_ms = -1\n", 2, "out of range", "0 to 600000"},
    {"[group.watch]\nalternate_s = 0\n", 2, "out of range", "1 to 3600"},
    {"[group.watch]\nwitness_interval_ms = 19\n", 2, "out of range", "20 to 60000"},
    {"[group.watch]\nwitness_fail = 0\n", 2, "out of range", "1 to 100"},
    {"[group.watch]\nserver_interval_ms = 99\nserver_timeout_ms = 50\n", 2, "out of range", "100 to 60000"},
    {"[group.failback]\nhold_s = 0\n", 2, "out of range", "1 to 86400"},
    // words and times
    {"[group.failback]\npolicy = \"automatic\"\n", 2, "\"policy\" cannot be \"automatic\"",
     "manual, auto, window"},
    {"[group.failback]\npolicy = \"window\"\nfrom = \"2:00\"\nto = \"05:00\"\n", 3,
     "\"from\" cannot be \"2:00\"", "\"02:00\""},
    {"[group.failback]\npolicy = \"window\"\nfrom = \"24:00\"\nto = \"05:00\"\n", 3,
     "\"from\" cannot be \"24:00\"", "time of day"},
    {"[group.failback]\npolicy = \"window\"\nfrom = \"02:60\"\nto = \"05:00\"\n", 3,
     "\"from\" cannot be \"02:60\"", "time of day"},
    {"[group.failback]\npolicy = \"window\"\nfrom = \"02:00\"\nto = \"24:01\"\n", 4,
     "\"to\" cannot be \"24:01\"", "time of day"},
    {"[group.failback]\npolicy = \"window\"\nfrom = \"02:00\"\nto = \"05:00\"\ndays = [\"mo\"]\n", 5,
     "\"days\" cannot have \"mo\"", "did you mean \"mon\"?"},
    {"[group.failback]\npolicy = \"window\"\nfrom = \"02:00\"\nto = \"05:00\"\ndays = []\n", 5, "0 elements",
     "1 to 7"},
    {"[group.failback]\npolicy = \"window\"\nfrom = \"02:00\"\nto = \"05:00\"\ndays = [\"mon\", \"mon\"]\n",
     5, "\"mon\" twice", "remove"},
    // what does not go together
    {"[group.failback]\npolicy = \"window\"\n", 1, "has no \"from\"", "from = \"02:00\""},
    {"[group.failback]\npolicy = \"window\"\nfrom = \"02:00\"\n", 1, "has no \"to\"", "to = \"05:00\""},
    {"[group.failback]\npolicy = \"window\"\nfrom = \"02:00\"\nto = \"02:00\"\n", 4, "never open",
     "\"24:00\""},
    {"[group.failback]\npolicy = \"auto\"\nfrom = \"02:00\"\n", 3, "\"from\" belongs to policy = \"window\"",
     "remove"},
    {"[group.failback]\ndays = [\"mon\"]\n", 2, "\"days\" belongs to policy = \"window\"", "remove"},
    {"[group.failback]\ncalls_max = 3\n", 2, "\"calls_max\" belongs to policy = \"window\"", "remove"},
    {"[group.watch]\ntraffic = true\n", 2, "\"traffic\" is on without an endpoint",
     "[[group.watch.endpoint]]"},
    {"[[group.watch.endpoint]]\nname = \"e\"\naddress = \"10.0.0.9\"\n", 2, "\"traffic\" is off",
     "traffic = true"},
    {"[group.watch]\ntraffic = true\n[[group.watch.endpoint]]\nname = \"e\"\naddress = "
     "\"10.0.0.9\"\n[[group.watch.endpoint]]\nname = \"e\"\naddress = \"10.0.0.8\"\n",
     7, "endpoint \"e\" is there twice", "its own name"},
    {"[group.watch]\ntraffic = true\n[[group.watch.endpoint]]\nname = \"e\"\n", 3, "no \"address\"",
     "add address"},
    {"[group.watch]\nrx_silence_s = 5\n", 2, "\"nic\" is off", "nic = true"},
    {"[group.watch]\nmanagement_interface = \"eth9\"\n", 2, "\"nic\" is off", "nic = true"},
    {"[group.watch]\nserver_timeout_ms = 1000\n", 2, "is not shorter than", "1000 and 1000"},
    {"[group.watch]\nwitnesses = [\"10.0.0.10\"]\n", 2, "witness 10.0.0.10 is a VIP", "gateway"},
    {"[group.watch]\nwitnesses = [\"10.1.0.2\"]\n", 2, "is one of the two nodes", "gateway"},
    {"[group.watch]\nwitnesses = [\"10.0.0.9\", \"10.0.0.9\"]\n", 2, "witness 10.0.0.9 is there twice",
     "remove"},
    {"[group.watch]\nwitnesses = [\"10.0.0.0/24\"]\n", 2, "is a network, not an address", "without"},
    {"[group.watch]\nwitnesses = [\"224.0.0.1\"]\n", 2, "is a multicast address", "unicast"},
};

BOOST_AUTO_TEST_CASE(mistakes_are_named_with_a_way_out) {
    for (const Mistake& mistake : mistakes) {
        BOOST_TEST_CONTEXT(mistake.more)
        expect_one(with_more(mistake.more), last_line() + mistake.line, mistake.complaint, mistake.hint);
    }
}

BOOST_AUTO_TEST_CASE(rx_silence_of_zero_needs_no_nic_monitor) {
    BOOST_TEST(parse(with_more("[group.watch]\nrx_silence_s = 0\n"), "f").has_value());
}

BOOST_AUTO_TEST_CASE(the_end_of_the_day_may_end_a_window) {
    const auto config =
        parse(with_more("[group.failback]\npolicy = \"window\"\nfrom = \"00:00\"\nto = \"24:00\"\n"), "f");
    BOOST_REQUIRE(config);
    BOOST_TEST(config->groups.at(1).failback.to_minute == 1440);
    BOOST_TEST(config->groups.at(1).failback.days == 0x7f);
}

BOOST_AUTO_TEST_CASE(a_management_interface_must_be_there) {
    const std::string text = with_more("[group.watch]\nnic = true\nmanagement_interface = \"eth9\"\n");
    const auto config = parse(text, "f");
    BOOST_REQUIRE(config);
    std::vector<HostInterface> machine{
        {"eth0", {*wire::Prefix::parse("10.0.0.1/24"), *wire::Prefix::parse("2001:db8::1/64")}},
        {"eth1", {*wire::Prefix::parse("10.1.0.1/24")}}};
    auto problems = check_against_host(*config, text, "f", machine, 4);
    BOOST_REQUIRE(problems.size() == 1U);
    BOOST_TEST(problems[0].line == last_line() + 3);
    BOOST_TEST(problems[0].what == "this machine has no interface \"eth9\"");
    machine.push_back({"eth9", {}});
    BOOST_TEST(check_against_host(*config, text, "f", machine, 4).empty());
}

BOOST_AUTO_TEST_CASE(a_witness_behind_a_router_is_a_warning_only) {
    const std::string text = with_more("[group.watch]\nwitnesses = [\"10.0.0.254\", \"10.9.0.1\"]\n");
    const auto config = parse(text, "f");
    BOOST_REQUIRE(config);
    const std::vector<HostInterface> machine{
        {"eth0", {*wire::Prefix::parse("10.0.0.1/24"), *wire::Prefix::parse("2001:db8::1/64")}},
        {"eth1", {*wire::Prefix::parse("10.1.0.1/24")}}};
    BOOST_TEST(check_against_host(*config, text, "f", machine, 4).empty());
    const auto sentences = advice(*config, machine);
    BOOST_REQUIRE(sentences.size() == 1U);
    BOOST_TEST(sentences[0].find("witness 10.9.0.1 is in no network of interface eth0") != std::string::npos,
               sentences[0]);
}

/// What stands in the example as a comment is good as soon as the sign before it is taken away.
BOOST_AUTO_TEST_CASE(the_commented_part_of_the_example_is_good) {
    std::ifstream file{EXAMPLES "/host-pair.toml"};
    std::string text;
    std::size_t uncommented = 0;
    for (std::string line; std::getline(file, line); text += line + "\n")
        if (line.size() > 1 && line[0] == '#' && line[1] != ' ') {
            line.erase(0, 1);
            ++uncommented;
        }
    BOOST_TEST(uncommented > 10U);
    const auto config = parse(text, "host-pair.toml");
    BOOST_REQUIRE_MESSAGE(config, (config ? "" : config.error()[0].to_string()));
    BOOST_TEST(config->groups.at(0).watch.witnesses.size() == 1U);
    BOOST_CHECK(config->groups.at(0).failback.policy == FailbackPolicy::window);
}

BOOST_AUTO_TEST_SUITE_END()
