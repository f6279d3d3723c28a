// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/announce/announce.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace tandem;

namespace {

constexpr wire::MacAddress own{{0x02, 0, 0, 0, 0, 0x11}};
const auto vip4 = wire::IpAddress::v4({192, 0, 2, 10});
const auto vip6 = wire::IpAddress::parse("2001:db8::ab:cdef").value();

using Octets = std::vector<std::uint8_t>;

bool matches(const announce::Frame& frame, const Octets& octets) {
    return std::ranges::equal(frame.view(), octets);
}

} // namespace

BOOST_AUTO_TEST_SUITE(frames)

BOOST_AUTO_TEST_CASE(an_ipv4_vip_is_announced_in_both_forms) {
    const auto frames = announce::announcement(own, {{vip4}});
    BOOST_REQUIRE_EQUAL(frames.size(), 2U);
    const Octets request{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0,  0, 0x11, 0x08, 0x06, // Ethernet
                         0,    1,    8,    0,    6,    4,    0,    1,         // ARP request
                         0x02, 0,    0,    0,    0,    0x11, 192,  0, 2, 10,  // sender
                         0,    0,    0,    0,    0,    0,    192,  0, 2, 10}; // target
    BOOST_CHECK(matches(frames[0], request));
    Octets reply = request;
    reply[21] = 2;
    std::copy_n(own.octets.begin(), 6, reply.begin() + 32);
    BOOST_CHECK(matches(frames[1], reply));
}

BOOST_AUTO_TEST_CASE(an_ipv6_vip_is_advertised_to_all_nodes) {
    const auto frames = announce::announcement(own, {{vip6}});
    BOOST_REQUIRE_EQUAL(frames.size(), 1U);
    const auto bytes = frames[0].view();
    BOOST_REQUIRE_EQUAL(bytes.size(), 86U);
    BOOST_CHECK(std::ranges::equal(bytes.first(14),
                                   Octets{0x33, 0x33, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 0x11, 0x86, 0xdd}));
    BOOST_CHECK_EQUAL(bytes[20], 58);  // ICMPv6
    BOOST_CHECK_EQUAL(bytes[21], 255); // hop limit
    BOOST_CHECK(std::ranges::equal(bytes.subspan(22, 16), vip6.octets));
    BOOST_CHECK_EQUAL(bytes[54], 136);  // neighbour advertisement
    BOOST_CHECK_EQUAL(bytes[58], 0x20); // override, neither solicited nor router
    BOOST_CHECK(std::ranges::equal(bytes.subspan(62, 16), vip6.octets));
    BOOST_CHECK(std::ranges::equal(bytes.subspan(78), Octets{2, 1, 0x02, 0, 0, 0, 0, 0x11}));
}

BOOST_AUTO_TEST_CASE(a_probe_changes_no_cache) {
    const auto frames = announce::probe(own, std::vector{vip4, vip6});
    BOOST_REQUIRE_EQUAL(frames.size(), 2U);
    const auto arp = frames[0].view();
    BOOST_REQUIRE_EQUAL(arp.size(), 42U);
    BOOST_CHECK_EQUAL(arp[21], 1);
    BOOST_CHECK(std::ranges::equal(arp.subspan(28, 4), Octets{0, 0, 0, 0}));
    BOOST_CHECK(std::ranges::equal(arp.subspan(38, 4), vip4.bytes()));
    const auto solicitation = frames[1].view();
    BOOST_REQUIRE_EQUAL(solicitation.size(), 78U); // no source link-layer option
    BOOST_CHECK(std::ranges::equal(solicitation.first(6), Octets{0x33, 0x33, 0xff, 0xab, 0xcd, 0xef}));
    BOOST_CHECK(std::ranges::equal(solicitation.subspan(22, 16), Octets(16, 0)));
    BOOST_CHECK_EQUAL(solicitation[54], 135);
}

BOOST_AUTO_TEST_CASE(all_vips_in_their_order_and_what_is_none_left_out) {
    const auto frames = announce::announcement(own, std::vector{vip6, wire::IpAddress{}, vip4});
    BOOST_REQUIRE_EQUAL(frames.size(), 3U);
    BOOST_CHECK_EQUAL(frames[0].length, 86);
    BOOST_CHECK_EQUAL(frames[1].length, 42);
    BOOST_CHECK_EQUAL(frames[2].length, 42);
    BOOST_CHECK(announce::announcement(own, {}).empty());
    BOOST_CHECK(announce::probe(own, {}).empty());
}

BOOST_AUTO_TEST_SUITE_END()
