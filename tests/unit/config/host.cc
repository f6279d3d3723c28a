// SPDX-License-Identifier: GPL-3.0-or-later
#include "example.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::config;

namespace {

wire::Prefix prefix(std::string_view text) {
    return wire::Prefix::parse(text).value();
}

std::vector<HostInterface> good_host() {
    return {{"lo", {prefix("127.0.0.1/8")}},
            {"eth0", {prefix("10.0.0.1/24"), prefix("2001:db8::1/64")}},
            {"eth1", {prefix("10.1.0.1/24")}}};
}

Problems problems_on(const std::vector<HostInterface>& interfaces) {
    const auto config = parse(good_text(), "f");
    BOOST_REQUIRE(config);
    return check_against_host(*config, good_text(), "f", interfaces, 4);
}

} // namespace

BOOST_AUTO_TEST_SUITE(host)

BOOST_AUTO_TEST_CASE(a_machine_that_fits) {
    BOOST_TEST(problems_on(good_host()).empty());
}

BOOST_AUTO_TEST_CASE(an_unknown_interface) {
    auto machine = good_host();
    machine[1].name = "eth7";
    const auto problems = problems_on(machine);
    BOOST_REQUIRE(problems.size() == 2U);
    BOOST_TEST(problems[0].line == 19U);
    BOOST_TEST(problems[0].column == 13U);
    BOOST_TEST(problems[0].what == "this machine has no interface \"eth0\"");
    BOOST_TEST(problems[0].hint == "it has: lo, eth7, eth1");
    BOOST_TEST(problems[1].line == 27U);
}

BOOST_AUTO_TEST_CASE(a_vip_outside_the_interface_s_networks) {
    auto machine = good_host();
    machine[1].networks[0] = prefix("10.0.1.1/24");
    const auto problems = problems_on(machine);
    BOOST_REQUIRE(problems.size() == 2U);
    BOOST_TEST(problems[0].to_string() ==
               "f:20:9: VIP 10.0.0.10 is outside the networks of interface \"eth0\" (they are: 10.0.1.1/24, "
               "2001:db8::1/64)");
    BOOST_TEST(problems[1].line == 28U);
}

BOOST_AUTO_TEST_CASE(the_vip_itself_is_no_network_of_the_interface) {
    auto machine = good_host();
    machine[1].networks = {prefix("10.0.0.10/24"), prefix("10.0.0.11/32"), prefix("2001:db8::1/64")};
    const auto problems = problems_on(machine);
    BOOST_REQUIRE(problems.size() == 2U);
    BOOST_TEST(problems[0].line == 20U);
    BOOST_TEST(problems[1].line == 28U);
}

BOOST_AUTO_TEST_CASE(a_local_address_of_another_machine) {
    auto machine = good_host();
    machine[2].networks[0] = prefix("10.1.0.2/24");
    const auto problems = problems_on(machine);
    BOOST_REQUIRE(problems.size() == 1U);
    BOOST_TEST(problems[0].line == 10U);
    BOOST_TEST(problems[0].what == "10.1.0.1 is not an address of this machine");
}

BOOST_AUTO_TEST_CASE(a_machine_without_interfaces) {
    BOOST_TEST(problems_on({}).size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
