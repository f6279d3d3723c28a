// SPDX-License-Identifier: GPL-3.0-or-later
// `[[group.check]]`.
#include "example.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::config;
using namespace std::chrono_literals;

namespace {

std::vector<CheckSettings> checks_of(std::string_view more) {
    const auto config = parse(with_more(more), "f");
    BOOST_REQUIRE(config);
    return config->groups.back().checks;
}

constexpr std::string_view least = "[[group.check]]\nname = \"gw\"\naddress = \"192.0.2.1\"\n";

} // namespace

BOOST_AUTO_TEST_SUITE(check_settings)

BOOST_AUTO_TEST_CASE(defaults_are_those_that_users_know) {
    const auto checks = checks_of(least);
    BOOST_REQUIRE(checks.size() == 1U);
    BOOST_TEST(checks[0].name == "gw");
    BOOST_TEST(checks[0].asked().to_string() == "192.0.2.1");
    BOOST_TEST((checks[0].interval == 500ms && checks[0].timeout == 3000ms));
    BOOST_TEST(checks[0].retry == 2U);
    BOOST_TEST(checks[0].recover == 3U);
    BOOST_TEST((checks[0].auto_start == AutoStart::yes));
    BOOST_TEST(checks[0].source.size() == 0U);
    BOOST_TEST(checks[0].interface.empty());
}

BOOST_AUTO_TEST_CASE(a_profile_gives_way_to_what_is_written) {
    const auto fast = checks_of(std::string{least} + "profile = \"fast\"\n");
    BOOST_TEST((fast.at(0).interval == 10ms && fast.at(0).timeout == 30ms));
    const auto mixed = checks_of(std::string{least} + "timeout_ms = 100\nprofile = \"fast\"\n");
    BOOST_TEST((mixed.at(0).interval == 10ms && mixed.at(0).timeout == 100ms));
    const auto compatible = checks_of(std::string{least} + "profile = \"compatible\"\n");
    BOOST_TEST((compatible.at(0).interval == 500ms && compatible.at(0).timeout == 3000ms));
}

BOOST_AUTO_TEST_CASE(every_key_is_read) {
    const auto checks = checks_of(R"([[group.check]]
name = "far"
method = "network"
address = "fe80::1"
source = "fe80::2"
interface = "eth0"
auto_start = false
interval_ms = 20
timeout_ms = 1200
retry = 0
recover = 1
[[group.check]]
name = "near"
address = "192.0.2.2"
)");
    BOOST_REQUIRE(checks.size() == 2U);
    BOOST_TEST(checks[0].asked().to_string() == "fe80::1");
    BOOST_TEST(checks[0].source.to_string() == "fe80::2");
    BOOST_TEST(checks[0].interface == "eth0");
    BOOST_TEST((checks[0].auto_start == AutoStart::no));
    BOOST_TEST((checks[0].interval == 20ms && checks[0].timeout == 1200ms));
    BOOST_TEST(checks[0].retry == 0U);
    BOOST_TEST(checks[0].recover == 1U);
    BOOST_TEST(checks[1].name == "near");
}

BOOST_AUTO_TEST_CASE(every_method_has_keys_of_its_own) {
    const auto checks = checks_of(R"([[group.check]]
name = "arp"
method = "arp"
address = "192.0.2.1"
interface = "eth0"
[[group.check]]
name = "nd"
method = "nd"
address = "fe80::1"
interface = "eth0"
profile = "fast"
[[group.check]]
name = "tcp"
method = "tcp"
address = "2001:db8::1"
port = 25
send = "QUIT\r\n"
expect = "220"
[[group.check]]
name = "udp"
method = "udp"
address = "192.0.2.1"
port = 53
[[group.check]]
name = "tls"
method = "tls"
address = "192.0.2.1"
port = 443
server_name = "sip.example.com"
ca_file = "/etc/ca.pem"
verify = false
expiry_days = 30
[[group.check]]
name = "process"
method = "process"
process = "/usr/sbin/kamailio"
[[group.check]]
name = "link"
method = "link"
interface = "eth1"
)");
    BOOST_REQUIRE(checks.size() == 7U);
    for (std::size_t i = 0; i < checks.size(); ++i)
        BOOST_TEST(checks[i].method() == checks[i].name);
    BOOST_TEST(checks[1].shown() == "fe80::1");
    BOOST_TEST((checks[1].interval == 10ms));
    const auto& tcp = std::get<TcpTarget>(checks[2].target);
    BOOST_TEST(tcp.send == "QUIT\r\n");
    BOOST_TEST(tcp.expect == "220");
    BOOST_TEST(checks[2].shown() == "[2001:db8::1]:25");
    BOOST_TEST(std::get<UdpTarget>(checks[3].target).send.empty());
    const auto& tls = std::get<TlsTarget>(checks[4].target);
    BOOST_TEST(tls.ca_file == "/etc/ca.pem");
    BOOST_TEST((tls.verify == Verify::no));
    BOOST_TEST(tls.expiry_days == 30U);
    BOOST_TEST(checks[4].shown() == "192.0.2.1:443 sip.example.com");
    BOOST_TEST((checks[4].interval == 10s && checks[4].timeout == 10s));
    BOOST_TEST(checks[5].shown() == "/usr/sbin/kamailio");
    BOOST_TEST(checks[6].shown() == "eth1");
}

BOOST_AUTO_TEST_CASE(mistakes_of_methods_are_named) {
    struct Mistake {
        std::string_view keys; ///< behind the name; the first stands in line 3
        std::size_t line;
        std::string_view complaint;
        std::string_view hint;
    };
    const std::string_view arp = "method = \"arp\"\naddress = \"192.0.2.1\"\n";
    const std::initializer_list<Mistake> mistakes{
        {arp, 1, "has no \"interface\"", "add interface"},
        {"method = \"arp\"\naddress = \"2001:db8::1\"\ninterface = \"eth0\"\n", 4, "is not an IPv4 address",
         "method \"nd\" for IPv6"},
        {"method = \"nd\"\naddress = \"192.0.2.1\"\ninterface = \"eth0\"\n", 4, "is not an IPv6 address",
         "method \"arp\" asks"},
        {"method = \"tcp\"\naddress = \"192.0.2.1\"\n", 1, "has no \"port\"", "1 to 65535"},
        {"method = \"tls\"\naddress = \"192.0.2.1\"\nport = 1\nserver_name = \"a b\"\n", 6,
         "\"server_name\" cannot be", "host name"},
        {"method = \"tls\"\naddress = \"192.0.2.1\"\nport = 1\nprofile = \"fast\"\n", 6,
         "unknown key \"profile\"", ""},
        {"method = \"process\"\n", 1, "has no \"process\"", "add process"},
        {"method = \"process\"\nprocess = \"kamailio\"\n", 4, "is not an absolute path", "begin with"},
        {"method = \"process\"\nprocess = \"/a\"\nsource = \"192.0.2.1\"\n", 5, "unknown key \"source\"", ""},
        {"method = \"link\"\n", 1, "has no \"interface\"", "add interface"},
        {"address = \"192.0.2.1\"\nport = 5\n", 4, "unknown key \"port\"", ""},
    };
    for (const Mistake& mistake : mistakes) {
        BOOST_TEST_CONTEXT(mistake.keys)
        expect_one(with_more("[[group.check]]\nname = \"x\"\n" + std::string{mistake.keys}),
                   last_line() + mistake.line, mistake.complaint, mistake.hint);
    }
    const std::string much(1025, 'x');
    expect_one(with_more("[[group.check]]\nname = \"x\"\nmethod = \"udp\"\naddress = \"192.0.2.1\"\n"
                         "port = 5\nsend = \"" +
                         much + "\"\n"),
               last_line() + 6, "\"send\" is too long", "1024");
}

BOOST_AUTO_TEST_CASE(checks_need_not_be_the_same_on_both_nodes) {
    const auto without = parse(good_text(), "f");
    const auto with = parse(with_more(least), "f");
    BOOST_REQUIRE((without && with));
    BOOST_TEST(without->digest == with->digest);
}

BOOST_AUTO_TEST_CASE(mistakes_are_named_with_a_way_out) {
    struct Mistake {
        std::string_view more; ///< behind the least that a check must say
        std::size_t line;
        std::string_view complaint;
        std::string_view hint;
    };
    const std::initializer_list<Mistake> mistakes{
        {"method = \"ping\"\n", 4, "\"method\" cannot be \"ping\"", "network"},
        {"profile = \"slow\"\n", 4, "\"profile\" cannot be \"slow\"", "compatible, fast"},
        {"interval_ms = 4\n", 4, "out of range", "5 to 3600000"},
        {"timeout_ms = 3600001\n", 4, "out of range", "5 to 3600000"},
        {"retry = 51\n", 4, "out of range", "0 to 50"},
        {"recover = 0\n", 4, "out of range", "1 to 100"},
        {"timeout_ms = 499\n", 4, "is shorter than \"interval_ms\"", "499 milliseconds and 500"},
        {"interval_ms = 10\n", 4, "is longer than 60 times", "3000 milliseconds and 10"},
        {"source = \"2001:db8::1\"\n", 4, "are not of the same family", "2001:db8::1"},
        {"auto_start = 1\n", 4, "\"auto_start\"", "true"},
        {"[[group.check]]\nname = \"gw\"\naddress = \"192.0.2.7\"\n", 5, "check \"gw\" is there twice",
         "its own name"},
        {"[[group.check]]\nname = \"x\"\n", 4, "no \"address\"", "add address"},
        {"[[group.check]]\naddress = \"192.0.2.7\"\n", 4, "no \"name\"", "add name"},
        {"[[group.check]]\nname = \"x\"\naddress = \"fe80::1\"\n", 6, "is link-local", "unicast"},
        {"[[group.check]]\nname = \"x\"\naddress = \"224.0.0.1\"\n", 6, "is a multicast address", "unicast"},
        {"adress = \"192.0.2.1\"\n", 4, "unknown key \"adress\" in [[group.check]]", "\"address\""},
    };
    for (const Mistake& mistake : mistakes) {
        BOOST_TEST_CONTEXT(mistake.more)
        expect_one(with_more(std::string{least} + std::string{mistake.more}), last_line() + mistake.line,
                   mistake.complaint, mistake.hint);
    }
}

BOOST_AUTO_TEST_SUITE_END()
