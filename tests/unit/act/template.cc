// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/act/template.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::act;

BOOST_AUTO_TEST_SUITE(templates)

BOOST_AUTO_TEST_CASE(values_stand_in_the_text) {
    const Variables values{{"group", "sbc"}, {"role", "active"}};
    BOOST_TEST(expand("${group} is ${role}.", values) == "sbc is active.");
    BOOST_TEST(expand("no variable", values) == "no variable");
    BOOST_TEST(expand("[${check}]", values) == "[]");              // has none
    BOOST_TEST(expand("a\nb ${group}\n", values) == "a\nb sbc\n"); // the text's own lines stay
}

BOOST_AUTO_TEST_CASE(a_dollar_sign) {
    const Variables values{{"group", "sbc"}};
    BOOST_TEST(expand("$$5, $5, $", values) == "$5, $5, $");
    BOOST_TEST(expand("$${group}", values) == "${group}");
    BOOST_TEST(expand("$$${group}", values) == "$sbc");
}

BOOST_AUTO_TEST_CASE(a_value_is_never_looked_at_again) {
    const Variables values{{"group", "${role}"}, {"role", "$(reboot) `id` ; | & > ' \" \\"}};
    BOOST_TEST(expand("${group}", values) == "${role}");
    BOOST_TEST(expand("${role}", values) == "$(reboot) `id` ; | & > ' \" \\");
}

BOOST_AUTO_TEST_CASE(a_value_begins_no_line) {
    const Variables values{{"reason", "x\r\nBcc: all@example.org\n.\n\x1b[2J\x07"}};
    BOOST_TEST(expand("Subject: ${reason}", values) == "Subject: x  Bcc: all@example.org . [2J");
    BOOST_TEST(clean_value(std::string_view{"a\0b\x7f\xc2\x85"
                                            "c",
                                            7}) == "abc");
}

BOOST_AUTO_TEST_CASE(a_value_has_a_bound_at_a_character) {
    BOOST_TEST(clean_value(std::string(5000, 'x')).size() == value_size_max);
    std::string umlauts = "x";
    for (int i = 0; i < 1000; ++i)
        umlauts += "ä";
    BOOST_TEST(clean_value(umlauts).size() == value_size_max - 1);
}

BOOST_AUTO_TEST_CASE(within_json_a_value_stays_within_its_string) {
    const Variables values{{"reason", "a\"b\\c\nd"}};
    BOOST_TEST(expand(R"({"text": "${reason}"})", values, Escape::json) == R"({"text": "a\"b\\c d"})");
}

BOOST_AUTO_TEST_CASE(what_is_not_a_template_is_told) {
    BOOST_TEST(check_template("${group} ${epoch} $$ $x").has_value());
    const auto unknown = check_template("at ${grup}");
    BOOST_REQUIRE(!unknown);
    BOOST_TEST(unknown.error().offset == 3U);
    BOOST_TEST(unknown.error().hint.find("group") != std::string::npos);
    BOOST_TEST(!check_template("${group"));
    BOOST_TEST(!check_template("${}"));
    BOOST_TEST(!check_template("${group }"));
    for (const std::string_view name : variable_names())
        BOOST_TEST(check_template("${" + std::string{name} + "}").has_value());
}

BOOST_AUTO_TEST_CASE(a_program_gets_them_as_variables) {
    const auto found =
        environment_of({{"group", "sbc"}, {"role_before", "a=b\n$(c)"}, {"check", ""}, {"LD_PRELOAD", "x"}});
    BOOST_TEST((found == std::vector<std::string>{"TANDEM_GROUP=sbc", "TANDEM_ROLE_BEFORE=a=b $(c)"}));
}

BOOST_AUTO_TEST_SUITE_END()
