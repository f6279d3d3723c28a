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
            BOOST_TEST(pattern(text).asks_responses());
        }
    BOOST_TEST((pattern("") == RequestPattern{}));
}

BOOST_AUTO_TEST_CASE(a_list_matches_requests_of_these_methods_only) {
    const RequestPattern these = pattern("INVITE|CANCEL|BYE");
    BOOST_TEST(!these.asks_responses());
    BOOST_TEST(pattern("INVITE|4xx").asks_responses());
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

BOOST_AUTO_TEST_CASE(responses_by_class) {
    const auto two = pattern("2xx/INVITE|6xx|BYE");
    BOOST_TEST(two.matches(SipMethod::invite, SipKind::response));
    BOOST_TEST(two.matches(SipMethod::other, SipKind::response));
    BOOST_TEST(!two.matches(SipMethod::invite, SipKind::request));
    BOOST_TEST(two.matches(SipMethod::bye, SipKind::request));
    BOOST_TEST(two.by_class());
    BOOST_TEST(two.conditions());
    BOOST_TEST(two.matches_status(SipMethod::invite, 200));
    BOOST_TEST(two.matches_status(SipMethod::invite, 299));
    BOOST_TEST(!two.matches_status(SipMethod::invite, 180));
    BOOST_TEST(!two.matches_status(SipMethod::bye, 200));
    BOOST_TEST(two.matches_status(SipMethod::bye, 603));
    BOOST_TEST(!two.matches_status(SipMethod::bye, 999));
    BOOST_TEST(!two.matches_status(SipMethod::bye, 0));
    BOOST_TEST(!two.matches_status(SipMethod::bye, 65535));

    const auto but = pattern("!REGISTER|1xx|2xx/BYE");
    BOOST_TEST(!but.matches(SipMethod::register_, SipKind::response));
    BOOST_TEST(but.matches(SipMethod::bye, SipKind::request));
    BOOST_TEST(but.matches(SipMethod::bye, SipKind::response));
    BOOST_TEST(!but.matches_status(SipMethod::bye, 200));
    BOOST_TEST(but.matches_status(SipMethod::bye, 481));
    BOOST_TEST(!but.matches_status(SipMethod::invite, 100));
    BOOST_TEST(but.matches_status(SipMethod::invite, 999));
    for (const char* plain : {"", "INVITE", "!REGISTER", "INVITE|BYE"})
        BOOST_TEST(!pattern(plain).conditions(), plain);
}

BOOST_AUTO_TEST_CASE(clauses_are_read) {
    const auto one = pattern("INVITE|CANCEL from 10.0.0.0/8,2001:db8::/32  not to 192.0.2.10 user=alice "
                             "host=/\\.example\\.org$/ header X-Site header User-Agent=/^a \\/b/i "
                             "not header Subject='it\\'s me' sample 3/8");
    BOOST_TEST(one.matches(SipMethod::cancel, SipKind::request));
    BOOST_TEST(!one.by_class());
    BOOST_TEST(one.conditions());
    const auto clauses = one.clauses();
    BOOST_REQUIRE(clauses.size() == 8U);
    BOOST_REQUIRE(one.prefixes(clauses[0]).size() == 2U);
    BOOST_TEST(one.prefixes(clauses[0])[1].to_string() == "2001:db8::/32");
    BOOST_TEST((clauses[1].sense == Sense::must_not));
    BOOST_TEST((clauses[1].subject == ClauseSubject::vip));
    BOOST_TEST(one.prefixes(clauses[1])[0].to_string() == "192.0.2.10/32");
    BOOST_TEST((clauses[2].test == ClauseTest::equal));
    BOOST_TEST(one.value(clauses[2]) == "alice");
    BOOST_TEST((clauses[3].test == ClauseTest::expression));
    BOOST_TEST(one.value(clauses[3]) == "\\.example\\.org$");
    BOOST_TEST((clauses[4].test == ClauseTest::present));
    BOOST_TEST(one.name(clauses[4]) == "X-Site");
    BOOST_TEST((clauses[5].letters == Letters::either_case));
    BOOST_TEST(one.value(clauses[5]) == "^a \\/b");
    BOOST_TEST(one.value(clauses[6]) == "it's me");
    BOOST_TEST(clauses[7].part == 3);
    BOOST_TEST(clauses[7].whole == 8);
    // Without methods: of every message.
    const auto any = pattern(" sample 1/10000");
    BOOST_TEST(any.matches(SipMethod::other, SipKind::response));
    BOOST_TEST(any.clauses().size() == 1U);
    BOOST_TEST(pattern("!REGISTER not from 10.0.0.1").clauses().size() == 1U);
}

BOOST_AUTO_TEST_CASE(canonical_text_is_read_again) {
    struct Case {
        const char* text;
        const char* canonical;
    };
    for (const Case& c : {Case{"bye | 2XX/invite|6xx", "BYE|2xx/INVITE|6xx"}, Case{"2xx/*", "2xx"},
                          Case{"!1xx|REGISTER|2xx/BYE", "!REGISTER|1xx|2xx/BYE"},
                          Case{"INVITE   from 10.0.0.1", "INVITE from 10.0.0.1/32"},
                          Case{"not  user=a\\b sample 1/2", "not user=a\\b sample 1/2"},
                          Case{"header A='x y' header B='q' header C='/z' header D=''",
                               "header A='x y' header B=q header C='/z' header D=''"},
                          Case{"host=/a b/i", "host=/a b/i"}, Case{"to 10.0.0.1,10.0.0.2 INVITE=", nullptr},
                          Case{"header A='\\\\ \\''", "header A='\\\\ \\''"}}) {
        if (c.canonical == nullptr) {
            BOOST_TEST(!RequestPattern::parse(c.text));
            continue;
        }
        BOOST_TEST(pattern(c.text).to_string() == c.canonical);
        BOOST_TEST((pattern(c.canonical) == pattern(c.text)));
        BOOST_TEST((pattern(c.text) != RequestPattern{}));
    }
}

BOOST_AUTO_TEST_CASE(bad_clauses_are_named) {
    const std::string long_value = "user=" + std::string(201, 'u');
    std::string nine;
    for (int i = 0; i < 9; ++i)
        nine += "header A ";
    std::string addresses = "from 10.0.0.1";
    for (int i = 0; i < 16; ++i)
        addresses += ",10.0.0.1";
    std::string texts;
    for (int i = 0; i < 4; ++i)
        texts += "user=" + std::string(190, 'u') + " ";
    struct Case {
        std::string text;
        const char* part;
    };
    const Case cases[]{
        {"INVITE form 10.0.0.0/8", "\"form\" is no clause"},
        {"INVITE from", "\"\" is not an address"},
        {"INVITE from 10.0.0.0/33", "\"10.0.0.0/33\""},
        {"INVITE from 10.0.0.1, 10.0.0.2", "\"\" is not an address"},
        {"INVITE from example.org", "\"example.org\""},
        {"from=10.0.0.1", "takes no"},
        {"user alice", "user=TEXT"},
        {"user", "user=TEXT"},
        {"user=", "missing"},
        {"host='a", "no end"},
        {"host='a'b", "no end"},
        {"host=/a", "no end"},
        {"host=/a\\/", "no end"},
        {"host=/a\\", "no end"},
        {"host=//", "empty"},
        {"host=/a/x", "either case"},
        {"header", "not the name"},
        {"header =x", "not the name"},
        {"header A:B", "\"A:B\""},
        {"header A=", "missing"},
        {"sample", "1/8"},
        {"sample 0/8", "\"0/8\""},
        {"sample 9/8", "\"9/8\""},
        {"sample 1/10001", "10000"},
        {"sample 1/", "\"1/\""},
        {"sample -1/8", "\"-1/8\""},
        {"sample 1/8x", "\"1/8x\""},
        {"sample 70000/80000", "70000"},
        {"not", "no clause"},
        {"not not from 10.0.0.1", "\"not\" is no clause"},
        {"7xx/INVITE", "\"7xx/INVITE\""},
        {"2xx/FOO", "\"FOO\""},
        {"2xx/", "\"\""},
        {long_value, "too long"},
        {nine, "too many clauses"},
        {addresses, "too many addresses"},
        {texts, "too much"},
        {std::string{"user='a\tb'"}, "control"},
        {std::string(3000, ' ') + std::string(3000, 'x'), "too long"},
    };
    for (const Case& c : cases) {
        const auto parsed = RequestPattern::parse(c.text);
        BOOST_TEST_CONTEXT(c.text.substr(0, 40)) {
            BOOST_REQUIRE(!parsed);
            BOOST_TEST(parsed.error().find(c.part) != std::string::npos, parsed.error());
            BOOST_TEST(parsed.error().size() < 400U);
        }
    }
}

/// Whatever is typed, nothing breaks, and what is taken is written so that it is taken again.
BOOST_AUTO_TEST_CASE(anything_may_be_typed) {
    const std::string_view parts[]{"INVITE", "|",   "!",     " ",    "2xx", "/",      "from",   "10.0.0.0/8",
                                   ",",      "not", "user=", "'",    "\\",  "header", "X",      "=",
                                   "sample", "1/8", "a",     "\x01", "to",  "::/0",   "host=/", "i"};
    std::uint32_t state = 1;
    const auto next = [&](std::size_t below) {
        state = state * 1664525U + 1013904223U;
        return (state >> 8U) % below;
    };
    unsigned taken = 0;
    for (int round = 0; round < 50'000; ++round) {
        std::string text;
        for (std::size_t i = 0, count = next(12); i < count; ++i) {
            text += parts[next(std::size(parts))];
            text += next(2) == 0 ? " " : "";
        }
        const auto parsed = RequestPattern::parse(text);
        if (!parsed)
            continue;
        ++taken;
        const auto again = RequestPattern::parse(parsed->to_string());
        BOOST_REQUIRE_MESSAGE(again, text << " -> " << parsed->to_string());
        BOOST_REQUIRE_MESSAGE(*again == *parsed, text << " -> " << parsed->to_string());
    }
    BOOST_TEST(taken > 500U);
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
