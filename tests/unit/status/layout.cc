// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/layout.hh"

#include <boost/test/unit_test.hpp>

#include <limits>

using namespace tandem::status;

BOOST_AUTO_TEST_SUITE(layout)

BOOST_AUTO_TEST_CASE(columns_line_up) {
    Columns columns{"  "};
    columns.row({"a", "long cell", "x"});
    columns.row({"longer", "b"});
    columns.row({"\xc3\xbc", "c", "y"});
    BOOST_TEST(columns.text() == "  a       long cell  x\n  longer  b\n  \xc3\xbc       c          y\n");
    BOOST_TEST(Columns{""}.text() == "");
}

BOOST_AUTO_TEST_CASE(durations) {
    BOOST_TEST(duration_text(0) == "0 ms");
    BOOST_TEST(duration_text(999) == "999 ms");
    BOOST_TEST(duration_text(1000) == "1 s");
    BOOST_TEST(duration_text(185e3) == "3 min 5 s");
    BOOST_TEST(duration_text(7200e3) == "2 h");
    BOOST_TEST(duration_text(90000e3) == "1 d 1 h");
    BOOST_TEST(duration_text(-1) == "-");
    BOOST_TEST(duration_text(std::numeric_limits<double>::quiet_NaN()) == "-");
    BOOST_TEST(duration_text(1e300) == "-");
}

BOOST_AUTO_TEST_CASE(decimals) {
    BOOST_TEST(decimal_text(20, 3) == "20");
    BOOST_TEST(decimal_text(2.5, 3) == "2.5");
    BOOST_TEST(decimal_text(0.0956, 3) == "0.096");
    BOOST_TEST(decimal_text(100, 0) == "100");
    BOOST_TEST(decimal_text(std::numeric_limits<double>::infinity(), 1) == "-");
    BOOST_TEST(decimal_text(1e300, 1) == "-");
}

BOOST_AUTO_TEST_SUITE_END()
