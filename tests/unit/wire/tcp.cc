// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/tcp.hh"

#include "tests/unit/wire/octets.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::wire::test {
namespace {

const Octets segment{0x13, 0xc4, 0x13, 0xc5, 1,    2, 3, 4, 5, 6, 7,    8,   0x60,
                     0x12, 0x10, 0x00, 0xab, 0xcd, 0, 0, 2, 4, 5, 0xb4, 'h', 'i'};

} // namespace

BOOST_AUTO_TEST_SUITE(tcp)

BOOST_AUTO_TEST_CASE(a_segment_with_options) {
    const auto read = parse_tcp(segment);
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(read->source_port == 5060);
    BOOST_TEST(read->destination_port == 5061);
    BOOST_TEST(read->sequence == 0x01020304U);
    BOOST_TEST(read->acknowledgement == 0x05060708U);
    BOOST_TEST((read->syn && read->ack && !read->fin && !read->rst));
    BOOST_TEST(read->payload.size() == 2U);
    BOOST_TEST(read->payload[0] == 'h');
}

BOOST_AUTO_TEST_CASE(cut_short_and_wrong) {
    for (std::size_t length = 0; length < 24; ++length)
        BOOST_TEST((parse_tcp(std::span{segment}.first(length)).error() == PacketError::truncated));
    BOOST_TEST(parse_tcp(std::span{segment}.first(24))->payload.empty());
    Octets wrong = segment;
    wrong[12] = 0x40;
    BOOST_TEST((parse_tcp(wrong).error() == PacketError::header_length));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
