// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_text.hh"

#include <boost/test/unit_test.hpp>

#include <string_view>
#include <vector>

namespace tandem::wire::sip_text {
namespace {

std::vector<std::string_view> elements(std::string_view list) {
    std::vector<std::string_view> result;
    do {
        const auto element = take_element(list);
        if (!element)
            return {"malformed"};
        result.push_back(*element);
    } while (!list.empty());
    return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(comma_lists) {
    using List = std::vector<std::string_view>;
    BOOST_TEST((elements("a, b ,\r\n c") == List{"a", "b", "c"}));
    BOOST_TEST((elements("\"x,y\\\",\" <s:a,b>;c, d") == List{"\"x,y\\\",\" <s:a,b>;c", "d"}));
    BOOST_TEST((elements("") == List{""}));
    BOOST_TEST((elements("a,,b") == List{"a", "", "b"}));
    BOOST_TEST((elements("a, \"b") == List{"malformed"}));
    BOOST_TEST((elements("a, <b") == List{"malformed"}));
    BOOST_TEST((elements("\"ends with escape\\") == List{"malformed"}));
}

BOOST_AUTO_TEST_CASE(lines_and_folds) {
    std::string_view rest = "one\r\n two\n\tthree\r\nnext\r\n\r\nbody";
    BOOST_TEST(take_folded_line(rest).value() == "one\r\n two\n\tthree");
    BOOST_TEST(take_folded_line(rest).value() == "next");
    BOOST_TEST(take_folded_line(rest).value().empty());
    BOOST_TEST(rest == "body");
    BOOST_TEST(!take_folded_line(rest).has_value());
    rest = "open fold\r\n and no end";
    BOOST_TEST(!take_folded_line(rest).has_value());
    // The empty line ends the header section even when the body begins with a blank.
    rest = "\r\n body\r\n";
    BOOST_TEST(take_folded_line(rest).value().empty());
    BOOST_TEST(rest == " body\r\n");
}

BOOST_AUTO_TEST_CASE(numbers) {
    BOOST_TEST(number("255", 255).value() == 255U);
    BOOST_TEST(number("000000000000000000000001", 255).value() == 1U);
    for (const char* digits : {"256", "", "-1", "1 ", "99999999999999999999999999"})
        BOOST_TEST(!number(digits, 255).has_value(), digits);
    BOOST_TEST(saturated("99999999999999999999999999").value() == 0xffffffffU);
    BOOST_TEST(!saturated("9x").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::sip_text
