// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/arp.hh"

#include "dataplane/wire/ethernet.hh"
#include "tests/unit/wire/octets.hh"

#include <boost/test/unit_test.hpp>

#include <array>

namespace tandem::wire::test {
namespace {

const IpAddress vip = IpAddress::v4({198, 51, 100, 30});

Octets written(const ArpFrame& frame) {
    std::array<std::uint8_t, 64> out;
    out.fill(0xee);
    const std::size_t length = write_arp(out, frame);
    BOOST_REQUIRE(length == ArpFrame::size);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length)};
}

} // namespace

BOOST_AUTO_TEST_SUITE(arp)

BOOST_AUTO_TEST_CASE(gratuitous_request_octet_by_octet) {
    const Octets expected{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0,  0,   0,  0, 1, 8, 6, // Ethernet
                          0,    1,    8,    0,    6,    4,    0,   1,                       // request
                          2,    0,    0,    0,    0,    1,    198, 51, 100, 30,             // sender
                          0,    0,    0,    0,    0,    0,    198, 51, 100, 30};            // target
    BOOST_TEST(written(gratuitous_arp_request(own_mac, vip)) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_other_forms) {
    const Octets reply = written(gratuitous_arp_reply(own_mac, vip));
    const auto parsed_reply = parse_arp(std::span{reply}.subspan(14));
    BOOST_REQUIRE(parsed_reply);
    BOOST_TEST((parsed_reply->operation == ArpOperation::reply));
    BOOST_TEST((parsed_reply->sender_ip == vip && parsed_reply->target_ip == vip));
    BOOST_TEST((parsed_reply->sender_mac == own_mac && parsed_reply->target_mac == own_mac));
    BOOST_TEST(reply[0] == 0xff);

    const Octets probe = written(arp_probe(own_mac, vip));
    const auto parsed_probe = parse_arp(std::span{probe}.subspan(14));
    BOOST_REQUIRE(parsed_probe);
    BOOST_TEST((parsed_probe->operation == ArpOperation::request));
    BOOST_TEST((parsed_probe->sender_ip == ip("0.0.0.0")));
    BOOST_TEST((parsed_probe->target_ip == vip));
    BOOST_TEST((parsed_probe->target_mac == MacAddress{}));
}

BOOST_AUTO_TEST_CASE(an_answer_goes_to_who_asked) {
    const Octets frame = seed("ip/frame-arp.bin");
    const auto request = parse_arp(std::span{frame}.subspan(14));
    BOOST_REQUIRE(request);
    BOOST_TEST((request->sender_ip == ip("198.51.100.7")));
    const MacAddress ours{{2, 0, 0, 0, 0, 9}};
    const ArpFrame answer = arp_reply(ours, *request);
    BOOST_TEST((answer.destination == own_mac));
    BOOST_TEST((answer.source == ours));
    BOOST_TEST((answer.packet.operation == ArpOperation::reply));
    BOOST_TEST((answer.packet.sender_mac == ours && answer.packet.sender_ip == vip));
    BOOST_TEST((answer.packet.target_mac == own_mac && answer.packet.target_ip == ip("198.51.100.7")));
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    const Octets good = seed("ip/arp.bin");
    BOOST_REQUIRE(parse_arp(good));
    for (std::size_t length = 0; length < ArpPacket::size; ++length)
        BOOST_TEST((parse_arp(std::span{good}.first(length)).error() == PacketError::truncated));
    for (const std::size_t offset : {1U, 2U, 4U, 5U, 7U}) {
        Octets bad = good;
        bad[offset] = 9;
        BOOST_TEST((parse_arp(bad).error() == PacketError::kind), "offset " << offset);
    }
    Octets padded = good;
    padded.resize(46);
    BOOST_TEST(parse_arp(padded).has_value());
    std::array<std::uint8_t, 64> out{};
    BOOST_TEST(write_arp(std::span{out}.first(41), gratuitous_arp_request(own_mac, vip)) == 0U);
    BOOST_TEST(write_arp(out, gratuitous_arp_request(own_mac, ip("2001:db8::1"))) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
