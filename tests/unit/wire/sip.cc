// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip.hh"

#include "tests/unit/wire/sip_corpus.hh"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <set>
#include <string>
#include <utility>

namespace tandem::wire::test {
namespace {

/// A request with the fields that must be there, and `fields` behind them (each line with its end).
std::string request_with(const std::string& fields, const std::string& body = "") {
    return "REGISTER sip:example.net SIP/2.0\r\n"
           "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"
           "From: <sip:a@example.net>;tag=f\r\n"
           "To: <sip:a@example.net>\r\n"
           "Call-ID: c\r\n"
           "CSeq: 1 REGISTER\r\n" +
           fields + "\r\n" + body;
}

/// The same with one of the fields written in another way.
std::string request_replacing(const std::string& part, const std::string& with) {
    std::string text = request_with("");
    const auto at = text.find(part);
    BOOST_REQUIRE(at != std::string::npos);
    return text.replace(at, part.size(), with);
}

/// A message that is well-formed, with the text that its views point into.
class Parsed {
public:
    explicit Parsed(std::string text)
        : text_(std::make_unique<const std::string>(std::move(text))) {
        const auto message = parse_sip(*text_);
        BOOST_REQUIRE_MESSAGE(message, *text_ << " -> " << sentence(message.error()));
        message_ = *message;
    }
    const SipMessage* operator->() const { return &message_; }

private:
    std::unique_ptr<const std::string> text_;
    SipMessage message_;
};

Parsed parsed(std::string text) {
    return Parsed{std::move(text)};
}

Parsed own(const char* file) {
    return Parsed{contents(own_corpus() / "sip" / file)};
}

void check_error(const std::string& text, SipError error) {
    const auto message = parse_sip(text);
    BOOST_TEST_CONTEXT(text) {
        BOOST_TEST(!message.has_value());
        if (!message)
            BOOST_TEST(sentence(message.error()) == sentence(error));
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(sip)

BOOST_AUTO_TEST_CASE(start_lines) {
    struct Case {
        std::string text;
        SipContent content;
    };
    const Case cases[]{
        {"INVITE sip:a SIP/2.0", SipContent::request},
        {"INVITE sip:a sip/2.0\r\n", SipContent::request},
        {"INVITE\tsip:a\tSIP/2.0 \t\r\n", SipContent::request},
        {"\r\n\r\nINVITE sip:a SIP/2.0\r\n", SipContent::request},
        {"INVITE SIP/2.0\r\n", SipContent::request},
        {"INVITE sip:a SIP/22.10\r\n", SipContent::request},
        {"SIP/2.0 200 OK\r\n", SipContent::response},
        {"Sip/3.0 x", SipContent::response},
        {"SIP/2.0", SipContent::not_sip},
        {"SIP/2.0200 OK\r\n", SipContent::response},
        {"SIP/2. 200 OK\r\n", SipContent::not_sip},
        {"INVITE sip:a SIP/2.0x\r\n", SipContent::not_sip},
        {"INVITE sip:a XSIP/2.0\r\n", SipContent::not_sip},
        {"INVITE sip:a SIP/.0\r\n", SipContent::not_sip},
        {"IN(VITE sip:a SIP/2.0\r\n", SipContent::not_sip},
        {" INVITE sip:a SIP/2.0\r\n", SipContent::not_sip},
        {"INVITE sip:a\r\nSIP/2.0\r\n", SipContent::not_sip},
        {"NOTIFY * HTTP/1.1\r\n", SipContent::not_sip},
        {"jaK", SipContent::not_sip},
        {"", SipContent::keepalive},
        {"\r\n", SipContent::keepalive},
        {std::string{"\0", 1}, SipContent::keepalive},
        {"\r\n ", SipContent::not_sip},
    };
    for (const Case& c : cases)
        BOOST_TEST((classify_datagram(c.text) == c.content), c.text);
}

BOOST_AUTO_TEST_CASE(stun) {
    const std::string binding{"\x00\x01\x00\x00\x21\x12\xa4\x42"
                              "0123456789ab",
                              20};
    BOOST_TEST((classify_datagram(binding) == SipContent::keepalive));
    std::string indication = binding;
    indication[1] = 0x11;
    BOOST_TEST((classify_datagram(indication) == SipContent::keepalive));
    std::string no_cookie = binding;
    no_cookie[4] = 0;
    BOOST_TEST((classify_datagram(no_cookie) == SipContent::keepalive));
    no_cookie[1] = 3;
    BOOST_TEST((classify_datagram(no_cookie) == SipContent::not_sip));
    BOOST_TEST((classify_datagram(binding + "x") == SipContent::not_sip));
    BOOST_TEST((classify_datagram(binding.substr(0, 19)) == SipContent::not_sip));
    std::string high_bits = binding;
    high_bits[0] = static_cast<char>(0x80);
    BOOST_TEST((classify_datagram(high_bits) == SipContent::not_sip));
}

BOOST_AUTO_TEST_CASE(a_register_in_full) {
    const Parsed message = own("register-two-contacts-one-field.sip");
    BOOST_TEST((message->kind == SipKind::request));
    BOOST_TEST((message->method == SipMethod::register_));
    BOOST_TEST(message->request_uri == "sip:vip.example.net");
    BOOST_TEST(message->from.uri == "sip:ann@example.net");
    BOOST_TEST(message->from.tag == "a1");
    BOOST_TEST(message->to.tag == "");
    BOOST_TEST(message->call_id == "c1@198.51.100.7");
    BOOST_TEST(message->cseq == 7U);
    BOOST_TEST(message->max_forwards.value() == 70);
    BOOST_TEST(message->contacts.count == 3U);
    BOOST_TEST(!message->contacts.wildcard);
    BOOST_TEST(message->contacts.kept[0].uri == "sip:ann@198.51.100.7:5062");
    BOOST_TEST(message->contacts.kept[0].expires.value() == 60U);
    BOOST_TEST(!message->expires.has_value());
    BOOST_TEST(message->content_length.value() == 0U);
    BOOST_TEST(message->via.transport == "UDP");
    BOOST_TEST(message->via.host == "198.51.100.7");
    BOOST_TEST(message->via.port.value() == 5062);
    BOOST_TEST(message->via.branch == "z9hG4bK-tdm-c1");
    BOOST_TEST((message->via.rport == SipRport::asked));
}

BOOST_AUTO_TEST_CASE(wildcard_contact) {
    const Parsed message = own("register-wildcard-contact.sip");
    BOOST_TEST(message->contacts.wildcard);
    BOOST_TEST(message->contacts.count == 1U);
    BOOST_TEST(message->expires.value() == 0U);
}

BOOST_AUTO_TEST_CASE(folded_lines_and_blanks) {
    const Parsed message = own("options-folded-everywhere.sip");
    BOOST_TEST(message->via.transport == "UDP");
    BOOST_TEST(message->via.host == "198.51.100.7");
    BOOST_TEST(message->via.port.value() == 5062);
    BOOST_TEST(message->via.branch == "z9hG4bKtdmf");
    BOOST_TEST(message->from.tag == "folded");
    BOOST_TEST(message->to.uri == "sip:bob@example.net");
    BOOST_TEST(message->call_id == "fold@198.51.100.7");
    BOOST_TEST(message->cseq == 9U);
    BOOST_TEST(message->max_forwards.value() == 70);
}

BOOST_AUTO_TEST_CASE(compact_names) {
    const Parsed message = own("invite-all-compact-names.sip");
    BOOST_TEST(message->call_id == "compact@198.51.100.7");
    BOOST_TEST(message->contacts.kept[0].uri == "sip:ann@198.51.100.7");
    BOOST_TEST(message->content_length.value() == 0U);
    BOOST_TEST(message->via.branch == "z9hG4bKtdmc");
}

BOOST_AUTO_TEST_CASE(any_case_and_order) {
    const Parsed message = own("invite-odd-case-and-order.sip");
    BOOST_TEST(message->call_id == "order@198.51.100.7");
    BOOST_TEST(message->from.uri == "sip:ann@example.net");
    BOOST_TEST(message->from.tag == "upper");
    BOOST_TEST(message->via.branch == "z9hG4bKtdmo");
}

BOOST_AUTO_TEST_CASE(topmost_via_of_several) {
    const Parsed message = own("subscribe-several-vias-one-field.sip");
    BOOST_TEST(message->via.transport == "TLS");
    BOOST_TEST(message->via.host == "[2001:db8::7]");
    BOOST_TEST(message->via.port.value() == 5061);
    BOOST_TEST(message->via.branch == "z9hG4bKtop");
    BOOST_TEST(message->via.received == "2001:db8::9");
    BOOST_TEST(message->expires.value() == 0xffffffffU);
}

BOOST_AUTO_TEST_CASE(routes_and_quoted_names) {
    const Parsed message = own("bye-with-routes.sip");
    BOOST_TEST(message->routes.count == 2U);
    BOOST_TEST(message->record_routes.count == 1U);
    BOOST_TEST(message->to.uri == "sip:bob@example.net");
    BOOST_TEST(message->to.tag == "b1");
}

BOOST_AUTO_TEST_CASE(responses) {
    const Parsed ok = own("response-200-register.sip");
    BOOST_TEST((ok->kind == SipKind::response));
    BOOST_TEST((ok->method == SipMethod::register_));
    BOOST_TEST(ok->status == 200);
    BOOST_TEST(ok->reason == "OK");
    BOOST_TEST((ok->via.rport == SipRport::filled));
    BOOST_TEST(ok->via.rport_value == 5062);
    BOOST_TEST(ok->via.received == "198.51.100.9");
    const Parsed bare = own("response-no-reason.sip");
    BOOST_TEST(bare->status == 180);
    BOOST_TEST(bare->reason == "");
}

BOOST_AUTO_TEST_CASE(bodies) {
    BOOST_TEST(parsed(request_with("", "all of it"))->body == "all of it");
    BOOST_TEST(parsed(request_with("l: 3\r\n", "all of it"))->body == "all");
    BOOST_TEST(parsed(request_with("Content-Length: 0\r\n", "all of it"))->body == "");
    check_error(request_with("Content-Length: 10\r\n", "all of it"), SipError::body_truncated);
    check_error(request_with("Content-Length: 4294967296\r\n"), SipError::content_length_malformed);
    check_error(request_with("Content-Length: \r\n"), SipError::content_length_malformed);
    check_error(request_with("Content-Length: 0\r\nl: 0\r\n"), SipError::repeated_header);
}

BOOST_AUTO_TEST_CASE(every_field_that_must_be_there) {
    check_error(request_replacing("Via:", "X:"), SipError::via_missing);
    check_error(request_replacing("From:", "X:"), SipError::from_missing);
    check_error(request_replacing("To:", "X:"), SipError::to_missing);
    check_error(request_replacing("Call-ID:", "X:"), SipError::call_id_missing);
    check_error(request_replacing("CSeq:", "X:"), SipError::cseq_missing);
}

BOOST_AUTO_TEST_CASE(malformed_fields) {
    struct Case {
        std::string part;
        std::string with;
        SipError error;
    };
    const Case cases[]{
        {"REGISTER sip:example.net SIP/2.0", "REGISTER sip:example.net SIP/3.0", SipError::version},
        {"REGISTER sip:example.net", "REGISTER sip:exa\x01mple", SipError::request_uri},
        {"REGISTER sip:example.net", "REGISTER", SipError::start_line},
        {"REGISTER sip:example.net", "REGISTER\tsip:example.net", SipError::start_line},
        {"Via: SIP/2.0/UDP", "Via: SIP/2.0", SipError::via_malformed},
        {"192.0.2.1;branch", ":5060;branch", SipError::via_malformed},
        {"192.0.2.1;branch", "192.0.2.1:65536;branch", SipError::via_malformed},
        {"192.0.2.1;branch", "[2001:db8::1;branch", SipError::via_malformed},
        {"branch=z9hG4bKx", "branch=", SipError::via_malformed},
        {"branch=z9hG4bKx", "rport=x", SipError::via_malformed},
        {"branch=z9hG4bKx", "x=\"y", SipError::via_malformed},
        {"From: <sip:a@example.net>;tag=f", "From: ", SipError::from_malformed},
        {"From: <sip:a@example.net>;tag=f", "From: <>;tag=f", SipError::from_malformed},
        {"From: <sip:a@example.net>;tag=f", "From: <sip:a> tag=f", SipError::from_malformed},
        {"From: <sip:a@example.net>;tag=f", "From: sip:a b;tag=f", SipError::from_malformed},
        {"Call-ID: c", "Call-ID:", SipError::call_id_malformed},
        {"Call-ID: c", "Call-ID: c d", SipError::call_id_malformed},
        {"CSeq: 1 REGISTER", "CSeq: 1REGISTER", SipError::cseq_malformed},
        {"CSeq: 1 REGISTER", "CSeq: REGISTER", SipError::cseq_malformed},
        {"CSeq: 1 REGISTER", "CSeq: 1", SipError::cseq_malformed},
        {"CSeq: 1 REGISTER", "CSeq: 1 REGISTER x", SipError::cseq_malformed},
        {"CSeq: 1 REGISTER", "CSeq: -1 REGISTER", SipError::cseq_malformed},
        {"CSeq: 1 REGISTER", "CSeq: 1 register", SipError::cseq_mismatch},
        {"CSeq: 1 REGISTER", "CSeq: 1 REGISTER\r\nCSeq: 1 REGISTER", SipError::repeated_header},
        {"CSeq: 1 REGISTER", "CSeq: 1 REGISTER\r\nMax-Forwards: 256", SipError::max_forwards_malformed},
        {"CSeq: 1 REGISTER", "CSeq: 1 REGISTER\r\nContact:", SipError::contact_malformed},
        {"CSeq: 1 REGISTER", "CSeq: 1 REGISTER\r\nm: *\r\nm: *", SipError::contact_malformed},
        {"CSeq: 1 REGISTER", "CSeq: 1 REGISTER\r\nm: <sip:a>;", SipError::contact_malformed},
        {"CSeq: 1 REGISTER", "CSeq: 1 REGISTER\r\nna me: x", SipError::header_line},
        {"CSeq: 1 REGISTER", "CSeq: 1 REGISTER\r\n: x", SipError::header_line},
    };
    for (const Case& c : cases)
        check_error(request_replacing(c.part, c.with), c.error);
}

BOOST_AUTO_TEST_CASE(odd_but_legal_fields) {
    BOOST_TEST(parsed(request_replacing(";tag=f", ";tag"))->from.tag == "");
    BOOST_TEST(parsed(request_replacing(";tag=f", ";x=\"tag=no;\";TAG = f;tag=g"))->from.tag == "f");
    BOOST_TEST(
        parsed(request_replacing("<sip:a@example.net>;tag=f", "sip:a@example.net ; tag=f"))->from.uri ==
        "sip:a@example.net");
    BOOST_TEST(parsed(request_replacing("From: <", "From: \"<\\\"\" <"))->from.uri == "sip:a@example.net");
    BOOST_TEST(parsed(request_replacing("192.0.2.1;", "[2001:db8::1] : 5 ;"))->via.host == "[2001:db8::1]");
    BOOST_TEST(parsed(request_replacing("branch=z9hG4bKx", "hidden;branch=b;branch=c"))->via.branch == "b");
}

BOOST_AUTO_TEST_CASE(numbers_at_their_limits) {
    BOOST_TEST(parsed(request_replacing("CSeq: 1 ", "CSeq: 2147483647 "))->cseq == 2147483647U);
    check_error(request_replacing("CSeq: 1 ", "CSeq: 2147483648 "), SipError::cseq_malformed);
    BOOST_TEST(parsed(request_with("Expires: 4294967295\r\n"))->expires.value() == 4294967295U);
    BOOST_TEST(parsed(request_with("Expires: 4294967296\r\n"))->expires.value() == 4294967295U);
    BOOST_TEST(!parsed(request_with("Expires: 1.5\r\n"))->expires.has_value());
    BOOST_TEST(parsed(request_with("Max-Forwards: 255\r\n"))->max_forwards.value() == 255);
    BOOST_TEST(parsed(request_replacing("192.0.2.1;", "192.0.2.1:65535;"))->via.port.value() == 65535);
}

BOOST_AUTO_TEST_CASE(header_fields_without_end_are_bounded) {
    std::string fields;
    // Five fields are there already.
    for (std::size_t i = 5; i < sip_headers_max; ++i)
        fields += "X: y\r\n";
    parsed(request_with(fields));
    check_error(request_with(fields + "X: y\r\n"), SipError::too_many_headers);

    std::string response = "SIP/2.0 200 OK\r\n";
    for (std::size_t i = 0; i < sip_headers_max; ++i)
        response += "X: y\r\n";
    response += "CSeq: 1 BYE\r\n\r\n";
    const auto summary = summarize(response);
    BOOST_REQUIRE(!summary);
    BOOST_TEST((summary.error() == SipError::too_many_headers));
}

BOOST_AUTO_TEST_CASE(too_long) {
    const std::string text = request_with("", std::string(sip_octets_max, 'x'));
    check_error(text, SipError::too_long);
    BOOST_TEST((classify_datagram(text) == SipContent::not_sip));
    BOOST_TEST(!summarize(text).has_value());
}

BOOST_AUTO_TEST_CASE(a_cseq_among_its_likes) {
    const auto summary = summarize("SIP/2.0 200 OK\r\nX: CSeq: 1 BYE\r\n CSeq: 2 ACK\r\nCSeqX: 3 INFO\r\n"
                                   "C: text/plain\r\nCSEQ:\r\n\t4\r\n PUBLISH\r\n\r\n");
    BOOST_REQUIRE(summary);
    BOOST_TEST((summary->method == SipMethod::publish));
    BOOST_TEST((summary->kind == SipKind::response));
    // One in the body is none.
    const auto none = summarize("SIP/2.0 200 OK\r\nX: y\r\n\r\nCSeq: 1 BYE\r\n\r\n");
    BOOST_REQUIRE(!none);
    BOOST_TEST((none.error() == SipError::cseq_missing));
}

BOOST_AUTO_TEST_CASE(every_error_has_its_own_sentence) {
    std::set<std::string> sentences;
    for (std::size_t i = 0; i < sip_errors; ++i)
        sentences.emplace(sentence(static_cast<SipError>(i)));
    BOOST_TEST(sentences.size() == sip_errors);
    BOOST_TEST(!sentences.contains("unknown"));
    BOOST_TEST(sentence(static_cast<SipError>(sip_errors)) == "unknown");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
