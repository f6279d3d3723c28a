// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/checksum.hh"

#include "tests/unit/wire/octets.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::wire::test {

BOOST_AUTO_TEST_SUITE(internet_checksum)

// The octets of RFC 1071 section 3: their sum is ddf2.
BOOST_AUTO_TEST_CASE(the_example_of_the_rfc) {
    const Octets octets{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    BOOST_TEST(checksum(octets) == static_cast<std::uint16_t>(~0xddf2U & 0xffffU));
}

BOOST_AUTO_TEST_CASE(odd_length_and_nothing) {
    BOOST_TEST(checksum(Octets{0x12}) == static_cast<std::uint16_t>(~0x1200U & 0xffffU));
    BOOST_TEST(checksum(Octets{}) == 0xffffU);
}

BOOST_AUTO_TEST_CASE(carries_are_folded) {
    BOOST_TEST(checksum(Octets(65534, 0xff)) == 0U);
    BOOST_TEST(pseudo_header_sum(ip("192.0.2.1"), ip("192.0.2.2"), 17, 0x10001) ==
               pseudo_header_sum(ip("192.0.2.1"), ip("192.0.2.2"), 17, 2));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
