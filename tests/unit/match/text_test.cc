// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/match/text_test.hh"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

using tandem::match::TextTest;

namespace {

bool matches(std::string_view expression, std::string_view text) {
    const auto test = TextTest::compile(expression);
    BOOST_REQUIRE_MESSAGE(test, expression);
    return test->matches(text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(text_test)

BOOST_AUTO_TEST_CASE(the_whole_text_counts) {
    BOOST_TEST(matches(R"(10\.0\.0\.1)", "10.0.0.1"));
    BOOST_TEST(!matches(R"(10\.0\.0\.1)", "110.0.0.1"));
    BOOST_TEST(!matches(R"(10\.0\.0\.1)", "10.0.0.15"));
    BOOST_TEST(!matches(R"(10\.0\.0\.1)", "10.0.0.1\n"));
    BOOST_TEST(!matches(R"(10\.0\.0\.1)", ""));
    BOOST_TEST(matches("a|b", "b"));
    BOOST_TEST(!matches("a|b", "ab"));
    BOOST_TEST(matches("^a$", "a"));
    BOOST_TEST(matches("FD77::.*", "fd77::1"));
    BOOST_TEST(!TextTest::compile(""));
}

BOOST_AUTO_TEST_CASE(anchors_cannot_be_left) {
    for (const char* expression :
         {"a)|(?:b", "a)|(b", "(a", "a)", "a\\", "\\Qa", "[a", "(?#", "a{1000}{1000}"})
        BOOST_TEST(!TextTest::compile(expression), expression);
}

BOOST_AUTO_TEST_CASE(what_would_explode_elsewhere_is_refused_or_quick) {
    using Clock = std::chrono::steady_clock;
    const auto began = Clock::now();
    const std::string text = std::string(50'000, 'a') + "!";
    for (const char* expression :
         {"(a+)+", "(a|a)*", "(a|aa)+", "(.*a){20}", "(a*)*b", "([a-z]+)*", "(x+x+)+y",
          "((a{900}){900}){900}", "(((((((((a*)*)*)*)*)*)*)*)*", "(?:a?){500}a{500}"})
        if (const auto test = TextTest::compile(expression))
            BOOST_TEST(!test->matches(text));
    BOOST_TEST((Clock::now() - began < std::chrono::seconds{20}));
}

BOOST_AUTO_TEST_SUITE_END()
