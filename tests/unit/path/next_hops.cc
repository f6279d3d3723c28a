// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/next_hops.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::path::test {
namespace {

using What = HopChange::What;
using Found = NextHops::Hop::Found;

wire::IpAddress address(const char* text) {
    return *wire::IpAddress::parse(text);
}
wire::MacAddress mac(const char* text) {
    return *wire::MacAddress::parse(text);
}

HopChange route(Segment segment, const char* prefix, const char* gateway = nullptr) {
    const wire::Prefix p = *wire::Prefix::parse(prefix);
    return {What::route, segment, p.length, {}, p.address, gateway ? address(gateway) : wire::IpAddress{}};
}
HopChange neighbour(Segment segment, const char* of, const char* at) {
    return {What::neighbour, segment, 0, mac(at), address(of), {}};
}
HopChange change(What what, Segment segment, const char* of) {
    return {what, segment, 0, {}, address(of), {}};
}

struct Tables {
    NextHops hops{7, 4};
    Tables() {
        hops.apply(route(Segment::outside, "0.0.0.0/0", "192.0.2.1"));
        hops.apply(route(Segment::outside, "192.0.2.0/24"));
        hops.apply(route(Segment::outside, "198.51.100.0/25", "192.0.2.9"));
        hops.apply(route(Segment::inside, "10.9.0.0/24"));
        hops.apply(neighbour(Segment::outside, "192.0.2.1", "02:00:00:00:00:01"));
        hops.apply(neighbour(Segment::outside, "192.0.2.9", "02:00:00:00:00:09"));
        hops.apply(neighbour(Segment::inside, "10.9.0.10", "02:00:00:00:00:10"));
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(next_hops, Tables)

BOOST_AUTO_TEST_CASE(the_longest_prefix_leads) {
    BOOST_TEST((hops.find(Segment::outside, address("8.8.8.8")).mac == mac("02:00:00:00:00:01")));
    BOOST_TEST((hops.find(Segment::outside, address("198.51.100.7")).mac == mac("02:00:00:00:00:09")));
    BOOST_TEST((hops.find(Segment::outside, address("198.51.100.200")).mac == mac("02:00:00:00:00:01")));
    const auto direct = hops.find(Segment::outside, address("192.0.2.77"));
    BOOST_TEST((direct.found == Found::unknown));
    BOOST_TEST((direct.next == address("192.0.2.77")));
}

BOOST_AUTO_TEST_CASE(networks_do_not_mix) {
    BOOST_TEST((hops.find(Segment::inside, address("8.8.8.8")).found == Found::no_route));
    BOOST_TEST((hops.neighbour(Segment::outside, address("10.9.0.10")).found == Found::unknown));
    BOOST_TEST((hops.neighbour(Segment::inside, address("10.9.0.10")).found == Found::known));
    BOOST_TEST((hops.find(Segment::outside, address("2001:db8::1")).found == Found::no_route));
}

BOOST_AUTO_TEST_CASE(a_link_local_address_is_direct) {
    hops.apply(neighbour(Segment::outside, "fe80::1", "02:00:00:00:00:fe"));
    BOOST_TEST((hops.find(Segment::outside, address("fe80::1")).mac == mac("02:00:00:00:00:fe")));
    BOOST_TEST((hops.find(Segment::outside, address("fec0::1")).found == Found::no_route));
}

BOOST_AUTO_TEST_CASE(what_is_gone_is_not_used) {
    hops.apply(change(What::neighbour_gone, Segment::outside, "192.0.2.1"));
    BOOST_TEST((hops.find(Segment::outside, address("8.8.8.8")).found == Found::unknown));
    HopChange gone = route(Segment::outside, "198.51.100.0/25", "192.0.2.9");
    gone.what = What::route_gone;
    hops.apply(gone);
    BOOST_TEST((hops.find(Segment::outside, address("198.51.100.7")).next == address("192.0.2.1")));
    const auto before = hops.version();
    hops.apply({});
    BOOST_TEST(hops.version() > before);
    BOOST_TEST((hops.find(Segment::outside, address("8.8.8.8")).found == Found::no_route));
    BOOST_TEST(hops.neighbours() == 0U);
}

BOOST_AUTO_TEST_CASE(a_route_replaces_the_one_before) {
    hops.apply(route(Segment::outside, "0.0.0.0/0", "192.0.2.9"));
    BOOST_TEST((hops.find(Segment::outside, address("8.8.8.8")).mac == mac("02:00:00:00:00:09")));
}

BOOST_AUTO_TEST_CASE(neighbours_are_bounded) {
    for (int i = 1; i < 200; ++i)
        hops.apply(
            neighbour(Segment::outside, ("192.0.2." + std::to_string(i)).c_str(), "02:00:00:00:00:77"));
    BOOST_TEST(hops.neighbours() == 4U);
    BOOST_TEST((hops.neighbour(Segment::outside, address("192.0.2.199")).found == Found::known));
}

BOOST_AUTO_TEST_CASE(routes_are_bounded_and_the_narrow_ones_stay) {
    for (int i = 0; i < 300; ++i)
        hops.apply(route(Segment::outside,
                         ("10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24").c_str(),
                         "192.0.2.9"));
    BOOST_TEST((hops.find(Segment::outside, address("10.0.3.1")).found == Found::known));
}

BOOST_AUTO_TEST_CASE(own_addresses_are_known_until_they_go) {
    hops.apply(change(What::own, Segment::outside, "192.0.2.11"));
    hops.apply(change(What::own, Segment::outside, "192.0.2.11"));
    BOOST_TEST(hops.is_own(address("192.0.2.11")));
    hops.apply(change(What::own_gone, Segment::outside, "192.0.2.11"));
    BOOST_TEST(!hops.is_own(address("192.0.2.11")));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::path::test
