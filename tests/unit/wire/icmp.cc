// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/icmp.hh"

#include "dataplane/wire/udp.hh"
#include "tests/unit/wire/octets.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::wire::test {

BOOST_AUTO_TEST_SUITE(icmp)

BOOST_AUTO_TEST_CASE(an_error_carries_the_packet) {
    const Octets octets = seed("ip/ipv4-icmp-unreachable.bin");
    const auto message = parse_icmp(parse_ip(octets).value());
    BOOST_REQUIRE(message);
    BOOST_TEST((message->kind == IcmpKind::error));
    BOOST_TEST(message->type == 3);
    BOOST_TEST(message->code == 3);
    const auto inner = parse_ip(message->payload);
    BOOST_REQUIRE(inner);
    BOOST_TEST(parse_udp(inner->payload)->destination_port == 5060);
}

BOOST_AUTO_TEST_CASE(echo) {
    const Octets octets = seed("ip/ipv6-echo.bin");
    const auto message = parse_icmp(parse_ip(octets).value());
    BOOST_REQUIRE(message);
    BOOST_TEST((message->kind == IcmpKind::echo_request));
    BOOST_TEST(message->identifier == 1);
    BOOST_TEST(message->sequence == 2);
    BOOST_TEST(message->payload.size() == 4U);
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    const Octets udp = seed("ip/ipv4-udp.bin");
    BOOST_TEST((parse_icmp(parse_ip(udp).value()).error() == PacketError::kind));
    IpPacket packet = parse_ip(udp).value();
    packet.protocol = protocol_icmp;
    packet.payload = packet.payload.first(7);
    BOOST_TEST((parse_icmp(packet).error() == PacketError::truncated));
    packet.fragment = Fragment::first;
    BOOST_TEST((parse_icmp(packet).error() == PacketError::fragment));
    packet.protocol = protocol_icmpv6;
    BOOST_TEST((parse_icmp(packet).error() == PacketError::kind));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
