// SPDX-License-Identifier: GPL-3.0-or-later
// One connection from octets to octets: what is answered, what reaches the brain, what ends the connection.
#include "bench.hh"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::https;
namespace json = boost::json;

namespace {

/// Refused with this status, nothing asked of the brain, and the connection is over.
void ends_with(unsigned status, std::string_view octets) {
    Bench bench;
    const auto seen = bench.ask(octets);
    BOOST_TEST_CONTEXT(octets.substr(0, 120)) {
        BOOST_REQUIRE(seen.size() == 1U);
        BOOST_TEST(seen[0].status == status);
        BOOST_TEST(seen[0].has("Connection: close"));
        BOOST_TEST(seen[0].has("application/problem+json"));
        BOOST_TEST(!bench.open());
        BOOST_TEST(bench.calls.empty());
    }
}

std::string get(std::string_view target, std::string_view more = {}) {
    return request("GET", target, with_token(reader_token) + std::string{more});
}

std::string chunked(std::string_view framed) {
    return "POST /v1/groups/sip/failover HTTP/1.1\r\nHost: n\r\n" + with_token(actor_token) +
           "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string{framed};
}

} // namespace

BOOST_AUTO_TEST_SUITE(conversation)

BOOST_AUTO_TEST_CASE(a_question_reaches_the_brain_with_the_callers_name) {
    Bench bench;
    const auto seen = bench.ask(get("/v1/events?since=17&group=sip"));
    BOOST_REQUIRE(seen.size() == 1U);
    BOOST_TEST(seen[0].status == 200U);
    BOOST_TEST(seen[0].document().at("fine").as_bool());
    BOOST_REQUIRE(bench.calls.size() == 1U);
    BOOST_TEST(bench.calls[0].method == "events");
    BOOST_TEST(bench.calls[0].caller == "reader");
    BOOST_TEST(json::serialize(bench.calls[0].params) == R"({"since":17,"group":"sip"})");
    BOOST_TEST(bench.open());
}

BOOST_AUTO_TEST_CASE(one_octet_at_a_time_and_all_at_once_are_the_same) {
    const std::string octets =
        request("POST", "/v1/groups/sip/failover", with_token(actor_token), R"({"force":true})") +
        get("/v1/status");
    Bench whole;
    const std::string answer = whole.send(octets);
    Bench slow;
    std::string pieces;
    for (const char c : octets)
        pieces += slow.send({&c, 1});
    BOOST_TEST(pieces == answer);
    BOOST_TEST(read_answers(answer).size() == 2U);
    BOOST_REQUIRE(slow.calls.size() == 2U);
    BOOST_TEST(json::serialize(slow.calls[0].params) == R"({"group":"sip","force":true})");
}

BOOST_AUTO_TEST_CASE(shapes_of_smuggling_end_the_connection) {
    const std::string token = with_token(actor_token);
    const std::string begin =
        "POST /v1/groups/sip/failover HTTP/1.1\r\nHost: n\r\n" + token + "Content-Type: application/json\r\n";
    for (const char* lines : {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
                              "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
                              "Content-Length: 2\r\nContent-Length: 2\r\n",
                              "Content-Length: 2\r\nContent-Length: 3\r\n",
                              "Content-Length: +2\r\n",
                              "Content-Length: 2, 2\r\n",
                              "Content-Length: -1\r\n",
                              "Content-Length:\r\n",
                              "Content-Length: 0x2\r\n",
                              "Content-Length: 99999999999999999999\r\n",
                              "Transfer-Encoding: gzip, chunked\r\n",
                              "Transfer-Encoding: chunked, identity\r\n",
                              "Transfer-Encoding: xchunked\r\n",
                              "Transfer-Encoding : chunked\r\n",
                              "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                              " Content-Length: 2\r\n",
                              "Content-Length : 2\r\n",
                              "Content-Length: 2\nX: y\r\n",
                              "X: a\r\n\tContent-Length: 2\r\n",
                              "X: a\rContent-Length: 2\r\n",
                              "Host: other\r\n",
                              "Bad Name: x\r\n",
                              "no colon\r\n",
                              ": empty\r\n",
                              "X: \x01\r\n",
                              "X: \x7f\r\n",
                              "X: \xc3\xa4\r\n"})
        ends_with(400, begin + lines + "\r\n{}");
    ends_with(400, begin + std::string("X: a\0b\r\n", 8) + "\r\n");
    ends_with(400,
              "POST /v1/groups/sip/failover HTTP/1.0\r\n" + token + "Transfer-Encoding: chunked\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(first_lines_that_are_none) {
    for (const char* line : {"GET /v1/status", "GET  /v1/status HTTP/1.1", "GET /v1/status  HTTP/1.1",
                             "GET /a b HTTP/1.1", " GET /v1/status HTTP/1.1", "G\tT /v1/status HTTP/1.1",
                             "GET /v1/status\tHTTP/1.1", "GET /\x80 HTTP/1.1", "GET /v1/status http/1.1",
                             "GET /v1/status HTTP/1.1 ", "\x16\x03\x01\x02", "/v1/status HTTP/1.1"})
        ends_with(400, std::string{line} + "\r\nHost: n\r\n\r\n");
    ends_with(505, "GET /v1/status HTTP/2.0\r\nHost: n\r\n\r\n");
    ends_with(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    ends_with(400, "GET /v1/status HTTP/1.1\r\n\r\n"); // no Host
    ends_with(400, std::string{"GET /\0 HTTP/1.1\r\nHost: n\r\n\r\n", 28});
}

BOOST_AUTO_TEST_CASE(targets_that_are_refused_leave_the_connection_alone) {
    for (const char* target : {"/v1/../status",
                               "/v1/%2e%2e/status",
                               "/v1/%2E/status",
                               "//v1/status",
                               "/v1//status",
                               "/v1/status/",
                               "/v1%2fstatus",
                               "/v1/status%00",
                               "/v1/status%0d%0a",
                               "/v1/stat%",
                               "/v1/stat%4",
                               "/v1/stat%zz",
                               "/v1/stat\\us",
                               "*",
                               "http://n/v1/status",
                               "https:///v1/status",
                               "https://u@n/v1/status",
                               "/v1/status#x",
                               "/v1/status;a=b",
                               "/v1/events?since",
                               "/v1/events?since=1&since=2",
                               "/v1/events?=1",
                               "/v1/events?since=1&",
                               "/v1/events?since=-1",
                               "/v1/events?since=1x",
                               "/v1/events?since=99999999999999999999",
                               "/v1/events?since=",
                               "/v1/events?other=1",
                               "/v1/events?group=%00"}) {
        Bench bench;
        const auto seen = bench.ask(get(target));
        BOOST_TEST_CONTEXT(target) {
            BOOST_REQUIRE(seen.size() == 1U);
            BOOST_TEST(seen[0].status == 400U);
            BOOST_TEST(bench.calls.empty());
            BOOST_TEST(bench.open());
        }
    }
    Bench bench;
    BOOST_TEST(bench.ask(get("/v1/nothing"))[0].status == 404U);
    BOOST_TEST(bench.ask(get("/"))[0].status == 400U);
    BOOST_TEST(bench.ask(get("/v1/stat%75s"))[0].status == 200U);
    BOOST_TEST(bench.ask(get("https://node:7443/v1/status"))[0].status == 200U);
    const auto other = bench.ask(request("DELETE", "/v1/status", with_token(reader_token)));
    BOOST_TEST(other[0].status == 405U);
    BOOST_TEST(other[0].has("Allow: GET\r\n"));
}

BOOST_AUTO_TEST_CASE(bodies_are_read_strictly) {
    const auto status = [](std::string_view body, std::string_view target = "/v1/groups/sip/failover") {
        Bench bench;
        const auto seen = bench.ask(request("POST", target, with_token(actor_token), body));
        BOOST_REQUIRE(seen.size() == 1U);
        BOOST_TEST((seen[0].status == 200) == (bench.calls.size() == 1));
        BOOST_TEST(bench.open());
        return seen[0].status;
    };
    BOOST_TEST(status("") == 200U);
    BOOST_TEST(status("{}") == 200U);
    for (const char* body :
         {"[]", "7", "null", "{", "{\"force\":1}", "{\"force\":\"yes\"}", "{\"other\":true}", "{}{}",
          "{\"group\":\"trunk\"}", "\xff\xfe", "{\"force\":true,}"})
        BOOST_TEST(status(body) == 400U);
    BOOST_TEST(status(R"({"wait_ms":5})", "/v1/actions/wait") == 200U);
    BOOST_TEST(status(R"({"wait_ms":-5})", "/v1/actions/wait") == 400U);
    BOOST_TEST(status(R"({"wait_ms":1.5})", "/v1/actions/wait") == 400U);
    BOOST_TEST(status(R"({})", "/v1/actions/wait") == 400U);
    BOOST_TEST(status(R"({"type":"command","wait_ms":1})", "/v1/actions/wait") == 400U);
    BOOST_TEST(status(R"({"argv":["/bin/true","a b"]})", "/v1/actions/command") == 200U);
    BOOST_TEST(status(R"({"argv":["/bin/true","a\u0000b"]})", "/v1/actions/command") == 400U);
    BOOST_TEST(status(R"({"argv":[1]})", "/v1/actions/command") == 400U);
    BOOST_TEST(status(std::string(2000, '['), "/v1/actions/command") == 400U);
}

BOOST_AUTO_TEST_CASE(a_body_needs_its_type_and_a_get_has_none) {
    Bench bench;
    const std::string post = "POST /v1/groups/sip/failover HTTP/1.1\r\nHost: n\r\n" + with_token(actor_token);
    BOOST_TEST(bench.ask(post + "Content-Length: 2\r\n\r\n{}")[0].status == 415U);
    BOOST_TEST(!bench.open());
    bench.connect();
    BOOST_TEST(bench.ask(post + "Content-Type: text/json\r\nContent-Length: 2\r\n\r\n{}")[0].status == 415U);
    bench.connect();
    BOOST_TEST(
        bench.ask(post + "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}")[0]
            .status == 200U);
    BOOST_TEST(
        bench.ask(get("/v1/status", "Content-Type: application/json\r\nContent-Length: 2\r\n") + "{}")[0]
            .status == 400U);
    BOOST_TEST(!bench.open());
    ends_with(415, post + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}");
}

BOOST_AUTO_TEST_CASE(chunks) {
    Bench bench;
    BOOST_TEST(bench.ask(chunked("2\r\n{}\r\n0\r\n\r\n") + get("/v1/status")).size() == 2U);
    BOOST_TEST(bench.calls.size() == 2U);
    const auto trailer = bench.ask(chunked("1;a=b\r\n{\r\n1\r\n}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"));
    BOOST_TEST(trailer.at(0).status == 200U);
    BOOST_TEST(bench.calls.back().caller == "actor");
    // The last chunk alone, and octet by octet: the library's parser asserts on it.
    const std::string empty = chunked("0\r\n\r\n");
    for (std::size_t cut = empty.size() - 5; cut < empty.size(); ++cut) {
        bench.send(empty.substr(0, cut));
        BOOST_TEST(bench.ask(empty.substr(cut)).at(0).status == 200U);
    }
    for (const char* framed : {"x\r\n", "2\r\n{}0\r\n", "-1\r\n", "ffffffffffffffffff\r\n{}",
                               " 2\r\n{}\r\n0\r\n\r\n", "2\n{}\n0\n\n"}) {
        Bench bad;
        BOOST_TEST_CONTEXT(framed) {
            const auto seen = bad.ask(chunked(framed) + std::string(5000, 'a'));
            BOOST_REQUIRE(seen.size() == 1U);
            BOOST_TEST((seen[0].status == 400U || seen[0].status == 413U));
            BOOST_TEST(!bad.open());
            BOOST_TEST(bad.calls.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_too_large_is_refused_before_it_is_read) {
    Bench bench;
    const std::string head = "POST /v1/actions/command HTTP/1.1\r\nHost: n\r\n" + with_token(actor_token) +
                             "Content-Type: application/json\r\nContent-Length: 65537\r\n\r\n";
    BOOST_TEST(bench.ask(head)[0].status == 413U);
    BOOST_TEST(!bench.open());
    ends_with(431, "GET /v1/status HTTP/1.1\r\nHost: n\r\nX: " + std::string(9000, 'x'));
    std::string many = "GET /v1/status HTTP/1.1\r\nHost: n\r\n";
    for (int i = 0; i < 70; ++i)
        many += "X: y\r\n";
    ends_with(431, many + "\r\n");
    Bench extensions; // chunks of one octet, each with a long extension
    std::string framed;
    for (int i = 0; i < 100; ++i)
        framed += "1;" + std::string(2000, 'e') + "\r\n \r\n";
    BOOST_TEST(extensions.ask(chunked(framed)).at(0).status == 413U);
    Bench endless;
    std::string large = "ffff\r\n" + std::string(0xffff, ' ') + "\r\n";
    BOOST_TEST(endless.ask(chunked(large + large)).at(0).status == 413U);
}

BOOST_AUTO_TEST_CASE(expect_is_answered_only_where_the_body_will_be_read) {
    const auto post = [](std::string_view token) {
        return "POST /v1/groups/sip/failover HTTP/1.1\r\nHost: n\r\n" + with_token(token) +
               "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    };
    Bench bench;
    BOOST_TEST(bench.send(post(actor_token)) == "HTTP/1.1 100 Continue\r\n\r\n");
    BOOST_TEST(bench.ask("{}").at(0).status == 200U);
    std::size_t continues = 0;
    const auto refused = read_answers(bench.send(post(reader_token)), &continues);
    BOOST_TEST(refused.at(0).status == 403U);
    BOOST_TEST(continues == 0U);
    BOOST_TEST(!bench.open());
    ends_with(417, "GET /v1/status HTTP/1.1\r\nHost: n\r\nExpect: 200-ok\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(keep_alive_ends_where_it_must) {
    Bench bench;
    BOOST_TEST(bench.ask(get("/v1/status", "Connection: close\r\n"))[0].has("Connection: close"));
    BOOST_TEST(!bench.open());
    bench.connect();
    const auto old = bench.ask("GET /v1/status HTTP/1.0\r\n" + with_token(reader_token) + "\r\n");
    BOOST_TEST(old[0].status == 200U);
    BOOST_TEST(!bench.open());
    bench.connect();
    for (std::size_t i = 1; i < Conversation::requests_max; ++i)
        BOOST_REQUIRE(bench.ask("\r\n" + get("/v1/status"))[0].status == 200U);
    BOOST_TEST(bench.open());
    bench.send(get("/v1/status"));
    BOOST_TEST(!bench.open());
}

BOOST_AUTO_TEST_CASE(whoever_is_slow_is_told_so) {
    Bench bench;
    BOOST_TEST(bench.deadline().empty()); // idle: nobody to tell
    BOOST_TEST(!bench.open());
    bench.connect();
    bench.send("GET /v1/sta");
    BOOST_TEST(read_answers(bench.deadline()).at(0).status == 408U);
    BOOST_TEST(!bench.open());
    BOOST_TEST(bench.calls.empty());
    bench.connect();
    bench.send(chunked("2\r\n{"));
    BOOST_TEST(read_answers(bench.deadline()).at(0).status == 408U);
    BOOST_TEST(bench.calls.empty());
}

BOOST_AUTO_TEST_CASE(the_brains_answers) {
    Bench bench;
    const auto status = [&](Outcome outcome) {
        bench.outcome = std::move(outcome);
        return bench.ask(get("/v1/status")).at(0);
    };
    const auto error = [](api::Code code) {
        return api::Outcome{std::unexpected(api::Error{code, "why", nullptr})};
    };
    BOOST_TEST(status(error(api::Code::refused)).status == 409U);
    BOOST_TEST(status(error(api::Code::refused)).document().at("detail").as_string() == "why");
    BOOST_TEST(status(error(api::Code::invalid_params)).status == 400U);
    BOOST_TEST(status(error(api::Code::method_not_found)).status == 501U);
    BOOST_TEST(status(error(api::Code::not_permitted)).status == 502U);
    BOOST_TEST(status(error(api::Code::internal_error)).status == 502U);
    BOOST_TEST(status(std::unexpected(Away::lost)).status == 502U);
    BOOST_TEST(status(std::unexpected(Away::silent)).status == 504U);
    BOOST_TEST(status(std::unexpected(Away::unreachable)).status == 503U);
    BOOST_TEST(status(std::unexpected(Away::busy)).has("Retry-After: 1\r\n"));
    BOOST_TEST(bench.open());
}

BOOST_AUTO_TEST_SUITE_END()
