// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/schema.hh"
#include "example.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::config;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view least = R"([node]
id = 2
[pair]
id = "p"
[[path]]
name = "a"
local = "10.1.0.2"
peer = "10.1.0.1"
[[group]]
name = "g"
interface = "eth0"
vips = ["10.0.0.10"]
)";

/// One spoilt line of the good text and what must be said about it.
struct Mistake {
    std::string_view what;
    std::string_view by;
    std::size_t line;
    std::string_view complaint;
    std::string_view hint;
};

} // namespace

BOOST_AUTO_TEST_SUITE(schema)

BOOST_AUTO_TEST_CASE(defaults) {
    const auto config = parse(least, "f");
    BOOST_REQUIRE(config);
    BOOST_TEST(config->node.id == 2);
    BOOST_TEST(config->node.name == "");
    BOOST_TEST(config->node.run_dir == "/run/tandem");
    BOOST_TEST(config->node.state_dir == "/var/lib/tandem");
    BOOST_TEST(config->node.shadow_interface == "tandem0");
    BOOST_TEST(config->node.route_table == 7100U);
    BOOST_TEST(config->node.rule_priority == 7100U);
    BOOST_TEST(config->pair.key_file == "/etc/tandem/pair.key");
    BOOST_CHECK(config->pair.interval == 5ms);
    BOOST_TEST(config->pair.multiplier == 3U);
    BOOST_TEST(config->pair.stream_port == 7100);
    BOOST_TEST(config->pair.heartbeat_port == 7101);
    BOOST_TEST(config->pair.mirror_port == 7102);
    const Group& group = config->groups.at(0);
    BOOST_CHECK(group.role == ConfiguredRole::secondary);
    BOOST_TEST(group.priority == 100);
    BOOST_TEST(group.vips.at(0).length == 32);
    BOOST_TEST(group.sip_ports == std::vector<std::uint16_t>{5060}, boost::test_tools::per_element());
    BOOST_CHECK(group.mirroring == Mirroring::off);
    BOOST_CHECK(group.request_pattern == contract::RequestPattern{});
    BOOST_TEST(config->engine.queue == 7);
    BOOST_TEST(config->engine.registrations_max == 100'000U);
    BOOST_CHECK(config->capture.enabled == Capturing::on);
    BOOST_CHECK(config->capture.seconds == 30s);
    BOOST_TEST(config->capture.octets == 33'554'432U);
    BOOST_CHECK(config->log.target == LogTarget::standard_error);
    BOOST_TEST(config->digest != 0U);
}

BOOST_AUTO_TEST_CASE(every_value_is_taken) {
    const auto config = parse(R"([node]
id = 1
name = "n-1_x.y"
run_dir = "/r"
state_dir = "/s"
shadow_interface = "shadow"
route_table = 7
rule_priority = 8
[pair]
id = "office"
key_file = "/k"
interval_ms = 2.5
multiplier = 50
stream_port = 1
heartbeat_port = 2
mirror_port = 65535
[[path]]
name = "a"
local = "fd00::1"
peer = "fd00::2"
[[group]]
name = "g"
role = "primary"
priority = 254
interface = "eth0"
vips = ["10.0.0.10/24", "2001:db8::10/64"]
sip_ports = [5060, 5080]
[group.mirror]
enabled = true
request_pattern = "!REGISTER"
[engine]
backend = "nfqueue"
queue = 0
registrations_max = 5000000
dialogs_max = 101
flows_max = 10000000
[capture]
enabled = false
seconds = 3600
bytes = 1048576
[log]
target = "syslog"
)",
                              "f");
    BOOST_REQUIRE(config);
    BOOST_TEST(config->node.name == "n-1_x.y");
    BOOST_TEST(config->node.shadow_interface == "shadow");
    BOOST_TEST(config->node.route_table == 7U);
    BOOST_TEST(config->node.rule_priority == 8U);
    BOOST_CHECK(config->pair.interval == 2500us);
    BOOST_TEST(config->pair.multiplier == 50U);
    BOOST_TEST(config->pair.mirror_port == 65535);
    BOOST_TEST(config->paths.at(0).peer.to_string() == "fd00::2");
    const Group& group = config->groups.at(0);
    BOOST_CHECK(group.role == ConfiguredRole::primary);
    BOOST_TEST(group.vips.at(1).to_string() == "2001:db8::10/64");
    BOOST_TEST(group.sip_ports.at(1) == 5080);
    BOOST_CHECK(group.mirroring == Mirroring::on);
    BOOST_CHECK(!group.request_pattern.matches(wire::SipMethod::register_, wire::SipKind::request));
    BOOST_TEST(config->engine.queue == 0);
    BOOST_TEST(config->engine.registrations_max == 5'000'000U);
    BOOST_TEST(config->engine.dialogs_max == 101U);
    BOOST_TEST(config->engine.flows_max == 10'000'000U);
    BOOST_CHECK(config->capture.enabled == Capturing::off);
    BOOST_CHECK(config->capture.seconds == 1h);
    BOOST_TEST(config->capture.octets == 1'048'576U);
    BOOST_CHECK(config->log.target == LogTarget::syslog);
}

/// Each is one change to the good text, and what is said of it.
const Mistake mistakes[] = {
    // unknown keys
    {"interval_ms = 5", "intervall_ms = 5", 6, "unknown key \"intervall_ms\" in [pair]", "\"interval_ms\""},
    {"sip_ports =", "sip_port =", 21, "unknown key \"sip_port\" in [[group]]", "\"sip_ports\""},
    {"enabled =", "enable =", 23, "unknown key \"enable\" in [group.mirror]", "\"enabled\""},
    {"name = \"sip-a\"", "nmae = \"sip-a\"", 3, "unknown key \"nmae\"", "did you mean \"name\"?"},
    {"name = \"sip-a\"", "zzzzzzzzzzzzzzzz = 1", 3, "unknown key", "known keys: id, name,"},
    {"name = \"sip-a\"", "name = \"sip-a\"\n[engin]", 4, "unknown key \"engin\" in the file", "\"engine\""},
    // wrong types
    {"id = 1", "id = \"1\"", 2, "\"id\" is a string", "it must be an integer, 1 to 2"},
    {"id = 1", "id = 1.0", 2, "\"id\" is a decimal number", "it must be an integer"},
    {"name = \"sip-a\"", "name = 5", 3, "\"name\" is an integer", "in quotes"},
    {"interval_ms = 5", "interval_ms = \"5\"", 6, "\"interval_ms\" is a string", "a number, 1 to 1000"},
    {"enabled = true", "enabled = \"yes\"", 23, "\"enabled\" is a string", "true or false"},
    {"vips = [\"10.0.0.10/24\", \"2001:db8::10\"]", "vips = \"10.0.0.10\"", 20, "\"vips\" is a string",
     "array"},
    {"[\"10.0.0.10/24\",", "[7,", 20, "\"vips\" is an integer", "array of strings"},
    {"[5060]", "[\"5060\"]", 21, "\"sip_ports\" is a string", "array of integers"},
    {"[5060]", "2020-01-01", 21, "\"sip_ports\" is a date or time", "array"},
    {"[group.mirror]\nenabled = true\nrequest_pattern = \"INVITE|BYE\"", "mirror = true", 22,
     "\"mirror\" is a boolean", "[mirror]"},
    // ranges
    {"id = 1", "id = 3", 2, "out of range", "1 to 2"},
    {"id = 1", "id = 0", 2, "out of range", "1 to 2"},
    {"interval_ms = 5", "interval_ms = 0.5", 6, "out of range", "1 to 1000"},
    {"interval_ms = 5", "interval_ms = 1000.1", 6, "out of range", "1 to 1000"},
    {"interval_ms = 5", "interval_ms = nan", 6, "out of range", "1 to 1000"},
    {"interval_ms = 5", "interval_ms = -inf", 6, "out of range", "1 to 1000"},
    {"multiplier = 3", "multiplier = 2", 7, "out of range", "3 to 50"},
    {"multiplier = 3", "multiplier = 51", 7, "out of range", "3 to 50"},
    {"multiplier = 3", "stream_port = 0", 7, "out of range", "1 to 65535"},
    {"multiplier = 3", "mirror_port = 65536", 7, "out of range", "1 to 65535"},
    {"[5060]", "[70000]", 21, "out of range", "1 to 65535"},
    {"[5060]", "[]", 21, "0 elements", "1 to 8"},
    {"[5060]", "[1,2,3,4,5,6,7,8,9]", 21, "9 elements", "1 to 8"},
    {"name = \"sip-a\"", "route_table = 0", 3, "out of range", "1 to 4294967295"},
    {"name = \"sip-a\"", "name = \"sip-a\"\n[capture]\nbytes = 1000", 5, "out of range",
     "1048576 to 1073741824"},
    {"name = \"sip-a\"", "name = \"sip-a\"\n[capture]\nseconds = 0", 5, "out of range", "1 to 3600"},
    {"name = \"sip-a\"", "name = \"sip-a\"\n[engine]\nregistrations_max = 10", 5, "out of range",
     "100 to 5000000"},
    {"name = \"sip-a\"", "route_table = 254", 3, "kernel's own tables", "7100"},
    {"name = \"sip-a\"", "rule_priority = 32766", 3, "out of range", "1 to 32765"},
    {"role = \"primary\"", "priority = 255", 18, "out of range", "1 to 254"},
    {"role = \"primary\"", "priority = 0", 18, "out of range", "1 to 254"},
    // words
    {"role = \"primary\"", "role = \"primry\"", 18, "\"role\" cannot be \"primry\"",
     "did you mean \"primary\"?"},
    {"role = \"primary\"", "role = \"Primary\"", 18, "\"role\" cannot be", "secondary, primary"},
    {"name = \"sip-a\"", "name = \"sip-a\"\n[engine]\nbackend = \"xdp\"", 5, "cannot be \"xdp\"",
     "nfqueue, dpdk"},
    {"name = \"sip-a\"", "name = \"sip-a\"\n[log]\ntarget = \"file\"", 5, "cannot be \"file\"",
     "stderr, syslog"},
    {"\"INVITE|BYE\"", "\"INVITE|BYEE\"", 24, "BYEE", "!REGISTER"},
    {"\"INVITE|BYE\"", "\"INVITE user=/(/\"", 24, "the expression \"(\" cannot be used",
     "no back references"},
    {"\"INVITE|BYE\"", "\"INVITE user=/(a{100}){100}/\"", 24, "repeats too much", "shorten"},
    {"\"INVITE|BYE\"", "\"INVITE form 10.0.0.0/8\"", 24, "\"form\" is no clause", "INVITE|CANCEL|BYE"},
    // names
    {"\"sip-a\"", "\"sip a\"", 3, "\"name\" cannot be \"sip a\"", "1 to 32 characters"},
    {"\"sip-a\"", "\"\"", 3, "\"name\" cannot be \"\"", "1 to 32 characters"},
    {"\"sip-a\"", "\"s\\u00fcd\"", 3, "\"name\" cannot be", "letters, digits"},
    {"\"sip-a\"", "\"123456789012345678901234567890123\"", 3, "\"name\" cannot be", "1 to 32 characters"},
    {"id = \"office\"", "id = \"of/fice\"", 5, "\"id\" cannot be", "1 to 32 characters"},
    {"\"eth0\"", "\"a-much-too-long-name\"", 19, "cannot be the name of an interface", "1 to 15"},
    {"\"eth0\"", "\"e/0\"", 19, "cannot be the name of an interface", "1 to 15"},
    {"\"eth0\"", "\"..\"", 19, "cannot be the name of an interface", "1 to 15"},
    {"name = \"sip-a\"", "run_dir = \"run\"", 3, "not an absolute path", "begin with \"/\""},
    {"name = \"sip-a\"", "state_dir = \"/a\\u0000b\"", 3, "not an absolute path", "begin with \"/\""},
    // addresses
    {"\"10.1.0.1\"", "\"10.1.0.256\"", 10, "\"10.1.0.256\" is not an IP address", "in figures"},
    {"\"10.1.0.1\"", "\"node-a\"", 10, "is not an IP address", "in figures"},
    {"\"10.1.0.1\"", "\"10.1.0.1/24\"", 10, "is a network", "without \"/\""},
    {"\"10.1.0.1\"", "\"224.0.0.18\"", 10, "is a multicast address", "unicast"},
    {"\"10.1.0.1\"", "\"0.0.0.0\"", 10, "is not the address of a host", "unicast"},
    {"\"2001:db8::1\"", "\"fe80::1\"", 14, "is link-local", "unicast"},
    {"\"2001:db8::1\"", "\"::ffff:10.0.0.1\"", 14, "is an IPv4 address written as IPv6", "unicast"},
    {"\"10.0.0.10/24\"", "\"10.0.0.10/33\"", 20, "is not an IP address", "in figures"},
    {"\"10.0.0.10/24\"", "\"10.0.0.0/24\"", 20, "not an address of a host in its network", "prefix length"},
    {"\"10.0.0.10/24\"", "\"10.0.0.255/24\"", 20, "not an address of a host in its network", "prefix length"},
    {"\"10.0.0.10/24\"", "\"10.0.0.10/0\"", 20, "not an address of a host in its network", "prefix length"},
    {"\"10.0.0.10/24\"", "\"127.0.0.1\"", 20, "is a loopback address", "reachable"},
    {"\"2001:db8::10\"", "\"::1\"", 20, "is a loopback address", "reachable"},
    {"\"2001:db8::10\"", "\"ff02::1\"", 20, "is a multicast address", "unicast"},
    // what must be there
    {"id = 1\n", "", 1, "[node] has no \"id\"", "add id: an integer, 1 to 2"},
    {"id = \"office\"\n", "", 4, "[pair] has no \"id\"", "add id: a string"},
    {"peer = \"10.1.0.2\"\n", "", 8, "[[path]] has no \"peer\"", "add peer"},
    {"interface = \"eth0\"\n", "", 16, "[[group]] has no \"interface\"", "add interface"},
    {"vips = [\"10.0.0.11\"]\n", "", 25, "[[group]] has no \"vips\"", "array of strings"},
    {"[\"10.0.0.11\"]", "[]", 28, "0 elements", "1 to 32"},
};

BOOST_AUTO_TEST_CASE(one_mistake_one_problem_at_its_line) {
    BOOST_TEST(parse(good_text(), "f").has_value());
    for (const auto& mistake : mistakes) {
        BOOST_TEST_CONTEXT(mistake.what << " -> " << mistake.by)
        expect_one(with(mistake.what, mistake.by), mistake.line, mistake.complaint, mistake.hint);
    }
}

BOOST_AUTO_TEST_CASE(an_empty_file_misses_every_section) {
    const auto problems = problems_of("");
    BOOST_REQUIRE(problems.size() == 4U);
    BOOST_TEST(problems[0].to_string() == "test.toml: the file has no \"node\" (add node: a section [node])");
    BOOST_TEST(problems[3].what == "the file has no \"group\"");
    BOOST_TEST(problems[3].hint == "add group: at least one section [[group]]");
}

BOOST_AUTO_TEST_CASE(a_section_of_the_wrong_form) {
    expect_one("node = 1\n[pair]\nid = \"p\"\n" + good_text().substr(good_text().find("[[path]]")), 1,
               "\"node\" is an integer", "[node]");
    const std::string single = "[node]\nid = 1\n[pair]\nid = \"p\"\n[path]\nname = \"a\"\n" +
                               good_text().substr(good_text().find("[[group]]"));
    expect_one(single, 5, "\"path\" is a table", "[[path]]");
    expect_one(with("[[path]]\nname = \"cable\"", "[[path]]\nname = [\"cable\"]"), 9, "\"name\" is an array",
               "string");
}

BOOST_AUTO_TEST_CASE(the_number_of_sections_is_bounded) {
    std::string text = good_text();
    for (int i = 0; i < 3; ++i)
        text += "[[path]]\nname = \"p" + std::to_string(i) + "\"\nlocal = \"10.2.0." + std::to_string(i + 1) +
                "\"\npeer = \"10.3.0." + std::to_string(i + 1) + "\"\n";
    auto problems = problems_of(text);
    BOOST_REQUIRE(problems.size() == 1U);
    BOOST_TEST(problems[0].what == "there are 5 sections [[path]]");
    BOOST_TEST(problems[0].hint == "there must be 1 to 4");

    text = good_text();
    for (int i = 0; i < 7; ++i)
        text += "[[group]]\nname = \"g" + std::to_string(i) + "\"\ninterface = \"eth0\"\nvips = [\"10.2.0." +
                std::to_string(i + 1) + "\"]\n";
    problems = problems_of(text);
    BOOST_REQUIRE(problems.size() == 1U);
    BOOST_TEST(problems[0].what == "there are 9 sections [[group]]");
}

BOOST_AUTO_TEST_CASE(all_problems_are_reported_at_once_in_the_order_of_the_file) {
    std::string text = with("id = 1", "id = 9");
    text.replace(text.find("multiplier = 3"), 14, "multiplierr = 3");
    text.replace(text.find("\"10.1.0.2\""), 10, "\"10.1\"");
    text.replace(text.find("10.0.0.11"), 9, "10.0.0.10");
    const auto problems = problems_of(text);
    BOOST_REQUIRE(problems.size() == 4U);
    const std::vector<std::size_t> lines{problems[0].line, problems[1].line, problems[2].line,
                                         problems[3].line};
    BOOST_TEST(lines == (std::vector<std::size_t>{2, 7, 11, 28}), boost::test_tools::per_element());
    BOOST_TEST(problems[0].to_string() == "test.toml:2:6: \"id\" is out of range (it must be 1 to 2)");
}

BOOST_AUTO_TEST_SUITE_END()
