// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/address.hh"

#include <boost/test/unit_test.hpp>

#include <string>

namespace tandem::wire {

BOOST_AUTO_TEST_SUITE(address)

BOOST_AUTO_TEST_CASE(mac_addresses) {
    const auto mac = MacAddress::parse("02:Ab:00:9f:10:FF");
    BOOST_REQUIRE(mac);
    BOOST_TEST(mac->to_string() == "02:ab:00:9f:10:ff");
    for (const char* text : {"", "02:ab:00:9f:10", "02:ab:00:9f:10:ff:00", "02-ab-00-9f-10-ff",
                             "02:ab:00:9f:10:fg", "2:ab:00:9f:10:ff0"})
        BOOST_TEST(!MacAddress::parse(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(ip_addresses) {
    for (const char* text :
         {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "::ffff:192.0.2.1"}) {
        const auto address = IpAddress::parse(text);
        BOOST_REQUIRE_MESSAGE(address, text);
        BOOST_TEST(address->to_string() == text);
    }
    for (const char* text : {"", "192.0.2", "192.0.2.256", "192.0.2.1/24", "2001:db8:::1", "fe80::1%eth0",
                             "host", "[::1]", " 192.0.2.1", "192.0.2.1 "})
        BOOST_TEST(!IpAddress::parse(text).has_value(), text);
    BOOST_TEST(!IpAddress::parse(std::string(100, '1')).has_value());
    BOOST_TEST(IpAddress{}.to_string() == "none");
    BOOST_TEST(IpAddress{}.size() == 0U);
    BOOST_TEST((IpAddress::parse("192.0.2.1") == IpAddress::v4({192, 0, 2, 1})));
}

BOOST_AUTO_TEST_CASE(prefixes) {
    struct Case {
        const char* prefix;
        const char* address;
        bool inside;
    };
    for (const Case& c :
         {Case{"192.0.2.0/24", "192.0.2.255", true}, Case{"192.0.2.0/24", "192.0.3.0", false},
          Case{"192.0.2.77/24", "192.0.2.1", true}, Case{"192.0.2.128/25", "192.0.2.127", false},
          Case{"192.0.2.4/30", "192.0.2.7", true}, Case{"192.0.2.4/30", "192.0.2.8", false},
          Case{"192.0.2.1", "192.0.2.1", true}, Case{"192.0.2.1", "192.0.2.2", false},
          Case{"0.0.0.0/0", "203.0.113.1", true}, Case{"0.0.0.0/0", "::1", false},
          Case{"2001:db8::/33", "2001:db8:7fff::1", true},
          Case{"2001:db8::/33", "2001:db8:8000::1", false}}) {
        const auto prefix = Prefix::parse(c.prefix);
        const auto address = IpAddress::parse(c.address);
        BOOST_REQUIRE(prefix);
        BOOST_REQUIRE(address);
        BOOST_TEST(prefix->contains(*address) == c.inside, c.prefix << " and " << c.address);
    }
    for (const char* text :
         {"", "/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/2x", "::/129"})
        BOOST_TEST(!Prefix::parse(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire
