// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/message.hh"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

using namespace tandem::api;
namespace json = boost::json;

BOOST_AUTO_TEST_SUITE(message)

BOOST_AUTO_TEST_CASE(good_requests) {
    const auto request = read_request(R"({"jsonrpc":"2.0","id":7,"method":"status","params":{"a":1}})");
    BOOST_REQUIRE(request);
    BOOST_TEST(request->id == 7);
    BOOST_TEST(request->method == "status");
    BOOST_TEST(request->params.at("a") == 1);
    BOOST_TEST(read_request(R"({"jsonrpc":"2.0","id":"x","method":"m"})")->params.empty());
    BOOST_TEST(read_request(" {\"jsonrpc\":\"2.0\",\"id\":-15,\"method\":\"m\",\"extra\":1} ").has_value());
}

BOOST_AUTO_TEST_CASE(bad_requests) {
    struct Case {
        std::string line;
        Code code;
        std::string_view id;
    };
    const Case cases[] = {
        {"", Code::parse_error, "null"},
        {"{", Code::parse_error, "null"},
        {"{} x", Code::parse_error, "null"},
        {"\xff\xfe", Code::parse_error, "null"},
        {std::string("{\"a\":\"\0\"}", 9), Code::parse_error, "null"},
        {"{\"a\":\"\xff\"}", Code::parse_error, "null"},
        {std::string(5000, '['), Code::parse_error, "null"},
        {"7", Code::invalid_request, "null"},
        {"null", Code::invalid_request, "null"},
        {"\"status\"", Code::invalid_request, "null"},
        {"{}", Code::invalid_request, "null"},
        {R"([{"jsonrpc":"2.0","id":1,"method":"status"}])", Code::invalid_request, "null"},
        {R"({"jsonrpc":"2.0","method":"status"})", Code::invalid_request, "null"},
        {R"({"jsonrpc":"2.0","id":null,"method":"status"})", Code::invalid_request, "null"},
        {R"({"jsonrpc":"2.0","id":1.5,"method":"status"})", Code::invalid_request, "null"},
        {R"({"jsonrpc":"2.0","id":17e777777777,"method":"status"})", Code::invalid_request, "null"},
        {R"({"jsonrpc":"2.0","id":{},"method":"status"})", Code::invalid_request, "null"},
        {R"({"jsonrpc":"2.0","id":")" + std::string(257, 'x') + R"(","method":"status"})",
         Code::invalid_request, "null"},
        {R"({"id":1,"method":"status"})", Code::invalid_request, "1"},
        {R"({"jsonrpc":"1.0","id":1,"method":"status"})", Code::invalid_request, "1"},
        {R"({"jsonrpc":2.0,"id":1,"method":"status"})", Code::invalid_request, "1"},
        {R"({"jsonrpc":"2.0","id":1})", Code::invalid_request, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":7})", Code::invalid_request, "1"},
        {R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(65, 'x') + "\"}", Code::invalid_request, "1"},
        {R"({"jsonrpc":"2.0","id":"q","method":"status","params":[1]})", Code::invalid_params, "\"q\""},
        {R"({"jsonrpc":"2.0","id":1,"method":"status","params":null})", Code::invalid_params, "1"},
        {std::string(request_size_max + 1, ' '), Code::invalid_request, "null"},
    };
    for (const auto& bad : cases) {
        const auto request = read_request(bad.line);
        BOOST_REQUIRE_MESSAGE(!request, bad.line << " was accepted");
        BOOST_TEST(static_cast<int>(request.error().error.code) == static_cast<int>(bad.code), bad.line);
        BOOST_TEST(json::serialize(request.error().id) == bad.id, bad.line);
        BOOST_TEST(!request.error().error.message.empty());
    }
}

BOOST_AUTO_TEST_CASE(nesting_is_bounded) {
    const auto nested = [](std::size_t depth) {
        return R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"a":)" + std::string(depth, '[') +
               std::string(depth, ']') + "}}";
    };
    BOOST_TEST(read_request(nested(request_depth_max - 2)).has_value());
    BOOST_TEST(!read_request(nested(request_depth_max - 1)).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_written_is_one_line) {
    BOOST_TEST(write_answer(7, json::value("a\nb")) ==
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"a\\nb\"}\n");
    BOOST_TEST(write_answer(nullptr, std::unexpected(Error{Code::refused, "no\n", nullptr})) ==
               "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"no\\n\"}}\n");
    BOOST_TEST(
        write_answer("x", std::unexpected(Error{Code::refused, "no", json::object{{"a", 1}}})) ==
        "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":1,\"message\":\"no\",\"data\":{\"a\":1}}}\n");
    BOOST_TEST(write_event(json::object{{"seq", 1}}) ==
               "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"seq\":1}}\n");
}

BOOST_AUTO_TEST_CASE(a_written_request_can_be_read) {
    std::string line = write_request({3, "events", {{"since", 5}}});
    line.pop_back();
    const auto request = read_request(line);
    BOOST_REQUIRE(request);
    BOOST_TEST(request->id == 3);
    BOOST_TEST(request->params.at("since") == 5);
}

BOOST_AUTO_TEST_SUITE_END()
