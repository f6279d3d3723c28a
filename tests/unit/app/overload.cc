// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/overload.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::app;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(overload)

BOOST_AUTO_TEST_CASE(a_busy_moment_is_none) {
    Overload overload;
    for (int i = 0; i < 100; ++i) {
        overload.note(i % 5 == 4 ? 0ms : 500ms);
        BOOST_TEST(!overload.overloaded());
    }
    BOOST_TEST((overload.late() == 0ms));
}

BOOST_AUTO_TEST_CASE(begins_and_ends_after_so_many_seconds) {
    Overload overload;
    for (unsigned i = 0; i < Overload::seconds; ++i) {
        BOOST_TEST(!overload.overloaded());
        overload.note(101ms);
    }
    BOOST_TEST(overload.overloaded());
    overload.note(100ms);
    overload.note(101ms);
    for (unsigned i = 0; i < Overload::seconds; ++i) {
        BOOST_TEST(overload.overloaded());
        overload.note(100ms);
    }
    BOOST_TEST(!overload.overloaded());
}

BOOST_AUTO_TEST_SUITE_END()
