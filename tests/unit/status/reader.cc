// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/reader.hh"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

using namespace tandem::status;

BOOST_AUTO_TEST_SUITE(reader)

BOOST_AUTO_TEST_CASE(what_is_absent_reads_as_empty) {
    const auto root =
        boost::json::parse(R"({"a":{"b":"x","n":-1,"f":1.5,"t":true,"l":[{"name":"q","v":1},7]}})");
    BOOST_TEST(text_of(look(root, {"a", "b"})) == "x");
    BOOST_TEST(look(root, {"a", "c", "d"}).is_null());
    BOOST_TEST(look(root, {"a", "b", "c"}).is_null());
    BOOST_TEST(look(root, {}).is_object());
    BOOST_TEST(text_of(look(root, {"a"})) == "");
    BOOST_TEST(!count_of(look(root, {"a", "n"})).has_value());
    BOOST_TEST(!count_of(look(root, {"a", "f"})).has_value());
    BOOST_TEST(number_of(look(root, {"a", "f"})).value() == 1.5);
    BOOST_TEST(is_true(look(root, {"a", "t"})));
    BOOST_TEST(!is_true(look(root, {"a", "b"})));
    BOOST_TEST(!is_false(look(root, {"a", "zzz"})));
    BOOST_TEST(array_of(look(root, {"a", "b"})).empty());
    BOOST_TEST(object_of(look(root, {"a", "b"})).empty());
    BOOST_TEST(count_of(look(named(look(root, {"a", "l"}), "q"), {"v"})).value() == 1U);
    BOOST_TEST(named(look(root, {"a", "l"}), "r").is_null());
}

BOOST_AUTO_TEST_CASE(nothing_controls_the_terminal) {
    BOOST_TEST(printable("a\x1b[31m\r\n\x7f") == "a?[31m???");
    BOOST_TEST(printable("\xc2\x9b"
                         "31m") == "?31m");
    BOOST_TEST(printable("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
    BOOST_TEST(printable(std::string(5000, 'x')).size() == 512U);
}

BOOST_AUTO_TEST_SUITE_END()
