// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/question.hh"

#include "dataplane/wire/sip.hh"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace tandem;
using watch::Question;

namespace {

constexpr std::uint64_t token = 0x0123456789abcdefU;

wire::IpAddress address(const char* text) {
    return wire::IpAddress::parse(text).value();
}

Question question4(std::uint64_t own_token = token) {
    return {address("192.0.2.1"), 40001, address("192.0.2.100"), 5060, own_token};
}

/// What a server answers: the fields that it has to copy (RFC 3261 section 8.2.6).
std::string answer_to(std::string_view request, const std::string& first_line = "SIP/2.0 200 OK") {
    const auto message = wire::parse_sip(request);
    BOOST_REQUIRE(message.has_value());
    return first_line + "\r\nVia: SIP/2.0/UDP 192.0.2.1:40001;branch=" + std::string(message->via.branch) +
           "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: " + std::string(message->call_id) +
           "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
}

} // namespace

BOOST_AUTO_TEST_SUITE(question)

BOOST_AUTO_TEST_CASE(is_a_request_that_a_strict_parser_accepts) {
    auto question = question4();
    const auto message = wire::parse_sip(question.next());
    BOOST_REQUIRE(message.has_value());
    BOOST_CHECK(message->kind == wire::SipKind::request);
    BOOST_CHECK(message->method == wire::SipMethod::options);
    BOOST_CHECK_EQUAL(message->request_uri, "sip:192.0.2.100");
    BOOST_CHECK_EQUAL(message->via.host, "192.0.2.1");
    BOOST_CHECK_EQUAL(message->via.port.value(), 40001);
    BOOST_CHECK(message->via.rport == wire::SipRport::asked);
    BOOST_CHECK_EQUAL(message->via.branch, "z9hG4bK0123456789abcdef00000001"); // RFC 3261 section 8.1.1.7
    BOOST_CHECK_EQUAL(message->call_id, "0123456789abcdef00000001");
    BOOST_CHECK_EQUAL(message->max_forwards.value(), 70);
    BOOST_CHECK_EQUAL(message->content_length.value(), 0U);
    BOOST_CHECK(!message->from.tag.empty());
    BOOST_CHECK(message->to.tag.empty());
}

BOOST_AUTO_TEST_CASE(ipv6_and_another_port) {
    Question question(address("2001:db8:ffff:ffff:ffff:ffff:ffff:1"), 65535,
                      address("2001:db8:ffff:ffff:ffff:ffff:ffff:100"), 50600, ~0ULL);
    const auto message = wire::parse_sip(question.next());
    BOOST_REQUIRE(message.has_value());
    BOOST_CHECK_EQUAL(message->request_uri, "sip:[2001:db8:ffff:ffff:ffff:ffff:ffff:100]:50600");
    BOOST_CHECK_EQUAL(message->via.host, "[2001:db8:ffff:ffff:ffff:ffff:ffff:1]");
}

BOOST_AUTO_TEST_CASE(every_question_is_a_new_transaction) {
    auto question = question4();
    const std::string first{question.next()};
    const std::string second{question.next()};
    BOOST_CHECK_NE(first, second);
    BOOST_CHECK_EQUAL(first.size(), second.size());
    BOOST_CHECK_NE(wire::parse_sip(first)->via.branch, wire::parse_sip(second)->via.branch);
    BOOST_CHECK_NE(wire::parse_sip(first)->call_id, wire::parse_sip(second)->call_id);
}

BOOST_AUTO_TEST_CASE(an_answer_is_known_by_its_number) {
    auto question = question4();
    const std::string first = answer_to(question.next());
    const std::string second = answer_to(question.next(), "SIP/2.0 404 Not Found");
    BOOST_CHECK(question.answered_by(first) == 1U);
    BOOST_CHECK(question.answered_by(second) == 2U); // any response proves a server
    BOOST_CHECK_EQUAL(question.number(), 2U);
}

BOOST_AUTO_TEST_CASE(hostile_answers_are_none) {
    auto question = question4();
    const std::string request{question.next()};
    const std::string good = answer_to(request);
    BOOST_REQUIRE(question.answered_by(good).has_value());
    BOOST_CHECK(!question.answered_by(request)); // our own question, sent back
    BOOST_CHECK(!question.answered_by(answer_to(question4(token + 1).next())));
    BOOST_CHECK(!question.answered_by(""));
    BOOST_CHECK(!question.answered_by("\r\n\r\n"));
    BOOST_CHECK(!question.answered_by("HTTP/1.1 200 OK\r\n\r\n"));
    BOOST_CHECK(!question.answered_by(std::string(3000, 'x')));
    BOOST_CHECK(!question.answered_by(std::string(64, '\0')));
    // A question that has not been asked, none at all, a number that is none, a longer or shorter id.
    const auto with_id = [&](const std::string& id) {
        std::string text = good;
        const std::string old = "Call-ID: 0123456789abcdef00000001";
        text.replace(text.find(old), old.size(), "Call-ID: " + id);
        return text;
    };
    BOOST_CHECK(question.answered_by(with_id("0123456789abcdef00000001")));
    for (const auto* id : {"0123456789abcdef00000002", "0123456789abcdef00000000", "0123456789abcdef0000000g",
                           "0123456789abcdef-0000001", "0123456789abcdef000000011", "0123456789abcdef",
                           "0123456789abcdef0000001", "1", "0123456789ABCDEF00000001"})
        BOOST_CHECK_MESSAGE(!question.answered_by(with_id(id)), id);
}

BOOST_AUTO_TEST_CASE(no_truncated_answer_counts_and_none_is_read_beyond_its_end) {
    auto question = question4();
    const std::string good = answer_to(question.next());
    for (std::size_t length = 0; length < good.size(); ++length) {
        const std::string part = good.substr(0, length); // its own buffer, for the sanitizers
        BOOST_CHECK_MESSAGE(!question.answered_by(part), length);
    }
}

BOOST_AUTO_TEST_CASE(nothing_answers_before_the_first_question) {
    auto other = question4();
    const std::string answer = answer_to(other.next());
    BOOST_CHECK(!question4().answered_by(answer));
}

BOOST_AUTO_TEST_SUITE_END()
