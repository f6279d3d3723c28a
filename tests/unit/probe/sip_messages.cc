// SPDX-License-Identifier: GPL-3.0-or-later
// What is written, and whose answer something is.
#include "control/probe/sip_reply.hh"
#include "control/probe/sip_request.hh"
#include "dataplane/wire/sip.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::probe;

namespace {

SipRequest options() {
    SipRequest request;
    request.method = "OPTIONS";
    request.uri = "sip:pbx.example.org";
    request.sent_by = "192.0.2.1:5070";
    request.branch = "z9hG4bKabc";
    request.from = "sip:tandem@192.0.2.1";
    request.from_tag = "ft";
    request.to = "sip:pbx.example.org";
    request.call_id = "cid";
    request.contact = "sip:tandem@192.0.2.1:5070";
    request.user_agent = "tandem";
    return request;
}

const SipMark mark{"z9hG4bKabc", "cid", "ft", 1, "OPTIONS"};

std::string response(const std::string& status, const std::string& branch = "z9hG4bKabc",
                     const std::string& cseq = "1 OPTIONS", const std::string& tag = "ft") {
    return "SIP/2.0 " + status + "\r\nVia: SIP/2.0/UDP 192.0.2.1:5070;rport=5070;branch=" + branch +
           "\r\nFrom: <sip:tandem@192.0.2.1>;tag=" + tag +
           "\r\nTo: <sip:pbx.example.org>;tag=x\r\nCall-ID: cid\r\nCSeq: " + cseq +
           "\r\nContent-Length: 0\r\n\r\n";
}

} // namespace

BOOST_AUTO_TEST_SUITE(sip_messages)

BOOST_AUTO_TEST_CASE(a_request_has_all_that_it_must) {
    const auto text = write_request(options());
    BOOST_REQUIRE(text);
    const auto read = wire::parse_sip(*text);
    BOOST_REQUIRE(read);
    BOOST_TEST(read->request_uri == "sip:pbx.example.org");
    BOOST_TEST(read->via.branch == "z9hG4bKabc");
    BOOST_TEST((read->via.rport == wire::SipRport::asked));
    BOOST_TEST(read->from.tag == "ft");
    BOOST_TEST(read->to.tag.empty());
    BOOST_TEST(read->max_forwards.value_or(0) == 70);
    BOOST_TEST(read->content_length.value_or(9) == 0U);
    BOOST_TEST(text->find("\r\nUser-Agent: tandem\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_value_can_make_a_header_field) {
    for (const auto member :
         {&SipRequest::uri, &SipRequest::sent_by, &SipRequest::from, &SipRequest::to, &SipRequest::to_tag,
          &SipRequest::call_id, &SipRequest::contact, &SipRequest::user_agent, &SipRequest::method})
        for (const std::string& evil :
             std::vector<std::string>{"x\r\nRoute: <sip:evil>", "x\ny", "x\ry", {"x\0y", 3}}) {
            SipRequest request = options();
            request.*member = evil;
            BOOST_TEST(!write_request(request));
        }
    SipRequest request = options();
    request.more = {{"Expires", "1\r\nX: y"}};
    BOOST_TEST(!write_request(request));
    request.more = {};
    request.routes = {"<sip:a>\r\nX: y"};
    BOOST_TEST(!write_request(request));
}

BOOST_AUTO_TEST_CASE(only_the_answer_to_the_question_counts) {
    BOOST_TEST(status_for(response("200 OK"), mark).value_or(0) == 200);
    BOOST_TEST(status_for(response("503 Nope"), mark).value_or(0) == 503);
    BOOST_TEST(!status_for(response("200 OK", "z9hG4bKother"), mark));
    BOOST_TEST(!status_for(response("200 OK", "z9hG4bKabc", "2 OPTIONS"), mark));
    BOOST_TEST(!status_for(response("200 OK", "z9hG4bKabc", "1 INVITE"), mark));
    BOOST_TEST(!status_for(response("200 OK", "z9hG4bKabc", "1 OPTIONS", "other"), mark));
    BOOST_TEST(!status_for(*write_request(options()), mark));
}

BOOST_AUTO_TEST_CASE(hostile_messages_are_nobodys) {
    const std::string good = response("200 OK");
    for (std::size_t i = 0; i + 4 < good.size(); ++i) // cut anywhere within the header section
        BOOST_TEST(!status_for(good.substr(0, i), mark));
    for (const char* const line : {"7000 OK", "0 OK", "20 OK", "-200 OK", "abc", "799 OK", "999 OK"})
        BOOST_TEST(!status_for(response(line), mark));
    BOOST_TEST(!status_for("", mark));
    BOOST_TEST(!status_for(std::string(70000, 'A'), mark));
    BOOST_TEST(!status_for(good + std::string(70000, 'A'), mark));
    BOOST_TEST(!status_for(std::string("SIP/2.0 200 OK\r\n") + std::string(60000, '\r'), mark));
    std::string twice = good;
    twice.insert(twice.find("Call-ID"), "Call-ID: cid\r\n"); // two are ambiguous
    BOOST_TEST(!status_for(twice, mark));
}

BOOST_AUTO_TEST_CASE(the_kernels_quotation_shows_whose_it_was) {
    BOOST_TEST(branch_of_quoted(*write_request(options())).value_or("") == "z9hG4bKabc");
    BOOST_TEST(!branch_of_quoted("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa")); // cut
    BOOST_TEST(!branch_of_quoted("garbage"));
    BOOST_TEST(!branch_of_quoted(";branch=" + std::string(500, 'x') + "\r\n"));
}

BOOST_AUTO_TEST_CASE(header_values_are_found_by_either_name_and_unfolded) {
    const std::string message =
        "SIP/2.0 200 OK\r\nv: one\r\nVIA : two\r\n  three\r\nX: y\r\n\r\nVia: body\r\n";
    const auto values = header_values(message, "Via", "v");
    BOOST_REQUIRE(values.size() == 2U);
    BOOST_TEST(values[0] == "one");
    BOOST_TEST(values[1] == "two three");
    std::string many = "SIP/2.0 200 OK\r\n";
    for (int i = 0; i < 1000; ++i)
        many += "Via: x\r\n";
    BOOST_TEST(header_values(many, "Via").size() == 16U);
}

BOOST_AUTO_TEST_CASE(a_response_takes_over_what_it_must) {
    const std::string request = *write_request(options());
    const auto text = write_response(request, {200, "OK", "mine", "sip:me@192.0.2.9", {}, {}});
    BOOST_REQUIRE(text);
    BOOST_TEST(status_for(*text, mark).value_or(0) == 200);
    BOOST_TEST(wire::parse_sip(*text)->to.tag == "mine");
    BOOST_TEST(!write_response("garbage", {}));
    BOOST_TEST(!write_response(*text, {}));
}

BOOST_AUTO_TEST_SUITE_END()
