// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/spawn/printable.hh"

#include <boost/test/unit_test.hpp>

using tandem::spawn::printable;

BOOST_AUTO_TEST_SUITE(printable_text)

BOOST_AUTO_TEST_CASE(ordinary_text_stays) {
    BOOST_TEST(printable("two words, größer, 日本, 😀", 100) == "two words, größer, 日本, 😀");
}

BOOST_AUTO_TEST_CASE(control_characters_go) {
    BOOST_TEST(printable("a\nb\tc\rd", 100) == "a b c d");
    BOOST_TEST(printable("\x1b[31mred\x1b[0m\x07\x7f", 100) == "?[31mred?[0m??");
    BOOST_TEST(printable("\xc2\x9b"
                         "31m",
                         100) == "??31m"); // CSI as one character
    BOOST_TEST(printable(std::string_view{"\0x", 2}, 100) == "?x");
    BOOST_TEST(printable("\xe2\x80\xae"
                         "abc",
                         100) == "???abc"); // turns the direction
}

BOOST_AUTO_TEST_CASE(what_is_no_utf8_is_marked) {
    BOOST_TEST(printable("\xff\xfe", 100) == "??");
    BOOST_TEST(printable("\xc0\xaf", 100) == "??");           // overlong
    BOOST_TEST(printable("\xed\xa0\x80", 100) == "???");      // a surrogate
    BOOST_TEST(printable("\xf4\x90\x80\x80", 100) == "????"); // beyond the last one
    BOOST_TEST(printable("\xe6\x97", 100) == "??");           // cut short
}

BOOST_AUTO_TEST_CASE(length_has_a_bound_at_a_character) {
    BOOST_TEST(printable("abcdef", 6) == "abcdef");
    BOOST_TEST(printable("abcdefg", 6) == "abcdef...");
    BOOST_TEST(printable("abcdé", 5) == "abcd...");
}

BOOST_AUTO_TEST_SUITE_END()
