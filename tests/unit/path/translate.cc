// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/translate.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/octets.hh"
#include "dataplane/wire/udp.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <vector>

namespace tandem::path::test {
namespace {

using Bytes = std::vector<std::uint8_t>;
using wire::IpAddress;

struct Addresses {
    IpAddress phone;
    IpAddress vip;
    IpAddress server;
    IpAddress router;
};
const Addresses families[]{
    {*IpAddress::parse("198.51.100.7"), *IpAddress::parse("203.0.113.10"), *IpAddress::parse("192.168.7.2"),
     *IpAddress::parse("198.51.100.1")},
    {*IpAddress::parse("2001:db8::7"), *IpAddress::parse("2001:db8:1::10"), *IpAddress::parse("fd00::2"),
     *IpAddress::parse("2001:db8::1")},
};

/// A packet with a transport header whose checksum stands at `checksum_at` and is right.
Bytes packet(const IpAddress& from, const IpAddress& to, std::uint8_t protocol, Bytes content,
             std::size_t checksum_at) {
    if (protocol == wire::protocol_icmp)
        wire::store_be(content, checksum_at, wire::checksum(content));
    else
        wire::store_be(content, checksum_at, wire::transport_checksum(from, to, protocol, content));
    Bytes bytes(wire::IpPacket::ipv6_header + content.size());
    const std::size_t header = wire::write_ip(bytes, from, to, protocol, 64, content.size());
    bytes.resize(header);
    bytes.insert(bytes.end(), content.begin(), content.end());
    return bytes;
}

Bytes udp(const IpAddress& from, const IpAddress& to, const Bytes& payload) {
    Bytes bytes(2000);
    bytes.resize(wire::write_udp_packet(bytes, {from, to, 5060, 5060, 64}, payload));
    return bytes;
}

Bytes tcp(const IpAddress& from, const IpAddress& to, std::size_t length) {
    Bytes content(20 + length, 0x5a);
    content[12] = 0x50;
    wire::store_be<std::uint16_t>(content, 16, 0);
    return packet(from, to, wire::protocol_tcp, content, 16);
}

/// An error of a router that quotes the beginning of a packet.
Bytes error(const IpAddress& from, const IpAddress& to, const Bytes& quoted, std::size_t length) {
    const bool v4 = to.is_v4();
    Bytes content{static_cast<std::uint8_t>(v4 ? 3 : 1), 1, 0, 0, 0, 0, 0, 0};
    content.insert(content.end(), quoted.begin(),
                   quoted.begin() + static_cast<std::ptrdiff_t>(std::min(length, quoted.size())));
    return packet(from, to, v4 ? wire::protocol_icmp : wire::protocol_icmpv6, content, 2);
}

} // namespace

BOOST_AUTO_TEST_SUITE(translation)

// What a translated packet must be is known: the same packet, made for the other address.
BOOST_AUTO_TEST_CASE(transport_checksums_follow) {
    std::mt19937 random{5};
    for (const Addresses& a : families)
        for (std::size_t length = 0; length < 70; ++length) {
            Bytes payload(length);
            std::ranges::generate(payload, [&] { return static_cast<std::uint8_t>(random()); });
            Bytes in = udp(a.phone, a.vip, payload);
            BOOST_TEST(translate(in, Side::destination, a.server));
            BOOST_TEST(in == udp(a.phone, a.server, payload));
            Bytes out = udp(a.server, a.phone, payload);
            BOOST_TEST(translate(out, Side::source, a.vip));
            BOOST_TEST(out == udp(a.vip, a.phone, payload));
            Bytes segment = tcp(a.phone, a.vip, length);
            BOOST_TEST(translate(segment, Side::destination, a.server));
            BOOST_TEST(segment == tcp(a.phone, a.server, length));
        }
}

BOOST_AUTO_TEST_CASE(a_datagram_without_checksum_has_none_afterwards) {
    const Addresses& a = families[0];
    Bytes datagram = udp(a.phone, a.vip, {1, 2, 3});
    wire::store_be<std::uint16_t>(datagram, 26, 0);
    BOOST_TEST(translate(datagram, Side::destination, a.server));
    BOOST_TEST(wire::load_be<std::uint16_t>(datagram, 26) == 0);
}

BOOST_AUTO_TEST_CASE(a_wrong_checksum_stays_wrong) {
    const Addresses& a = families[0];
    Bytes datagram = udp(a.phone, a.vip, {1, 2, 3});
    datagram[28] ^= 0x10U;
    BOOST_TEST(translate(datagram, Side::destination, a.server));
    const auto ip = wire::parse_ip(datagram);
    BOOST_TEST(wire::transport_checksum(ip->source, ip->destination, ip->protocol, ip->payload) != 0);
}

// A router's error about a packet that the server sent as the VIP: the server knows that packet under its own
// address.
BOOST_AUTO_TEST_CASE(errors_quote_what_the_server_sent) {
    for (const Addresses& a : families)
        for (const std::size_t length : {20U, 28U, 30U, 46U, 48U, 60U, 200U}) {
            const auto same = [&](const Bytes& as_vip, const Bytes& as_server) {
                Bytes in = error(a.router, a.vip, as_vip, length);
                BOOST_TEST(translate(in, Side::destination, a.server));
                BOOST_TEST(in == error(a.router, a.server, as_server, length));
            };
            if (length < (a.vip.is_v4() ? 20U : 40U))
                continue; // no header to be found
            const Bytes payload(80, 0x33);
            same(udp(a.vip, a.phone, payload), udp(a.server, a.phone, payload));
            same(tcp(a.vip, a.phone, 80), tcp(a.server, a.phone, 80));
        }
}

BOOST_AUTO_TEST_CASE(an_error_about_another_packet_keeps_its_quote) {
    const Addresses& a = families[0];
    const Bytes quoted = udp(a.router, a.phone, {1, 2});
    Bytes in = error(a.phone, a.vip, quoted, 100);
    BOOST_TEST(translate(in, Side::destination, a.server));
    BOOST_TEST(in == error(a.phone, a.server, quoted, 100));
}

BOOST_AUTO_TEST_CASE(an_echo_is_no_error) {
    for (const Addresses& a : families) {
        const bool v4 = a.vip.is_v4();
        const Bytes content{static_cast<std::uint8_t>(v4 ? 8 : 128), 0, 0, 0, 0, 1, 0, 2, 9, 9};
        const std::uint8_t protocol = v4 ? wire::protocol_icmp : wire::protocol_icmpv6;
        Bytes in = packet(a.phone, a.vip, protocol, content, 2);
        BOOST_TEST(translate(in, Side::destination, a.server));
        BOOST_TEST(in == packet(a.phone, a.server, protocol, content, 2));
    }
}

BOOST_AUTO_TEST_CASE(a_later_fragment_has_no_transport_header) {
    const Addresses& a = families[0];
    Bytes fragment = udp(a.phone, a.vip, Bytes(32, 7));
    wire::store_be<std::uint16_t>(fragment, 6, 4); // offset 32
    const Bytes before = fragment;
    BOOST_TEST(translate(fragment, Side::destination, a.server));
    BOOST_TEST(std::equal(fragment.begin() + 20, fragment.end(), before.begin() + 20));
    BOOST_TEST((wire::parse_ip(fragment)->destination == a.server));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_stays_as_it_is) {
    const Addresses& a = families[0];
    Bytes datagram = udp(a.phone, a.vip, {1, 2, 3});
    const Bytes before = datagram;
    BOOST_TEST(!translate(datagram, Side::destination, families[1].server));
    BOOST_TEST(datagram == before);
    for (std::size_t length = 0; length < datagram.size(); ++length) {
        Bytes cut{before.begin(), before.begin() + static_cast<std::ptrdiff_t>(length)};
        BOOST_TEST(!translate(cut, Side::destination, a.server));
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::path::test
