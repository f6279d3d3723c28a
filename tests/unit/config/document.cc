// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/document.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::config;

BOOST_AUTO_TEST_SUITE(document)

BOOST_AUTO_TEST_CASE(values_know_where_they_stand) {
    const auto table = read_document("a = 1\n[b]\n  c = [\n 2.5,\n \"x\" ]\n", "f");
    BOOST_REQUIRE(table);
    BOOST_REQUIRE(table->size() == 2U);
    BOOST_TEST((*table)[0].key == "a");
    BOOST_TEST((*table)[0].place.line == 1U);
    BOOST_TEST((*table)[0].value.place.column == 5U);
    const auto& inner = std::get<Table>((*table)[1].value.data);
    BOOST_TEST(inner[0].place.line == 3U);
    BOOST_TEST(inner[0].place.column == 3U);
    const auto& array = std::get<Value::Array>(inner[0].value.data);
    BOOST_TEST(array[0].place.line == 4U);
    BOOST_TEST(array[1].place.line == 5U);
    BOOST_TEST(array[1].kind() == "a string");
}

BOOST_AUTO_TEST_CASE(every_kind_has_a_name) {
    const auto table = read_document("a=1\nb=1.5\nc=true\nd=\"x\"\ne=[1]\nf={}\ng=2020-01-01\n", "f");
    BOOST_REQUIRE(table);
    std::string kinds;
    for (const auto& entry : *table)
        kinds += std::string{entry.value.kind()} + ";";
    BOOST_TEST(kinds == "an integer;a decimal number;a boolean;a string;an array;a table;a date or time;");
}

BOOST_AUTO_TEST_CASE(a_malformed_text_has_one_problem_with_a_place) {
    for (const std::string_view text : {"a = \n", "[a\n", "a = 1\na = 2\n", "a = \"\n", "= 1\n", "a = 1 2\n",
                                        "[[a]\n", "a = 99999999999999999999\n"}) {
        const auto table = read_document(text, "f");
        BOOST_REQUIRE_MESSAGE(!table, text << " was accepted");
        BOOST_TEST(table.error().line >= 1U, text);
        BOOST_TEST(table.error().what.starts_with("not well-formed TOML: "), table.error().what);
        BOOST_TEST(table.error().to_string().starts_with("f:"));
    }
}

BOOST_AUTO_TEST_CASE(control_characters_do_not_reach_the_terminal) {
    const auto table = read_document("a = \"\x1b[31m\"\n", "f");
    BOOST_REQUIRE(!table);
    BOOST_TEST(table.error().to_string().find('\x1b') == std::string::npos);
    BOOST_TEST(quoted(std::string_view{"\x1b\0\n", 3}) == "\"???\"");
}

BOOST_AUTO_TEST_CASE(sizes_are_bounded) {
    BOOST_TEST(!read_document(std::string(text_size_max + 1, '\n'), "f").has_value());
    BOOST_TEST(read_document(std::string(text_size_max, '\n'), "f").has_value());
    BOOST_TEST(!read_document("a = " + std::string(100000, '['), "f").has_value());
    BOOST_TEST(quoted(std::string(1000, 'x')).size() < 250U);
}

BOOST_AUTO_TEST_CASE(octets_that_are_not_utf8_are_refused) {
    BOOST_TEST(!read_document("a = \"\xff\xfe\"\n", "f").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
