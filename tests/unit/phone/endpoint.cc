// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/endpoint.hh"

#include <boost/test/unit_test.hpp>

#include <string>

using tandem::phone::parse_endpoint;

namespace {

std::string read(const std::string& text) {
    const auto endpoint = parse_endpoint(text, 5060);
    return endpoint ? endpoint->to_string() : "refused";
}

} // namespace

BOOST_AUTO_TEST_CASE(an_address_with_and_without_a_port) {
    BOOST_TEST(read("10.0.0.1") == "10.0.0.1:5060");
    BOOST_TEST(read("10.0.0.1:7") == "10.0.0.1:7");
    BOOST_TEST(read("fd00::1") == "[fd00::1]:5060");
    BOOST_TEST(read("[fd00::1]:7") == "[fd00::1]:7");
}

BOOST_AUTO_TEST_CASE(names_and_nonsense_are_refused) {
    for (const char* text : {"", "sip.example.org", "10.0.0.1:", "10.0.0.1:x", "10.0.0.1:70000", "[fd00::1]",
                             "[fd00::1]x", "10.0.0", "10.0.0.1:5060 "})
        BOOST_TEST(read(text) == "refused", text);
}
