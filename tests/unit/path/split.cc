// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/split.hh"

#include "dataplane/path/fragments.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/octets.hh"

#include <boost/test/unit_test.hpp>

#include <numeric>
#include <vector>

namespace tandem::path::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

const wire::IpAddress phone4 = *wire::IpAddress::parse("198.51.100.7");
const wire::IpAddress vip4 = *wire::IpAddress::parse("203.0.113.10");
const wire::IpAddress phone6 = *wire::IpAddress::parse("2001:db8::7");
const wire::IpAddress vip6 = *wire::IpAddress::parse("2001:db8::10");

Bytes packet_of(const wire::IpAddress& from, const wire::IpAddress& to, std::size_t payload,
                std::uint8_t protocol = wire::protocol_udp) {
    Bytes packet(40 + payload);
    const std::size_t header = wire::write_ip(packet, from, to, protocol, 64, payload);
    packet.resize(header + payload);
    std::iota(packet.begin() + static_cast<std::ptrdiff_t>(header), packet.end(), std::uint8_t{3});
    return packet;
}

void allow_split(Bytes& packet) {
    wire::store_be(packet, 4, std::uint16_t{0x1234});
    wire::store_be(packet, 6, std::uint16_t{0});
    wire::store_be(packet, 10, std::uint16_t{0});
    wire::store_be(packet, 10, wire::checksum(std::span{packet}.first(20)));
}

std::vector<Bytes> pieces_of(const Bytes& packet, std::size_t mtu) {
    std::vector<Bytes> pieces;
    auto splitter = Splitter::begin(packet, mtu, 99);
    BOOST_REQUIRE(splitter);
    for (;;) {
        Bytes out(mtu);
        const std::size_t length = splitter->next(out);
        if (length == 0)
            return pieces;
        out.resize(length);
        pieces.push_back(out);
    }
}

/// What a receiver puts together again.
Bytes joined(const std::vector<Bytes>& pieces) {
    Fragments fragments{5};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const auto ip = wire::parse_ip(pieces[i]);
        BOOST_REQUIRE(ip);
        const Fragmented found = fragments.take(Instant{}, *ip, static_cast<std::uint32_t>(i));
        BOOST_TEST((found == (i + 1 == pieces.size() ? Fragmented::whole : Fragmented::kept)));
    }
    return {fragments.packet().begin(), fragments.packet().end()};
}

} // namespace

BOOST_AUTO_TEST_SUITE(split)

BOOST_AUTO_TEST_CASE(ipv4_comes_together_again) {
    for (const std::size_t size : {1481U, 2000U, 3000U, 9000U, 60'000U}) {
        Bytes packet = packet_of(phone4, vip4, size);
        allow_split(packet);
        BOOST_TEST(may_split(packet));
        const auto pieces = pieces_of(packet, 1500);
        for (const Bytes& piece : pieces) {
            BOOST_TEST(piece.size() <= 1500U);
            BOOST_TEST(wire::checksum(std::span{piece}.first(20)) == 0);
            BOOST_TEST(wire::load_be<std::uint16_t>(piece, 4) == 0x1234);
        }
        const Bytes whole = joined(pieces);
        BOOST_TEST(Bytes(whole.begin() + 20, whole.end()) == Bytes(packet.begin() + 20, packet.end()),
                   boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(ipv6_comes_together_again) {
    const Bytes packet = packet_of(phone6, vip6, 4000);
    BOOST_TEST(!may_split(packet));
    const auto pieces = pieces_of(packet, 1280);
    BOOST_TEST(pieces.size() == 4U);
    const Bytes whole = joined(pieces);
    BOOST_TEST(whole == packet, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_packet_without_an_identification_gets_one) {
    const Bytes packet = packet_of(phone4, vip4, 2000);
    BOOST_TEST(!may_split(packet));
    for (const Bytes& piece : pieces_of(packet, 1500))
        BOOST_TEST(wire::load_be<std::uint16_t>(piece, 4) == 99);
}

BOOST_AUTO_TEST_CASE(a_fragment_is_split_where_it_stands) {
    Bytes packet = packet_of(phone4, vip4, 2960);
    allow_split(packet);
    std::vector<Bytes> pieces;
    for (const Bytes& piece : pieces_of(packet, 1500))
        for (const Bytes& smaller : pieces_of(piece, 600))
            pieces.push_back(smaller);
    BOOST_TEST(pieces.size() > 4U);
    const Bytes whole = joined(pieces);
    BOOST_TEST(Bytes(whole.begin() + 20, whole.end()) == Bytes(packet.begin() + 20, packet.end()),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_split_is_refused) {
    const Bytes packet = packet_of(phone4, vip4, 2000);
    BOOST_TEST(!Splitter::begin(packet, 500, 1));
    BOOST_TEST(!Splitter::begin(std::span{packet}.first(30), 1500, 1));
    const auto pieces = pieces_of(packet_of(phone6, vip6, 4000), 1280);
    BOOST_TEST(!Splitter::begin(pieces[1], 1280, 1)); // an IPv6 fragment
}

BOOST_AUTO_TEST_CASE(the_sender_is_told_the_size) {
    Bytes out(1500);
    const Bytes packet = packet_of(phone4, vip4, 2000);
    out.resize(write_too_big(out, packet, vip4, 1400));
    BOOST_TEST(out.size() == 576U);
    const auto ip = wire::parse_ip(out);
    BOOST_REQUIRE(ip);
    BOOST_TEST((ip->destination == phone4));
    const auto icmp = wire::parse_icmp(*ip);
    BOOST_REQUIRE(icmp);
    BOOST_TEST((icmp->kind == wire::IcmpKind::error));
    BOOST_TEST(icmp->type == 3);
    BOOST_TEST(icmp->code == 4);
    BOOST_TEST(wire::load_be<std::uint32_t>(ip->payload, 4) == 1400U);
    BOOST_TEST(wire::checksum(ip->payload) == 0);
}

BOOST_AUTO_TEST_CASE(the_same_for_ipv6) {
    Bytes out(1500);
    const Bytes packet = packet_of(phone6, vip6, 2000);
    out.resize(write_too_big(out, packet, vip6, 1400));
    BOOST_TEST(out.size() == 1280U);
    const auto ip = wire::parse_ip(out);
    BOOST_REQUIRE(ip);
    const auto icmp = wire::parse_icmp(*ip);
    BOOST_REQUIRE(icmp);
    BOOST_TEST(icmp->type == 2);
    BOOST_TEST(wire::load_be<std::uint32_t>(ip->payload, 4) == 1400U);
}

BOOST_AUTO_TEST_CASE(no_error_about_an_error_a_group_or_a_later_fragment) {
    Bytes out(1500);
    Bytes error(1500);
    error.resize(write_too_big(error, packet_of(phone4, vip4, 2000), vip4, 1400));
    BOOST_TEST(write_too_big(out, error, phone4, 1400) == 0U);
    BOOST_TEST(
        write_too_big(out, packet_of(phone4, *wire::IpAddress::parse("224.0.0.1"), 2000), vip4, 1400) == 0U);
    Bytes packet = packet_of(phone4, vip4, 3000);
    allow_split(packet);
    BOOST_TEST(write_too_big(out, pieces_of(packet, 1500)[1], vip4, 1400) == 0U);
    BOOST_TEST(write_too_big(out, packet, vip6, 1400) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::path::test
