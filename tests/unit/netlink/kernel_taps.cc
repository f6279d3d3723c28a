// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/netlink/world.hh"

#include "netlink/sysctl.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace tandem;
using namespace tandem::testing;
using netlink::Transition;

namespace {

/// World with a TAP beside its cable, as the interfaces of an appliance.
struct Appliance : World {
    Appliance() { run("ip tuntap add inside0 mode tap && ip link set inside0 up"); }
    netlink::TapSetup taps() const { return {{{"out0", {vip4, vip6}}, {"inside0", {inside_vip}}}}; }
    void perform_on_taps(Transition transition) {
        std::vector<netlink::Placement> placements;
        placements.push_back({{vip4, 24}, interface("out0").index, std::nullopt});
        placements.push_back({{vip6, 64}, interface("out0").index, std::nullopt});
        placements.push_back({{inside_vip, 24}, interface("inside0").index, std::nullopt});
        const auto batch = netlink::prepare(transition, placements);
        BOOST_REQUIRE(batch.has_value());
        BOOST_REQUIRE_EQUAL(batches.send(*batch), 0);
    }
    wire::IpAddress inside_vip{wire::IpAddress::parse("10.79.0.254").value()};
};

} // namespace

BOOST_AUTO_TEST_SUITE(taps)

BOOST_FIXTURE_TEST_CASE(the_addresses_follow_the_role, Appliance) {
    BOOST_REQUIRE(netlink::set_up_taps(taps()).has_value());
    const auto there = [&] { return has("out0", vip4) + has("out0", vip6) + has("inside0", inside_vip); };
    BOOST_TEST(there() == 0);
    perform_on_taps(Transition::rise);
    BOOST_TEST(there() == 3);
    perform_on_taps(Transition::renew);
    BOOST_TEST(there() == 3);
    perform_on_taps(Transition::seal); // nothing to do, and no failure
    BOOST_TEST(there() == 3);
    perform_on_taps(Transition::vacate);
    BOOST_TEST(there() == 0);
    perform_on_taps(Transition::rise);
    perform_on_taps(Transition::fall);
    BOOST_TEST(there() == 0);
    perform_on_taps(Transition::fall);
    BOOST_CHECK(!has_rule(vip4));
}

BOOST_FIXTURE_TEST_CASE(nobody_renews_and_they_are_gone, Appliance) {
    perform_on_taps(Transition::rise);
    BOOST_CHECK(
        eventually([&] { return !has("out0", vip4) && !has("out0", vip6) && !has("inside0", inside_vip); }));
}

BOOST_FIXTURE_TEST_CASE(what_an_earlier_life_left, Appliance) {
    run("ip addr add 10.77.0.100/24 dev out0 && ip addr add 2001:db8:77::100/64 dev out0 nodad && "
        "ip addr add 10.79.0.1/24 dev inside0 && ip addr add 10.79.0.254/24 dev inside0");
    auto words = netlink::set_up_taps(taps());
    BOOST_REQUIRE(words.has_value());
    const auto says = [&](const char* sentence) {
        return std::ranges::find(*words, sentence) != words->end();
    };
    BOOST_CHECK(says("removed 10.77.0.100/24 from out0"));
    BOOST_CHECK(says("removed 2001:db8:77::100/64 from out0"));
    BOOST_CHECK(says("removed 10.79.0.254/24 from inside0"));
    BOOST_CHECK(says("set net.ipv4.conf.out0.arp_ignore to 1"));
    BOOST_CHECK(!has("out0", vip4));
    BOOST_CHECK(!has("inside0", inside_vip));
    BOOST_CHECK(has("out0", node4)); // this node's own
    BOOST_CHECK(has("inside0", wire::IpAddress::parse("10.79.0.1").value()));
    words = netlink::set_up_taps(taps());
    BOOST_REQUIRE(words.has_value());
    BOOST_TEST(words->empty());
    perform_on_taps(Transition::rise);
    words = netlink::clean_up(taps());
    BOOST_REQUIRE(words.has_value());
    BOOST_TEST(words->size() == 3U);
    BOOST_CHECK(!has("out0", vip6));
}

BOOST_FIXTURE_TEST_CASE(what_people_should_know, Appliance) {
    run("ip addr add 10.77.0.100/32 dev lo");
    auto setup = taps();
    setup.interfaces.push_back({"gone0", {}});
    const auto sentences = netlink::host_warnings(setup);
    const auto says = [&](const char* part) {
        return std::ranges::any_of(sentences, [&](const std::string& s) { return s.contains(part); });
    };
    BOOST_CHECK(says("VIP 10.77.0.100 is also an address of lo"));
    BOOST_CHECK(says("interface gone0 does not exist"));
    BOOST_TEST(sentences.size() == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_neighbour_is_found, Appliance) {
    const int out = interface("out0").index;
    const auto mac = [&] {
        const Inside there{host_space};
        return interface("peer0").mac;
    }();
    BOOST_CHECK(eventually([&] { return netlink::resolve_neighbour(out, host4) == mac; }));
    BOOST_CHECK(eventually([&] { return netlink::resolve_neighbour(out, host6) == mac; }));
    BOOST_CHECK(!netlink::resolve_neighbour(out, wire::IpAddress::parse("10.77.0.77").value()));
    BOOST_CHECK(!netlink::resolve_neighbour(out, {}));
}

BOOST_AUTO_TEST_SUITE_END()
