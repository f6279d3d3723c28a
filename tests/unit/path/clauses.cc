// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/clauses.hh"

#include "dataplane/match/matcher.hh"
#include "tests/unit/path/sip_packets.hh"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

namespace tandem::path {
namespace {

using namespace sip_packets;

std::string invite(const std::string& uri, const std::string& more = {}, const std::string& call_id = "1@x") {
    return "INVITE " + uri +
           " SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.0.7;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n" +
           "To: <sip:bob@x>\r\nCall-ID: " + call_id + "\r\nCSeq: 1 INVITE\r\n" + more +
           "Content-Length: 0\r\n\r\n";
}

std::string response(int status, const std::string& method) {
    return "SIP/2.0 " + std::to_string(status) +
           " x\r\nVia: SIP/2.0/UDP 10.9.0.7;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: "
           "<sip:bob@x>;tag=2\r\n"
           "Call-ID: 1@x\r\nCSeq: 1 " +
           method + "\r\nContent-Length: 0\r\n\r\n";
}

/// Does a pattern match a packet with this payload? From 10.9.0.7 or fd00::7.
struct Fixture {
    bool match(const std::string& pattern, const std::string& payload, std::string_view to = "10.9.0.100") {
        const auto text = std::make_unique<contract::Policy>(sip_packets::policy(pattern));
        matcher.adopt(*text);
        const Inspection found = inspect(udp(payload, to), *text, &matcher);
        BOOST_REQUIRE((found.kind == Kind::sip_matching || found.kind == Kind::sip_other));
        return found.kind == Kind::sip_matching;
    }
    match::Matcher matcher;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(clauses, Fixture)

BOOST_AUTO_TEST_CASE(source_and_vip) {
    const std::string message = invite("sip:bob@x");
    BOOST_TEST(match("INVITE from 10.0.0.0/8", message));
    BOOST_TEST(!match("INVITE from 10.9.0.8", message));
    BOOST_TEST(match("INVITE from 192.0.2.0/24,10.9.0.7", message));
    BOOST_TEST(!match("INVITE not from 10.0.0.0/8", message));
    BOOST_TEST(!match("BYE from 10.0.0.0/8", message));
    BOOST_TEST(match("from fd00::/16 to fd00::100", message, "fd00::100"));
    BOOST_TEST(!match("from ::/0", message));
    BOOST_TEST(match("to 10.9.0.100", message));
    BOOST_TEST(!match("not to 10.9.0.100", message));
    // Addresses are known also of what cannot be read as a whole.
    BOOST_TEST(match("INVITE from 10.0.0.0/8", "INVITE sip:bob@x SIP/2.0\r\n\r\n"));
    BOOST_TEST(!match("INVITE from 10.0.0.0/8 not header X", "INVITE sip:bob@x SIP/2.0\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(user_and_host) {
    const std::string message = invite("sip:+4930;x=1:secret@Example.ORG:5070;transport=udp?a=b");
    BOOST_TEST(match("user=+4930;x=1", message));
    BOOST_TEST(!match("user=+4931", message));
    BOOST_TEST(match("host=example.org", message));
    BOOST_TEST(!match("user=BOB", invite("sip:bob@x"))); // users have their case
    BOOST_TEST(match("user=/^\\+49/ host=/\\.org$/i", message));
    BOOST_TEST(!match("host=/\\.org$/", message));
    BOOST_TEST(match("not user=/^00/", message));
    BOOST_TEST(match("host=2001:db8::1", invite("sip:[2001:db8::1]:5060")));
    BOOST_TEST(match("user=+1-201", invite("tel:+1-201;phone-context=x")));
    BOOST_TEST(match("user=/^$/", invite("sip:x")));
    BOOST_TEST(!match("user=/./", response(200, "INVITE"))); // no Request-URI
}

BOOST_AUTO_TEST_CASE(parts_of_odd_uris) {
    for (const char* uri :
         {"", ":", "sip:", "sip:@", "sip:[", "sip:[]", "sip:[:5060", "tel:", "x", "sip:a@[b"}) {
        const auto parts = uri_parts(uri);
        BOOST_TEST(parts.user.size() + parts.host.size() < 6U, uri);
    }
}

BOOST_AUTO_TEST_CASE(header_fields) {
    const std::string message =
        invite("sip:bob@x", "X-Site: north\r\nUser-Agent:  Phone\r\n  One/1.0 \r\ns: lunch\r\n"
                            "X-List: a\r\nX-List: b\r\nX-Empty:\r\n");
    BOOST_TEST(match("header X-Site", message));
    BOOST_TEST(match("header x-site", message));
    BOOST_TEST(!match("header X-Sit", message));
    BOOST_TEST(match("not header X-Other", message));
    BOOST_TEST(match("header X-Site=NORTH", message));
    BOOST_TEST(!match("header X-Site=south", message));
    BOOST_TEST(match("header User-Agent='Phone One/1.0'", message));
    BOOST_TEST(match("header User-Agent=/^Phone One/", message));
    BOOST_TEST(!match("header User-Agent=/^phone one/", message));
    BOOST_TEST(match("header Subject=lunch", message));
    BOOST_TEST(match("header s=lunch", message));
    BOOST_TEST(match("header v=/branch/", message));
    BOOST_TEST(match("header X-List=b", message));
    BOOST_TEST(!match("not header X-List=b", message));
    BOOST_TEST(match("header X-Empty", message));
    BOOST_TEST(match("header X-Empty=''", message));
    BOOST_TEST(match("INVITE header X-Site user=bob from 10.9.0.7", message));
    BOOST_TEST(!match("INVITE header X-Site user=eve from 10.9.0.7", message));
    // Not in the body, not in the start line.
    std::string with_body = message;
    with_body.replace(with_body.find("Content-Length: 0"), 17, "Content-Length: 9");
    BOOST_TEST(!match("header X-Body", with_body + "X-Body: a"));
    BOOST_TEST(match("header X-Site", "\r\n\r\n" + message));
}

BOOST_AUTO_TEST_CASE(a_long_folded_value_is_bounded) {
    std::string value = "begin";
    for (int i = 0; i < 500; ++i)
        value += "\r\n 0123456789";
    const std::string message = invite("sip:bob@x", "X-Long: " + value + " end\r\n");
    BOOST_TEST(match("header X-Long=/^begin 0123/", message));
    BOOST_TEST(!match("header X-Long=/end$/", message)); // beyond what is looked at
    BOOST_TEST(
        match("header X-Long=/x$/", invite("sip:bob@x", "X-Long: " + std::string(9000, 'y') + "x\r\n")));
}

BOOST_AUTO_TEST_CASE(responses_by_class) {
    BOOST_TEST(match("2xx/INVITE", response(200, "INVITE")));
    BOOST_TEST(!match("2xx/INVITE", response(180, "INVITE")));
    BOOST_TEST(!match("2xx/INVITE", response(200, "BYE")));
    BOOST_TEST(!match("2xx/INVITE", invite("sip:bob@x")));
    BOOST_TEST(match("INVITE|2xx/INVITE", invite("sip:bob@x")));
    BOOST_TEST(match("!1xx", response(200, "INVITE")));
    BOOST_TEST(!match("!1xx", response(100, "INVITE")));
    BOOST_TEST(match("!1xx", invite("sip:bob@x")));
    BOOST_TEST(!match("2xx not from 10.0.0.0/8", response(200, "BYE")));
}

BOOST_AUTO_TEST_CASE(samples_are_of_whole_calls) {
    int sampled = 0;
    for (int i = 0; i < 2000; ++i) {
        const std::string id = "call-" + std::to_string(i) + "@x";
        const bool one = match("sample 1/8", invite("sip:bob@x", "", id));
        sampled += one ? 1 : 0;
        if (i % 100 == 0) {
            std::string bye = invite("sip:bob@x", "", id);
            bye.replace(0, 6, "BYE");
            bye.replace(bye.find("1 INVITE"), 8, "2 BYE");
            BOOST_TEST(match("sample 1/8", bye) == one);
            BOOST_TEST(match("not sample 1/8", bye) != one);
            BOOST_TEST(match("sample 8/8", bye));
        }
    }
    BOOST_TEST(sampled > 200);
    BOOST_TEST(sampled < 300);
}

BOOST_AUTO_TEST_CASE(without_a_matcher_expressions_count_as_fulfilled) {
    const auto wanted = std::make_unique<contract::Policy>(sip_packets::policy("INVITE user=/x/"));
    BOOST_TEST((inspect(udp(invite("sip:bob@x")), *wanted, nullptr).kind == Kind::sip_matching));
    BOOST_TEST((inspect(udp(invite("sip:bob@x")), *wanted).kind == Kind::sip_matching)); // the mask alone
}

BOOST_AUTO_TEST_CASE(other_kinds_stay_what_they_are) {
    const auto wanted = std::make_unique<contract::Policy>(sip_packets::policy("sample 1/10000"));
    BOOST_TEST((inspect(udp("\r\n\r\n"), *wanted, &matcher).kind == Kind::keepalive));
    BOOST_TEST((inspect(udp("x"), *wanted, &matcher).kind == Kind::sip_malformed));
    BOOST_TEST((inspect(udp(invite("sip:x"), "10.9.0.99"), *wanted, &matcher).kind == Kind::not_vip));
    BOOST_TEST((inspect({}, *wanted, &matcher).kind == Kind::unreadable));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::path
