// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/ip.hh"

#include "dataplane/wire/checksum.hh"
#include "tests/unit/wire/octets.hh"

#include <boost/test/unit_test.hpp>

#include <array>

namespace tandem::wire::test {
namespace {

void check_error(const Octets& octets, PacketError error) {
    const auto packet = parse_ip(octets);
    BOOST_REQUIRE(!packet);
    BOOST_TEST(sentence(packet.error()) == sentence(error));
}

/// An IPv6 packet with this first next-header and payload.
Octets ipv6(std::uint8_t next, const Octets& payload) {
    Octets octets(40);
    BOOST_REQUIRE(write_ip(octets, ip("2001:db8::1"), ip("2001:db8::2"), next, 64, payload.size()) == 40U);
    octets.insert(octets.end(), payload.begin(), payload.end());
    return octets;
}

} // namespace

BOOST_AUTO_TEST_SUITE(ip_packets)

BOOST_AUTO_TEST_CASE(plain_packets) {
    for (const char* file : {"ip/ipv4-udp.bin", "ip/ipv6-udp.bin"}) {
        Octets octets = seed(file);
        const std::size_t size = octets.size();
        octets.resize(size + 6); // padding of a short frame
        const auto packet = parse_ip(octets);
        BOOST_TEST_CONTEXT(file) {
            BOOST_REQUIRE(packet);
            BOOST_TEST(packet->protocol == protocol_udp);
            BOOST_TEST(packet->hop_limit == 64);
            BOOST_TEST((packet->fragment == Fragment::whole));
            BOOST_TEST(packet->bytes.size() == size);
        }
    }
    const Octets four = seed("ip/ipv4-udp.bin");
    BOOST_TEST(parse_ip(four)->source.to_string() == "198.51.100.7");
    BOOST_TEST(parse_ip(four)->destination.to_string() == "198.51.100.30");
    const Octets six = seed("ip/ipv6-udp.bin");
    BOOST_TEST(parse_ip(six)->source.to_string() == "2001:db8::7");
}

BOOST_AUTO_TEST_CASE(fragments) {
    const Octets first4 = seed("ip/ipv4-first-fragment.bin");
    const auto first = parse_ip(first4);
    BOOST_REQUIRE(first);
    BOOST_TEST((first->fragment == Fragment::first));
    BOOST_TEST(first->more_fragments);
    BOOST_TEST(first->identification == 7U);
    const Octets later4 = seed("ip/ipv4-later-fragment.bin");
    const auto later = parse_ip(later4);
    BOOST_REQUIRE(later);
    BOOST_TEST((later->fragment == Fragment::later));
    BOOST_TEST(!later->more_fragments);
    BOOST_TEST(later->fragment_offset == 48);
    const Octets first6 = seed("ip/ipv6-hop-destination-fragment.bin");
    const auto walked = parse_ip(first6);
    BOOST_REQUIRE(walked);
    BOOST_TEST((walked->fragment == Fragment::first));
    BOOST_TEST(walked->protocol == protocol_udp);
    BOOST_TEST(walked->payload.size() == 24U);
    BOOST_TEST(walked->identification == 99U);
    const Octets later6 = seed("ip/ipv6-later-fragment.bin");
    BOOST_TEST(parse_ip(later6)->fragment_offset == 24);
    BOOST_TEST((parse_ip(later6)->fragment == Fragment::later));
    // RFC 6946: offset 0 and nothing to follow is a whole packet.
    const Octets atomic = ipv6(44, {17, 0, 0, 0, 0, 0, 0, 1, 'x'});
    BOOST_TEST((parse_ip(atomic)->fragment == Fragment::whole));
}

BOOST_AUTO_TEST_CASE(fragments_of_no_packet) {
    Octets uneven = seed("ip/ipv4-first-fragment.bin");
    uneven.pop_back();
    uneven[3] = static_cast<std::uint8_t>(uneven.size());
    check_error(uneven, PacketError::fragment);
    Octets beyond = seed("ip/ipv4-later-fragment.bin");
    beyond[6] = 0x1f;
    beyond[7] = 0xff;
    check_error(beyond, PacketError::fragment);
    check_error(ipv6(44, {17, 0, 0xff, 0xf8, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8}), PacketError::fragment);
}

BOOST_AUTO_TEST_CASE(extension_headers) {
    const Octets routed = seed("ip/ipv6-routing.bin");
    const auto packet = parse_ip(routed);
    BOOST_REQUIRE(packet);
    BOOST_TEST(packet->protocol == protocol_udp);
    BOOST_TEST(packet->payload.size() == routed.size() - 48);
    // As many as are walked, and one more.
    Octets chain;
    for (std::size_t i = 0; i < IpPacket::extensions_max; ++i)
        chain.insert(chain.end(), {60, 0, 1, 4, 0, 0, 0, 0});
    chain[chain.size() - 8] = 17;
    BOOST_TEST(parse_ip(ipv6(60, chain)).has_value());
    chain[chain.size() - 8] = 60;
    chain.insert(chain.end(), {17, 0, 1, 4, 0, 0, 0, 0});
    check_error(ipv6(60, chain), PacketError::extension);
    check_error(ipv6(60, {0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0}), PacketError::extension);
    check_error(ipv6(0, {17, 1, 1, 4, 0, 0, 0, 0}), PacketError::truncated);
    check_error(ipv6(60, {17, 0, 1}), PacketError::truncated);
    check_error(ipv6(44, {44, 0, 0, 1, 0, 0, 0, 1, 17, 0, 0, 1, 0, 0, 0, 1}), PacketError::extension);
    // What is not walked is the payload.
    BOOST_TEST(parse_ip(ipv6(59, {}))->protocol == 59);
}

BOOST_AUTO_TEST_CASE(cut_anywhere) {
    for (const char* file : {"ip/ipv4-udp.bin", "ip/ipv6-udp.bin", "ip/ipv6-hop-destination-fragment.bin"}) {
        const Octets octets = seed(file);
        for (std::size_t length = 0; length < octets.size(); ++length)
            BOOST_TEST((parse_ip(std::span{octets}.first(length)).error() == PacketError::truncated));
    }
}

BOOST_AUTO_TEST_CASE(lying_headers) {
    Octets octets = seed("ip/ipv4-udp.bin");
    octets[0] = 0x44;
    check_error(octets, PacketError::header_length);
    octets[0] = 0x4f;
    octets[3] = 59;
    check_error(octets, PacketError::total_length);
    octets[0] = 0x55;
    check_error(octets, PacketError::version);
}

BOOST_AUTO_TEST_CASE(writing) {
    std::array<std::uint8_t, 40> out{};
    BOOST_REQUIRE(write_ip(out, ip("192.0.2.1"), ip("192.0.2.2"), protocol_udp, 9, 10) == 20U);
    BOOST_TEST(checksum(std::span{out}.first(20)) == 0U);
    BOOST_TEST(write_ip(out, ip("192.0.2.1"), ip("2001:db8::1"), protocol_udp, 9, 10) == 0U);
    BOOST_TEST(write_ip(out, ip("192.0.2.1"), ip("192.0.2.2"), protocol_udp, 9, 65516) == 0U);
    BOOST_TEST(write_ip(out, IpAddress{}, IpAddress{}, protocol_udp, 9, 1) == 0U);
    BOOST_TEST(write_ip(std::span{out}.first(39), ip("::1"), ip("::2"), protocol_udp, 9, 1) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
