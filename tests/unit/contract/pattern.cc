// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/pattern.hh"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

namespace tandem::contract {
namespace {

using wire::SipKind;
using wire::SipMethod;

constexpr unsigned methods = static_cast<unsigned>(SipMethod::other) + 1;

RequestPattern pattern(std::string_view text) {
    const auto parsed = RequestPattern::parse(text);
    BOOST_REQUIRE_MESSAGE(parsed, text << " -> " << parsed.error());
    return *parsed;
}

} // namespace

BOOST_AUTO_TEST_SUITE(request_pattern)

BOOST_AUTO_TEST_CASE(blank_matches_every_message) {
    for (const char* text : {"", " ", "\t  "})
        for (unsigned i = 0; i < methods; ++i) {
            BOOST_TEST(pattern(text).matches(static_cast<SipMethod>(i), SipKind::request));
            BOOST_TEST(pattern(text).matches(static_cast<SipMethod>(i), SipKind::response));
        }
    BOOST_TEST((pattern("") == RequestPattern{}));
}

BOOST_AUTO_TEST_CASE(a_list_matches_requests_of_these_methods_only) {
    const RequestPattern these = pattern("INVITE|CANCEL|BYE");
    for (unsigned i = 0; i < methods; ++i) {
        const auto method = static_cast<SipMethod>(i);
        const bool named =
            method == SipMethod::invite || method == SipMethod::cancel || method == SipMethod::bye;
        BOOST_TEST_CONTEXT(wire::to_string(method)) {
            BOOST_TEST(these.matches(method, SipKind::request) == named);
            BOOST_TEST(!these.matches(method, SipKind::response));
        }
    }
}

BOOST_AUTO_TEST_CASE(an_exclusion_matches_all_other_messages) {
    const RequestPattern others = pattern("!REGISTER|OPTIONS");
    for (unsigned i = 0; i < methods; ++i) {
        const auto method = static_cast<SipMethod>(i);
        const bool named = method == SipMethod::register_ || method == SipMethod::options;
        BOOST_TEST_CONTEXT(wire::to_string(method)) {
            BOOST_TEST(others.matches(method, SipKind::request) == !named);
            BOOST_TEST(others.matches(method, SipKind::response) == !named);
        }
    }
}

BOOST_AUTO_TEST_CASE(every_known_method_can_be_named) {
    for (unsigned i = 0; i + 1 < methods; ++i) {
        const auto method = static_cast<SipMethod>(i);
        const RequestPattern one = pattern(wire::to_string(method));
        for (unsigned j = 0; j < methods; ++j)
            BOOST_TEST(one.matches(static_cast<SipMethod>(j), SipKind::request) == (i == j));
    }
}

BOOST_AUTO_TEST_CASE(case_blanks_and_repetition) {
    BOOST_TEST((pattern("  invite |\tBye|INVITE ") == pattern("BYE|INVITE")));
    BOOST_TEST((pattern(" ! register") == pattern("!REGISTER")));
}

BOOST_AUTO_TEST_CASE(canonical_text) {
    struct Case {
        const char* text;
        const char* canonical;
    };
    for (const Case& c : {Case{" ", ""}, Case{"invite|CANCEL|bye", "BYE|CANCEL|INVITE"},
                          Case{"!register", "!REGISTER"}, Case{"! UPDATE | ACK", "!ACK|UPDATE"}}) {
        BOOST_TEST(pattern(c.text).to_string() == c.canonical);
        BOOST_TEST((pattern(c.canonical) == pattern(c.text)));
    }
}

BOOST_AUTO_TEST_CASE(errors_name_the_part_and_the_remedy) {
    struct Case {
        std::string text;
        const char* part;
    };
    const Case cases[]{
        {"INVITE|FOO", "\"FOO\""},
        {"INVITE,BYE", "\"INVITE,BYE\""},
        {"other", "\"other\""},
        {"INVITE||BYE", "missing"},
        {"|INVITE", "missing"},
        {"INVITE|", "missing"},
        {"!", "missing"},
        {"!!REGISTER", "once"},
        {"!REGISTER|!BYE", "\"!BYE\""},
        {"INVITE BYE", "\"INVITE BYE\""},
        {std::string{"IN\0VITE", 7}, "\"IN?VITE\""},
        {"\x1b[31mINVITE", "\"?[31mINVITE\""},
        {std::string(5000, 'A'), "...\""},
    };
    for (const Case& c : cases) {
        const auto parsed = RequestPattern::parse(c.text);
        BOOST_TEST_CONTEXT(c.text.substr(0, 40)) {
            BOOST_REQUIRE(!parsed);
            BOOST_TEST(parsed.error().find(c.part) != std::string::npos, parsed.error());
            BOOST_TEST(parsed.error().size() < 300U);
        }
    }
    BOOST_TEST(RequestPattern::parse("FOO").error().find("REGISTER") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::contract
