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
