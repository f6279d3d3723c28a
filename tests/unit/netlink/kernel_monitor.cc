// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/netlink/world.hh"

#include <sys/socket.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace tandem;
using namespace tandem::testing;

namespace {

struct Watched : World {
    Watched() {
        auto opened = netlink::Monitor::open(
            {.link = [this](const netlink::Monitor::LinkChange& change) { links.push_back(change); },
             .address =
                 [this](const netlink::Monitor::AddressChange& change) { addresses.push_back(change); },
             .overrun = [this] { ++overruns; }});
        BOOST_REQUIRE(opened.has_value());
        monitor = std::move(*opened);
        index = interface("out0").index;
    }

    /// Reads until the last word on the outside interface is this.
    bool link_becomes(bool up, bool carrier) {
        return eventually([&] {
            monitor->read();
            const auto last =
                std::ranges::find(links.rbegin(), links.rend(), index, &netlink::Monitor::LinkChange::index);
            return last != links.rend() && last->up == up && last->carrier == carrier;
        });
    }
    bool address_becomes(const wire::IpAddress& address, bool present) {
        return eventually([&] {
            monitor->read();
            const auto last = std::ranges::find(addresses.rbegin(), addresses.rend(), address,
                                                &netlink::Monitor::AddressChange::address);
            return last != addresses.rend() && last->present == present && last->index == index;
        });
    }

    std::unique_ptr<netlink::Monitor> monitor;
    std::vector<netlink::Monitor::LinkChange> links;
    std::vector<netlink::Monitor::AddressChange> addresses;
    int overruns{0};
    int index{0};
};

} // namespace

BOOST_AUTO_TEST_SUITE(monitor)

BOOST_FIXTURE_TEST_CASE(tells_of_carrier_and_link, Watched) {
    monitor->read(); // nothing there: does not block
    {
        const Inside host(host_space);
        run("ip link set peer0 down");
    }
    BOOST_CHECK(link_becomes(true, false));
    {
        const Inside host(host_space);
        run("ip link set peer0 up");
    }
    BOOST_CHECK(link_becomes(true, true));
    run("ip link set out0 down");
    BOOST_CHECK(link_becomes(false, false));
    run("ip link del out0");
    const auto before = links.size();
    BOOST_CHECK(eventually([&] {
        monitor->read();
        return links.size() > before;
    }));
    BOOST_CHECK(link_becomes(false, false));
    BOOST_CHECK_EQUAL(overruns, 0);
}

BOOST_FIXTURE_TEST_CASE(tells_of_addresses_that_come_and_go, Watched) {
    run("ip addr add 10.77.0.100/24 dev out0 && ip addr add 2001:db8:77::100/64 dev out0 nodad");
    BOOST_CHECK(address_becomes(vip4, true));
    BOOST_CHECK(address_becomes(vip6, true));
    run("ip addr del 10.77.0.100/24 dev out0 && ip addr del 2001:db8:77::100/64 dev out0");
    BOOST_CHECK(address_becomes(vip4, false));
    BOOST_CHECK(address_becomes(vip6, false));
}

BOOST_FIXTURE_TEST_CASE(tells_of_a_lease_that_ran_out, Watched) {
    run("ip addr add 10.77.0.100/24 dev out0 valid_lft 1 preferred_lft 1");
    BOOST_CHECK(address_becomes(vip4, true));
    BOOST_CHECK(address_becomes(vip4, false));
}

BOOST_FIXTURE_TEST_CASE(of_a_point_to_point_link_it_tells_our_end, Watched) {
    run("ip addr add 10.77.0.100 peer 192.0.2.1 dev out0");
    BOOST_CHECK(address_becomes(vip4, true));
}

BOOST_FIXTURE_TEST_CASE(leaving_a_bridge_is_not_a_link_that_goes, Watched) {
    run("ip link add bridge0 type bridge && ip link set out0 master bridge0 && ip link set out0 nomaster");
    run("ip addr add 10.77.0.100/24 dev out0"); // comes after them
    BOOST_CHECK(address_becomes(vip4, true));
    BOOST_CHECK(std::ranges::all_of(links, [&](const auto& l) { return l.index != index || l.up; }));
}

BOOST_FIXTURE_TEST_CASE(says_when_it_could_not_follow, Watched) {
    const int least = 1;
    BOOST_REQUIRE_EQUAL(::setsockopt(monitor->descriptor(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least), 0);
    for (int i = 100; i < 140; ++i)
        run("ip addr add 10.77.1." + std::to_string(i) + "/24 dev out0");
    BOOST_CHECK(eventually([&] {
        monitor->read();
        return overruns > 0;
    }));
    run("ip addr add 10.77.0.100/24 dev out0"); // and goes on
    BOOST_CHECK(address_becomes(vip4, true));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(interfaces)

BOOST_FIXTURE_TEST_CASE(are_listed_with_their_state_and_addresses, World) {
    const auto outside = interface("out0");
    BOOST_CHECK_GT(outside.index, 0);
    BOOST_CHECK(outside.up && outside.carrier);
    BOOST_CHECK(outside.mac != wire::MacAddress{});
    BOOST_CHECK(output_of("ip link show out0").find(outside.mac.to_string()) != std::string::npos);
    BOOST_CHECK(std::ranges::find(outside.addresses, wire::Prefix{node4, 24}) != outside.addresses.end());
    BOOST_CHECK(std::ranges::find(outside.addresses, wire::Prefix{node6, 64}) != outside.addresses.end());
    run("ip addr add 10.77.0.100 peer 192.0.2.1 dev out0");
    BOOST_CHECK(has("out0", vip4));
    {
        const Inside host(host_space);
        run("ip link set peer0 down");
    }
    BOOST_CHECK(eventually([&] { return interface("out0").up && !interface("out0").carrier; }));
    run("ip link set out0 down");
    BOOST_CHECK(!interface("out0").up);
    BOOST_CHECK_EQUAL(interface("no-such-one").index, 0);
}

BOOST_AUTO_TEST_SUITE_END()
