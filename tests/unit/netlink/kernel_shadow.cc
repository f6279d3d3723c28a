// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/netlink/world.hh"

#include "netlink/sysctl.hh"

#include <linux/netlink.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

using namespace tandem;
using namespace tandem::testing;
using netlink::Transition;

namespace {

std::vector<std::string> set_up(const netlink::ShadowSetup& setup) {
    const auto words = netlink::set_up_shadow(setup);
    BOOST_REQUIRE_MESSAGE(words.has_value(), (words ? "" : words.error().what));
    return *words;
}

bool says(const std::vector<std::string>& words, const std::string& sentence) {
    return std::ranges::find(words, sentence) != words.end();
}

bool mentions(const std::vector<std::string>& words, const std::string& part) {
    return std::ranges::any_of(words,
                               [&](const std::string& w) { return w.find(part) != std::string::npos; });
}

std::size_t lines_with(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

} // namespace

BOOST_AUTO_TEST_SUITE(shadow)

BOOST_FIXTURE_TEST_CASE(makes_everything_once_and_says_so, World) {
    const auto words = set_up(setup());
    BOOST_CHECK(says(words, "created the shadow interface shadow0"));
    BOOST_CHECK(says(words, "added the egress rule of 10.77.0.100"));
    BOOST_CHECK(says(words, "added 2001:db8:77::100 to shadow0"));
    BOOST_CHECK(says(words, "set net.ipv4.conf.out0.arp_ignore to 1"));
    BOOST_CHECK(has("shadow0", vip4));
    BOOST_CHECK(has("shadow0", vip6));
    BOOST_CHECK(!has("out0", vip4));
    BOOST_CHECK(has_rule(vip4));
    BOOST_CHECK(has_rule(vip6));
    BOOST_CHECK(interface("shadow0").up);
    BOOST_CHECK_EQUAL(interface("shadow0").addresses.size(), 2U); // no link-local address
    BOOST_CHECK_EQUAL(netlink::read_setting("ipv4/conf/out0/arp_ignore").value(), 1);
    BOOST_CHECK_EQUAL(netlink::read_setting("ipv4/conf/out0/arp_announce").value(), 2);
    BOOST_CHECK_EQUAL(netlink::read_setting("ipv4/conf/shadow0/rp_filter").value(), 0);
    for (const auto* family : {"ip", "ip -6"}) {
        const auto routes = output_of(std::string(family) + " route show table 5060");
        BOOST_CHECK_EQUAL(lines_with(routes, "default"), 2U);
        BOOST_CHECK_EQUAL(lines_with(routes, "blackhole default"), 1U);
        BOOST_CHECK_EQUAL(lines_with(routes, "dev shadow0"), 1U);
    }
    const auto again = set_up(setup());
    BOOST_CHECK_MESSAGE(again.empty(), (again.empty() ? "" : again.front()));
}

BOOST_FIXTURE_TEST_CASE(removes_what_an_earlier_life_left, World) {
    set_up(setup());
    run("ip addr add 10.77.0.100/24 dev out0 && ip addr add 2001:db8:77::100/64 dev out0 nodad");
    run("ip rule del from 10.77.0.100 lookup 5060");
    run("ip rule add from 10.77.0.55 lookup 5060 priority 100"); // a VIP that is none any more
    run("ip addr add 10.77.0.55/32 dev shadow0");
    run("ip link set shadow0 down"); // takes the route with it
    const auto words = set_up(setup());
    BOOST_CHECK(!has("out0", vip4));
    BOOST_CHECK(!has("out0", vip6));
    BOOST_CHECK(has_rule(vip4));
    BOOST_CHECK(!has_rule(wire::IpAddress::parse("10.77.0.55").value()));
    BOOST_CHECK(!has("shadow0", wire::IpAddress::parse("10.77.0.55").value()));
    BOOST_CHECK(has("shadow0", vip4));
    BOOST_CHECK(has("shadow0", vip6));
    BOOST_CHECK(interface("shadow0").up);
    BOOST_CHECK(has("out0", node4)); // the host's own
    BOOST_CHECK(says(words, "removed 10.77.0.100/24 from out0"));
    BOOST_CHECK_EQUAL(lines_with(output_of("ip route show table 5060"), "dev shadow0"), 1U);
    // The rule stood before the address went.
    const auto at = [&](const char* sentence) { return std::ranges::find(words, sentence) - words.begin(); };
    BOOST_CHECK_LT(at("added the egress rule of 10.77.0.100"), at("removed 10.77.0.100/24 from out0"));
    BOOST_CHECK(set_up(setup()).empty());
}

BOOST_FIXTURE_TEST_CASE(a_rule_that_is_there_twice_is_there_once_afterwards, World) {
    set_up(setup());
    // The same request, but not exclusive: the kernel takes it again.
    auto twice = batch(Transition::seal);
    nlmsghdr header{};
    std::memcpy(&header, twice.bytes.data(), sizeof header);
    header.nlmsg_flags &= static_cast<std::uint16_t>(~NLM_F_EXCL);
    std::memcpy(twice.bytes.data(), &header, sizeof header);
    BOOST_REQUIRE_EQUAL(batches.send(twice), 0);
    BOOST_REQUIRE_EQUAL(lines_with(output_of("ip rule show"), "from 10.77.0.100 lookup 5060"), 2U);
    set_up(setup());
    BOOST_CHECK_EQUAL(lines_with(output_of("ip rule show"), "from 10.77.0.100 lookup 5060"), 1U);
}

BOOST_FIXTURE_TEST_CASE(leaves_an_attached_engine_alone, World) {
    set_up(setup());
    const Tun engine("shadow0");
    BOOST_CHECK(set_up(setup()).empty());
    run("ip link del shadow0"); // and now it is gone from under the engine
    BOOST_CHECK(says(set_up(setup()), "created the shadow interface shadow0"));
    const Tun next("shadow0");
}

BOOST_FIXTURE_TEST_CASE(clean_up_leaves_nothing, World) {
    const auto rules = output_of("ip rule; ip -6 rule");
    set_up(setup());
    perform(Transition::rise);
    BOOST_REQUIRE(has("out0", vip4));
    const auto words = netlink::clean_up(setup());
    BOOST_REQUIRE(words.has_value());
    BOOST_CHECK(says(*words, "removed the shadow interface shadow0"));
    BOOST_CHECK(says(*words, "removed 10.77.0.100/24 from out0"));
    BOOST_CHECK(!has("out0", vip4));
    BOOST_CHECK(!has("out0", vip6));
    BOOST_CHECK(has("out0", node4));
    BOOST_CHECK_EQUAL(interface("shadow0").index, 0);
    BOOST_CHECK_EQUAL(output_of("ip rule; ip -6 rule"), rules);
    BOOST_CHECK_EQUAL(
        output_of("ip route show table 5060 2>/dev/null; ip -6 route show table 5060 2>/dev/null"), "");
    const auto again = netlink::clean_up(setup());
    BOOST_REQUIRE(again.has_value());
    BOOST_CHECK(again->empty());
}

BOOST_FIXTURE_TEST_CASE(refuses_what_cannot_be, World) {
    const auto refused = [&](netlink::ShadowSetup wrong, int code) {
        const auto words = netlink::set_up_shadow(wrong);
        BOOST_REQUIRE(!words.has_value());
        BOOST_CHECK_EQUAL(words.error().code, code);
        BOOST_CHECK(!words.error().what.empty());
    };
    auto wrong = setup();
    wrong.name = "out0"; // exists and is no TUN
    refused(wrong, EEXIST);
    for (const auto* name : {"", "a/b", "..", "a-name-of-16-char", "two words"}) {
        wrong.name = name;
        refused(wrong, EINVAL);
    }
    wrong = setup();
    wrong.route_table = 254;
    refused(wrong, EINVAL);
    wrong = setup();
    wrong.rule_priority = 0;
    refused(wrong, EINVAL);
    wrong.rule_priority = 40000;
    refused(wrong, EINVAL);
    wrong = setup();
    wrong.vips.push_back({});
    refused(wrong, EINVAL);
    BOOST_CHECK_EQUAL(interface("shadow0").index, 0); // nothing was changed
    BOOST_CHECK(!has_rule(vip4));
    wrong = setup();
    wrong.outside_interfaces.emplace_back("out1");
    refused(wrong, ENODEV);
    BOOST_CHECK(!has("shadow0", vip4)); // no VIP as long as ARP may be answered for it
}

BOOST_FIXTURE_TEST_CASE(works_where_all_interfaces_filter_by_reverse_path, World) {
    run("sysctl -q -w net.ipv4.conf.all.rp_filter=1");
    set_up(setup());
    BOOST_CHECK_EQUAL(netlink::read_setting("ipv4/conf/shadow0/rp_filter").value(), 2);
}

BOOST_FIXTURE_TEST_CASE(warns_of_what_would_make_failover_misbehave, World) {
    set_up(setup());
    const auto quiet = netlink::host_warnings(setup());
    BOOST_CHECK_MESSAGE(quiet.empty(), (quiet.empty() ? "" : quiet.front()));
    run("sysctl -q -w net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.all.arp_ignore=2 "
        "net.ipv4.conf.out0.proxy_arp=1");
    run("ip addr add 10.77.0.100/32 dev lo && ip route add 192.0.2.0/24 dev out0 table 5060");
    run("ip rule add from 10.77.0.0/24 lookup main priority 50");
    const auto words = netlink::host_warnings(setup());
    for (const auto* part : {"rp_filter is 1 (strict)", "arp_ignore is above 1", "proxy_arp is on for out0",
                             "10.77.0.100 is also an address of lo", "route table 5060 holds other routes",
                             "the routing rule at priority 50 stands before the egress rules (100)"})
        BOOST_CHECK_MESSAGE(mentions(words, part), part);
    run("sysctl -q -w net.ipv6.conf.out0.disable_ipv6=1 && ip link set out0 down");
    const auto more = netlink::host_warnings(setup());
    BOOST_CHECK(mentions(more, "IPv6 is disabled on out0"));
    BOOST_CHECK(mentions(more, "outside interface out0 is down"));
    auto missing = setup();
    missing.outside_interfaces = {"out9"};
    BOOST_CHECK(mentions(netlink::host_warnings(missing), "outside interface out9 does not exist"));
}

BOOST_AUTO_TEST_SUITE_END()
