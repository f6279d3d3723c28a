// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/section.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::config;

BOOST_AUTO_TEST_SUITE(section)

BOOST_AUTO_TEST_CASE(the_nearest_word) {
    const std::vector<std::string> keys{"interval_ms", "multiplier", "id", "key_file"};
    BOOST_TEST(nearest("intervall_ms", keys) == "interval_ms");
    BOOST_TEST(nearest("interval", keys) == "interval_ms");
    BOOST_TEST(nearest("mutliplier", keys) == "multiplier");
    BOOST_TEST(nearest("keyfile", keys) == "key_file");
    BOOST_TEST(nearest("di", keys) == "id");
    BOOST_TEST(nearest("completely_different_thing", keys) == "");
    BOOST_TEST(nearest(std::string(1000, 'x'), keys) == "");
    BOOST_TEST(nearest("id", {}) == "");
}

BOOST_AUTO_TEST_CASE(reading_goes_on_after_an_error) {
    const Table table = *read_document("a = 1\nb = \"x\"\nc = true\n", "f");
    Complaints complaints{"f"};
    Section section{"[s]", {1, 1}, table, complaints};
    BOOST_TEST(!section.text("a", Presence::required).has_value());
    BOOST_TEST(section.text("b", Presence::required)->value == "x");
    BOOST_TEST(!section.integer("d", {1, 2}, Presence::optional).has_value());
    section.finish();
    const auto problems = complaints.take();
    BOOST_REQUIRE(problems.size() == 2U);
    BOOST_TEST(problems[0].what == "\"a\" is an integer");
    BOOST_TEST(problems[1].line == 3U);
}

BOOST_AUTO_TEST_CASE(ranges_include_their_ends) {
    const Table table = *read_document("a = 1\nb = 3\nc = 0\nd = 4\ne = nan\nf = 2.5\n", "f");
    Complaints complaints{"f"};
    Section section{"[s]", {1, 1}, table, complaints};
    BOOST_TEST(section.integer("a", {1, 3}, Presence::required)->value == 1);
    BOOST_TEST(section.integer("b", {1, 3}, Presence::required)->value == 3);
    BOOST_TEST(!section.integer("c", {1, 3}, Presence::required).has_value());
    BOOST_TEST(!section.number("d", {1, 3}, Presence::required).has_value());
    BOOST_TEST(!section.number("e", {1, 3}, Presence::required).has_value());
    BOOST_TEST(section.number("f", {1, 3}, Presence::required)->value == 2.5);
    BOOST_TEST(complaints.take().size() == 3U);
}

BOOST_AUTO_TEST_CASE(complaints_are_bounded_and_in_order) {
    Complaints complaints{"f"};
    for (std::size_t line = 1000; line > 0; --line)
        complaints.add({line, 1}, "what", "hint");
    const auto problems = complaints.take();
    BOOST_TEST(problems.size() == 100U);
    BOOST_TEST(problems.front().line < problems.back().line);
}

BOOST_AUTO_TEST_SUITE_END()
