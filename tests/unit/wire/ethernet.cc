// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/ethernet.hh"

#include "tests/unit/wire/octets.hh"

#include <boost/test/unit_test.hpp>

#include <array>

namespace tandem::wire::test {

BOOST_AUTO_TEST_SUITE(ethernet)

BOOST_AUTO_TEST_CASE(tagged_and_untagged) {
    const Octets arp = seed("ip/frame-arp.bin");
    const auto plain = parse_ethernet(arp);
    BOOST_REQUIRE(plain);
    BOOST_TEST((plain->destination == MacAddress::broadcast()));
    BOOST_TEST((plain->source == own_mac));
    BOOST_TEST(plain->ether_type == ether_type_arp);
    BOOST_TEST(plain->vlan == 0);
    BOOST_TEST(plain->payload.size() == 28U);
    const Octets vlan = seed("ip/frame-vlan-ipv4.bin");
    const auto tagged = parse_ethernet(vlan);
    BOOST_REQUIRE(tagged);
    BOOST_TEST(tagged->ether_type == ether_type_ipv4);
    BOOST_TEST(tagged->vlan == 5);
    BOOST_TEST(tagged->payload[0] == 0x45);
}

BOOST_AUTO_TEST_CASE(two_tags_yes_three_no) {
    Octets frame(12, 0);
    for (const int octet : {0x88, 0xa8, 0xf0, 0x64, 0x81, 0x00, 0x00, 0x07, 0x86, 0xdd, 0x60})
        frame.push_back(static_cast<std::uint8_t>(octet));
    const auto two = parse_ethernet(frame);
    BOOST_REQUIRE(two);
    BOOST_TEST(two->vlan == 0x64); // without priority bits
    BOOST_TEST(two->ether_type == ether_type_ipv6);
    BOOST_TEST(two->payload.size() == 1U);
    frame.insert(frame.begin() + 12, {0x81, 0x00, 0, 1});
    BOOST_TEST((parse_ethernet(frame).error() == PacketError::header_length));
}

BOOST_AUTO_TEST_CASE(cut_short) {
    const Octets frame = seed("ip/frame-vlan-ipv4.bin");
    for (std::size_t length = 0; length < 18; ++length)
        BOOST_TEST((parse_ethernet(std::span{frame}.first(length)).error() == PacketError::truncated));
    BOOST_TEST(parse_ethernet(std::span{frame}.first(18)).has_value());
    std::array<std::uint8_t, 13> small{};
    BOOST_TEST(write_ethernet(small, own_mac, own_mac, ether_type_arp) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
