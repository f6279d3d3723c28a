// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/match/expression.hh"
#include "dataplane/match/matcher.hh"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

namespace tandem::match::test {
namespace {

using contract::Letters;

std::string error_of(std::string_view text) {
    const auto compiled = Expression::compile(text, Letters::as_written);
    return compiled ? "" : compiled.error();
}

/// A matcher of one policy, with the expression as clause 0 of group 1.
struct One {
    explicit One(const std::string& expression) {
        policy->group_count = 2;
        policy->groups[1].pattern = *contract::RequestPattern::parse("user=" + expression);
        matcher.adopt(*policy);
    }
    bool matches(std::string_view text) { return matcher.matches(1, 0, text); }
    std::unique_ptr<contract::Policy> policy = std::make_unique<contract::Policy>();
    Matcher matcher;
};

} // namespace

BOOST_AUTO_TEST_SUITE(expression)

BOOST_AUTO_TEST_CASE(they_match_as_they_should) {
    One numbers{"/^\\+49[0-9]{5,}$/"};
    BOOST_TEST(numbers.matches("+4930123456"));
    BOOST_TEST(!numbers.matches("+491"));
    BOOST_TEST(!numbers.matches("x+4930123456"));
    BOOST_TEST(!numbers.matches(""));
    BOOST_TEST(numbers.matcher.refused() == 0U);
    One letters{"/alice|bob/i"};
    BOOST_TEST(letters.matches("the ALICE"));
    BOOST_TEST(!letters.matches("carol"));
    One slash{"/a\\/b/"};
    BOOST_TEST(slash.matches("xa/by"));
    One any{"/.*/"};
    BOOST_TEST(any.matches(""));
    BOOST_TEST(any.matches(std::string(65'535, 'x')));
    BOOST_TEST(any.matches({"\0\xff\r\n", 4}));
}

BOOST_AUTO_TEST_CASE(bad_ones_are_refused_with_a_reason) {
    for (const char* bad :
         {"(", "a)", "[a", "a{2", "*", "(?=a)", "(a)\\1", "(?<!a)b", "\\p{Nope}", "a++", "(?P<n"}) {
        if (error_of(bad).empty())
            continue; // "a{2" is literal, "a++" may be taken
        BOOST_TEST(error_of(bad).find("cannot be used: ") != std::string::npos, bad);
    }
    for (const char* bad : {"(", "a)", "[a", "*", "(?=a)", "(a)\\1"})
        BOOST_TEST(!error_of(bad).empty(), bad);
    BOOST_TEST(error_of("").find("1 to 200") != std::string::npos);
    BOOST_TEST(error_of(std::string(201, 'a')).find("1 to 200") != std::string::npos);
    BOOST_TEST(error_of(std::string_view{"a\0b", 3}).find("zero") != std::string::npos);
    BOOST_TEST(error_of("\x1b[31m(").find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(exploding_ones_are_refused_before_they_are_compiled) {
    std::string nested = "a";
    for (int i = 0; i < 8; ++i)
        nested = "(" + nested + "){9}";
    std::string deep(80, '(');
    deep += "a" + std::string(80, ')');
    for (const std::string& bad :
         {std::string{"a{1001}"}, std::string{"(a{1,40}){1,40}"}, std::string{"(.{30}[^x]{30}){30}"}, nested,
          deep, std::string{"a{99999999999999999999}"}, std::string{"((a|b){20}c{20}){40}"},
          std::string{"[]a]{2000}"}, std::string{"\\({2000}"}, std::string{"(ab){600}"}}) {
        const std::string error = error_of(bad);
        BOOST_TEST((error.find("repeats too much") != std::string::npos ||
                    error.find("groups within each other") != std::string::npos),
                   bad << ": " << error);
    }
    for (const char* good :
         {"a{1000}", "(a{1,30}){1,30}", "[0-9]{3,}", "x{a", "\\{5000\\}", "[{]5000}", "(.*a.*){5}"})
        BOOST_TEST(error_of(good) == "", good);
}

BOOST_AUTO_TEST_CASE(a_pattern_is_checked_as_a_whole) {
    const auto check = [](const char* text) {
        return check_expressions(*contract::RequestPattern::parse(text));
    };
    BOOST_TEST(check("INVITE").has_value());
    BOOST_TEST(check("user=/a/ host=/b/i header X='(' header Y=/c/").has_value());
    const auto wrong = check("user=/a/ header Y=/(/");
    BOOST_REQUIRE(!wrong);
    BOOST_TEST(wrong.error().find("\"(\"") != std::string::npos, wrong.error());
}

BOOST_AUTO_TEST_CASE(a_new_policy_replaces_what_was) {
    One one{"/a/"};
    BOOST_TEST(!one.matches("b"));
    one.policy->groups[1].pattern = *contract::RequestPattern::parse("user=/b/");
    one.matcher.adopt(*one.policy);
    BOOST_TEST(one.matches("b"));
    BOOST_TEST(!one.matches("a"));
    one.policy->groups[1].pattern = *contract::RequestPattern::parse("user=/(/");
    one.matcher.adopt(*one.policy);
    BOOST_TEST(one.matcher.refused() == 1U);
    BOOST_TEST(one.matches("anything")); // rather mirrored than lost
    one.policy->groups[1].pattern = {};
    one.matcher.adopt(*one.policy);
    BOOST_TEST(one.matcher.refused() == 0U);
    BOOST_TEST(one.matcher.matches(99, 99, "x"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::match::test
