// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/ndp.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/octets.hh"
#include "tests/unit/wire/octets.hh"

#include <boost/test/unit_test.hpp>

#include <array>

namespace tandem::wire::test {
namespace {

const IpAddress vip = ip("2001:db8::7");

Octets written(const NdpFrame& frame) {
    std::array<std::uint8_t, 128> out;
    out.fill(0xee);
    const std::size_t length = write_ndp(out, frame);
    BOOST_REQUIRE(length > 0);
    BOOST_TEST(write_ndp(std::span{out}.first(length - 1), frame) == 0U);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length)};
}

/// Reads an IPv6 packet that was changed after it was made, with a checksum that is right again.
std::expected<NdpMessage, PacketError> reread(Octets octets) {
    const auto packet = parse_ip(octets);
    BOOST_REQUIRE(packet);
    const auto body = std::span{octets}.subspan(40);
    store_be<std::uint16_t>(body, 2, 0);
    store_be(body, 2, transport_checksum(packet->source, packet->destination, protocol_icmpv6, body));
    return parse_ndp(parse_ip(octets).value());
}

} // namespace

BOOST_AUTO_TEST_SUITE(ndp)

BOOST_AUTO_TEST_CASE(groups) {
    BOOST_TEST(solicited_node(ip("2001:db8::12:3456")).to_string() == "ff02::1:ff12:3456");
    BOOST_TEST(multicast_mac(ip("ff02::1:ff12:3456")).to_string() == "33:33:ff:12:34:56");
}

// The seed was made by other code, its checksum included.
BOOST_AUTO_TEST_CASE(unsolicited_advertisement_is_what_another_maker_makes) {
    const Octets frame = written(unsolicited_advertisement(own_mac, vip));
    const auto ethernet = parse_ethernet(frame);
    BOOST_REQUIRE(ethernet);
    BOOST_TEST(ethernet->destination.to_string() == "33:33:00:00:00:01");
    BOOST_TEST(ethernet->ether_type == ether_type_ipv6);
    BOOST_TEST(Octets(ethernet->payload.begin(), ethernet->payload.end()) ==
                   seed("ip/ipv6-advertisement.bin"),
               boost::test_tools::per_element());
    const auto message = parse_ndp(parse_ip(ethernet->payload).value());
    BOOST_REQUIRE(message);
    BOOST_TEST((message->type == NdpType::advertisement));
    BOOST_TEST(message->flags == ndp_override);
    BOOST_TEST((message->target == vip));
    BOOST_TEST((message->link_layer.value() == own_mac));
}

BOOST_AUTO_TEST_CASE(probe) {
    const Octets frame = written(neighbour_probe(own_mac, vip));
    BOOST_TEST(frame.size() == 78U);
    const auto ethernet = parse_ethernet(frame);
    BOOST_REQUIRE(ethernet);
    BOOST_TEST(ethernet->destination.to_string() == "33:33:ff:00:00:07");
    const auto packet = parse_ip(ethernet->payload);
    BOOST_REQUIRE(packet);
    BOOST_TEST(packet->source.to_string() == "::");
    BOOST_TEST(packet->destination.to_string() == "ff02::1:ff00:7");
    BOOST_TEST(packet->hop_limit == 255);
    const auto message = parse_ndp(*packet);
    BOOST_REQUIRE(message);
    BOOST_TEST((message->type == NdpType::solicitation));
    BOOST_TEST((message->target == vip));
    BOOST_TEST(!message->link_layer.has_value());
}

BOOST_AUTO_TEST_CASE(answers) {
    const MacAddress asker{{2, 0, 0, 0, 0, 9}};
    const NdpFrame answer = solicited_advertisement(own_mac, vip, asker, ip("2001:db8::9"));
    BOOST_TEST((answer.destination == asker));
    BOOST_TEST(answer.message.flags == (ndp_solicited | ndp_override));
    const Octets frame = written(answer);
    BOOST_TEST(parse_ndp(parse_ip(std::span{frame}.subspan(14)).value()).has_value());
    // Somebody who is still looking for an address is answered through all nodes.
    BOOST_TEST(solicited_advertisement(own_mac, vip, asker, ip("::")).destination_ip.to_string() ==
               "ff02::1");
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    const Octets good = seed("ip/ipv6-advertisement.bin");
    BOOST_REQUIRE(reread(good));
    struct Case {
        std::size_t offset;
        std::uint8_t value;
        PacketError error;
    };
    for (const Case& c : {Case{7, 254, PacketError::off_link}, Case{40, 134, PacketError::kind},
                          Case{41, 1, PacketError::kind}, Case{44, 0x60, PacketError::address},
                          Case{48, 0xff, PacketError::address}, Case{65, 0, PacketError::header_length},
                          Case{65, 2, PacketError::truncated}, Case{6, 17, PacketError::kind}}) {
        Octets bad = good;
        bad[c.offset] = c.value;
        const auto message = reread(bad);
        BOOST_TEST_CONTEXT("offset " << c.offset) {
            BOOST_REQUIRE(!message);
            BOOST_TEST(sentence(message.error()) == sentence(c.error));
        }
    }
    Octets bad = good;
    bad[60] ^= 1;
    BOOST_TEST((parse_ndp(parse_ip(bad).value()).error() == PacketError::checksum));
    // A probe that carries a link-layer address would change caches.
    NdpFrame nosy = neighbour_probe(own_mac, vip);
    nosy.message.link_layer = own_mac;
    const Octets frame = written(nosy);
    BOOST_TEST((parse_ndp(parse_ip(std::span{frame}.subspan(14)).value()).error() == PacketError::address));
    std::array<std::uint8_t, 128> out{};
    BOOST_TEST(write_ndp(out, unsolicited_advertisement(own_mac, ip("192.0.2.1"))) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
