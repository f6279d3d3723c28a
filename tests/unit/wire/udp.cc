// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/udp.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/octets.hh"
#include "tests/unit/wire/octets.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::wire::test {

BOOST_AUTO_TEST_SUITE(udp)

BOOST_AUTO_TEST_CASE(there_and_back_with_right_checksums) {
    for (const char* pair : {"192.0.2.1 192.0.2.2", "2001:db8::1 2001:db8::2"}) {
        const std::string text{pair};
        const auto blank = text.find(' ');
        const UdpFlow flow{ip(text.substr(0, blank).c_str()), ip(text.substr(blank + 1).c_str()), 5062, 5060,
                           63};
        const Octets payload{'o', 'd', 'd'};
        Octets out(udp_packet_size(flow.source.family, payload.size()), 0xee);
        BOOST_REQUIRE(write_udp_packet(out, flow, payload) == out.size());
        const auto packet = parse_ip(out);
        BOOST_REQUIRE(packet);
        BOOST_TEST(packet->hop_limit == 63);
        BOOST_TEST((packet->source == flow.source && packet->destination == flow.destination));
        BOOST_TEST(transport_checksum(packet->source, packet->destination, protocol_udp, packet->payload) ==
                   0U);
        const auto datagram = parse_udp(packet->payload);
        BOOST_REQUIRE(datagram);
        BOOST_TEST(datagram->source_port == 5062);
        BOOST_TEST(datagram->destination_port == 5060);
        BOOST_TEST(Octets(datagram->payload.begin(), datagram->payload.end()) == payload,
                   boost::test_tools::per_element());
        BOOST_TEST(write_udp_packet(std::span{out}.first(out.size() - 1), flow, payload) == 0U);
    }
}

// The payload makes the sum all ones, so that the checksum comes out as zero, which means "none" on the wire.
BOOST_AUTO_TEST_CASE(a_checksum_of_zero_is_sent_as_ones) {
    const UdpFlow flow{ip("0.0.0.0"), ip("0.0.0.0"), 0, 0, 1};
    Octets payload{0, 0};
    store_be<std::uint16_t>(payload, 0, static_cast<std::uint16_t>(0xffff - 17 - 10 - 10));
    Octets out(30);
    BOOST_REQUIRE(write_udp_packet(out, flow, payload) == 30U);
    BOOST_TEST(parse_udp(std::span{out}.subspan(20))->checksum == 0xffff);
}

BOOST_AUTO_TEST_CASE(lengths) {
    Octets octets{0x13, 0xc4, 0x13, 0xc4, 0, 10, 0, 0, 'a', 'b', 'x'};
    BOOST_TEST(parse_udp(octets)->payload.size() == 2U);
    for (std::size_t length = 0; length < 10; ++length)
        BOOST_TEST((parse_udp(std::span{octets}.first(length)).error() == PacketError::truncated));
    octets[5] = 7;
    BOOST_TEST((parse_udp(octets).error() == PacketError::total_length));
    octets[5] = 8;
    BOOST_TEST(parse_udp(octets)->payload.empty());
}

BOOST_AUTO_TEST_CASE(too_large_a_payload) {
    const UdpFlow flow{ip("192.0.2.1"), ip("192.0.2.2"), 1, 2, 64};
    Octets out(70000);
    BOOST_TEST(write_udp_packet(out, flow, Octets(65507)) == 65535U);
    BOOST_TEST(write_udp_packet(out, flow, Octets(65508)) == 0U);
    BOOST_TEST(write_udp_packet(out, flow, Octets(65536)) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
