// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/options.hh"

#include <boost/test/unit_test.hpp>

using tandem::phone::Options;

BOOST_AUTO_TEST_CASE(pairs_flags_and_repetitions) {
    const auto options = Options::read({"--vip", "1", "--loud", "--vip", "2"}, {"vip"}, {"loud"});
    BOOST_REQUIRE(options);
    BOOST_TEST(options->given("loud"));
    BOOST_TEST(!options->given("quiet"));
    BOOST_TEST(options->text("vip").value() == "2");
    BOOST_TEST(options->texts("vip").size() == 2U);
    BOOST_TEST(!options->text("quiet"));
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_refused) {
    BOOST_TEST(!Options::read({"vip"}, {"vip"}, {}));
    BOOST_TEST(!Options::read({"--vip"}, {"vip"}, {}));
    BOOST_TEST(!Options::read({"--vop", "1"}, {"vip"}, {}));
}

BOOST_AUTO_TEST_CASE(numbers_have_a_range_and_nothing_behind_them) {
    const auto options = Options::read({"--a", "5", "--b", "5x", "--c", "-1"}, {"a", "b", "c"}, {});
    BOOST_REQUIRE(options);
    BOOST_TEST(options->number("a", 1, 5, 9).value() == 5U);
    BOOST_TEST(options->number("absent", 1, 5, 9).value() == 9U);
    BOOST_TEST(!options->number("a", 6, 9, 9));
    BOOST_TEST(!options->number("b", 1, 9, 9));
    BOOST_TEST(!options->number("c", 1, 9, 9));
}
