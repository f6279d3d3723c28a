// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/tandemctl/escape.hh"

#include <boost/test/unit_test.hpp>

namespace tandem::ctl::test {

BOOST_AUTO_TEST_SUITE(escape)

BOOST_AUTO_TEST_CASE(what_is_printable_stays) {
    BOOST_TEST(shown("sip:a@example.net;x=\"1\"", 100) == "sip:a@example.net;x=\"1\"");
    BOOST_TEST(shown("J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e", 100) ==
               "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e");
    BOOST_TEST(shown("", 5) == "");
    BOOST_TEST(shown("abcdef", 6) == "abcdef");
    BOOST_TEST(shown("abcdef", 5) == "abcde...");
}

BOOST_AUTO_TEST_CASE(nothing_reaches_the_terminal_as_it_came) {
    BOOST_TEST(shown("\x1b[2Jx\r\n\t", 100) == "\\x1b[2Jx\\x0d\\x0a\\x09");
    BOOST_TEST(shown({"\0", 1}, 100) == "\\x00");
    BOOST_TEST(shown("a\\x41", 100) == "a\\\\x41");
    BOOST_TEST(shown("\xc2\x9b", 100) == "\\xc2\\x9b");          // C1: CSI
    BOOST_TEST(shown("\xe2\x80\xae", 100) == "\\xe2\\x80\\xae"); // right-to-left override
    BOOST_TEST(shown("\x7f", 100) == "\\x7f");
    for (const char* bad : {"\xff", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"})
        for (const char c : shown(bad, 100))
            BOOST_TEST((c >= ' ' && c <= '~'));
}

BOOST_AUTO_TEST_CASE(json_gets_well_formed_text) {
    BOOST_TEST(json_text("J\xc3\xbcrgen\r\n") == "J\xc3\xbcrgen\r\n");
    BOOST_TEST(json_text("a\xff"
                         "b\xe2\x82") == "a\xef\xbf\xbd"
                                         "b\xef\xbf\xbd\xef\xbf\xbd");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::ctl::test
