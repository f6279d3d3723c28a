// SPDX-License-Identifier: GPL-3.0-or-later
// The document is walked: everything in it is served as it says, and what is not in it is not served.
#include "bench.hh"

#include "control/https/routes.hh"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <set>

using namespace tandem;
using namespace tandem::https;
namespace json = boost::json;

namespace {

json::value read_document() {
    Bench bench;
    const auto seen = bench.ask(request("GET", "/v1/openapi.json", with_token(reader_token)));
    BOOST_REQUIRE(seen.at(0).status == 200U);
    return seen[0].document();
}

std::string text_of(const json::value& value) {
    return {value.as_string().data(), value.as_string().size()};
}

/// Something that the schema permits.
json::value good(const json::object& schema) {
    const auto type = text_of(schema.at("type"));
    if (type == "string")
        return "word";
    if (type == "integer")
        return 7;
    if (type == "boolean")
        return true;
    if (type == "array")
        return json::array{"one", "two"};
    BOOST_REQUIRE(type == "object");
    return json::object{};
}

/// Something that it does not.
json::value bad(const json::object& schema) {
    return text_of(schema.at("type")) == "integer" ? json::value("word") : json::value(-1);
}

/// One operation of the document, ready to be asked for.
struct Operation {
    std::string verb; ///< as in HTTP
    std::string path; ///< with values
    std::string query;
    json::object body;
    bool has_body{false};
    const json::object* told{nullptr};
    std::vector<std::string> path_keys;

    std::string target() const { return path + (query.empty() ? "" : "?" + query); }
    std::string octets(std::string_view token, std::string_view lines = {}) const {
        return request(verb, target(), (token.empty() ? "" : with_token(token)) + std::string{lines},
                       has_body ? json::serialize(body) : "");
    }
    const json::object& body_schema() const {
        return told->at("requestBody").at("content").at("application/json").at("schema").as_object();
    }
};

std::vector<Operation> operations(const json::value& document) {
    std::vector<Operation> out;
    for (const auto& [path, verbs] : document.at("paths").as_object())
        for (const auto& [verb, told] : verbs.as_object()) {
            Operation operation;
            operation.verb = verb == "get" ? "GET" : verb == "post" ? "POST" : "?";
            operation.path = path;
            operation.told = &told.as_object();
            for (const auto& parameter : told.at("parameters").as_array()) {
                const std::string name = text_of(parameter.at("name"));
                if (text_of(parameter.at("in")) == "path") {
                    const auto at = operation.path.find("{" + name + "}");
                    BOOST_REQUIRE(at != std::string::npos);
                    operation.path.replace(at, name.size() + 2, "some-" + name);
                    operation.path_keys.push_back(name);
                } else {
                    const bool number = text_of(parameter.at("schema").at("type")) == "integer";
                    operation.query +=
                        (operation.query.empty() ? "" : "&") + name + (number ? "=7" : "=word");
                }
            }
            BOOST_TEST(operation.path.find('{') == std::string::npos);
            operation.has_body = operation.told->contains("requestBody");
            if (operation.has_body)
                for (const auto& [name, schema] : operation.body_schema().at("properties").as_object())
                    operation.body[name] = good(schema.as_object());
            out.push_back(std::move(operation));
        }
    return out;
}

std::set<unsigned> statuses_told(const Operation& operation) {
    std::set<unsigned> out;
    for (const auto& [status, response] : operation.told->at("responses").as_object())
        out.insert(static_cast<unsigned>(std::stoul(std::string{status})));
    return out;
}

/// Every way in which an operation can be answered, played; the statuses that came.
std::set<unsigned> statuses_seen(const Operation& operation) {
    std::set<unsigned> out;
    const auto play = [&](Bench& bench, std::string_view octets) {
        for (const auto& seen : bench.ask(octets)) {
            out.insert(seen.status);
            BOOST_TEST(seen.has(seen.status == 200 ? "Content-Type: application/json"
                                                   : "Content-Type: application/problem+json"));
            if (seen.status != 200)
                BOOST_TEST(seen.document().at("status").as_int64() == seen.status);
        }
    };
    const std::string good = operation.octets(actor_token);
    {
        Bench bench;
        play(bench, good);
        play(bench, operation.octets({}));
        play(bench,
             request(operation.verb, operation.target() + (operation.query.empty() ? "?" : "&") + "unknown=1",
                     with_token(actor_token)));
    }
    for (const char* lines : {"Expect: nothing\r\n", "Host: twice\r\n"}) {
        Bench bench;
        play(bench, operation.octets(actor_token, lines));
    }
    Bench large;
    play(large, operation.octets(actor_token, "X: " + std::string(9000, 'x')));
    Bench old;
    play(old, operation.verb + " " + operation.path + " HTTP/3.0\r\nHost: n\r\n\r\n");
    Bench slow;
    slow.send(operation.verb + " " + operation.path);
    for (const auto& seen : read_answers(slow.deadline()))
        out.insert(seen.status);
    Bench stranger;
    stranger.peer.certificate = {"stranger"};
    stranger.connect();
    play(stranger, operation.octets({}));
    config::Api slowly = usual_settings();
    slowly.burst = 1;
    Bench rate{slowly};
    play(rate, good + good);
    if (operation.verb == "POST") {
        Bench type;
        play(type, request("POST", operation.path,
                           with_token(actor_token) + "Content-Type: text/plain\r\nContent-Length: 2\r\n") +
                       "{}");
        Bench body;
        play(body, request("POST", operation.path,
                           with_token(actor_token) +
                               "Content-Type: application/json\r\nContent-Length: 1000000\r\n"));
    }
    const auto error = [](api::Code code) {
        return api::Outcome{std::unexpected(api::Error{code, "why", nullptr})};
    };
    const std::vector<Outcome> outcomes{error(api::Code::refused),        error(api::Code::method_not_found),
                                        error(api::Code::internal_error), error(api::Code::invalid_params),
                                        std::unexpected(Away::silent),    std::unexpected(Away::unreachable)};
    for (const Outcome& outcome : outcomes) {
        Bench bench;
        bench.outcome = outcome;
        play(bench, good);
    }
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(openapi_document)

BOOST_AUTO_TEST_CASE(it_is_one) {
    const auto document = read_document();
    BOOST_TEST(text_of(document.at("openapi")).starts_with("3.0"));
    BOOST_TEST(document.at("info").as_object().contains("title"));
    BOOST_TEST(document.at("components").at("schemas").as_object().contains("Problem"));
    std::set<std::string> names;
    for (const Operation& operation : operations(document))
        BOOST_TEST(names.insert(text_of(operation.told->at("operationId"))).second);
    BOOST_TEST(names.size() == routes().size());
}

BOOST_AUTO_TEST_CASE(every_operation_takes_every_parameter_that_it_has_and_no_other) {
    const auto document = read_document();
    for (const Operation& operation : operations(document)) {
        BOOST_TEST_CONTEXT(operation.verb << " " << operation.path) {
            Bench bench;
            BOOST_TEST(bench.ask(operation.octets(actor_token)).at(0).status == 200U);
            if (!bench.calls.empty()) {
                const json::object& params = bench.calls.at(0).params;
                for (const auto& [name, value] : operation.body)
                    BOOST_TEST(params.at(name) == value);
                for (const std::string& name : operation.path_keys)
                    BOOST_TEST(text_of(params.at(name)) == "some-" + name);
                for (const auto& parameter : operation.told->at("parameters").as_array())
                    BOOST_TEST(params.contains(parameter.at("name").as_string()));
            }
            const auto status = [&](const Operation& asked) {
                Bench another;
                return another.ask(asked.octets(actor_token)).at(0).status;
            };
            if (!operation.has_body)
                continue;
            Operation asked = operation;
            asked.body["unknown"] = 1;
            BOOST_TEST(status(asked) == 400U);
            const json::object& schema = operation.body_schema();
            BOOST_TEST(schema.at("additionalProperties").as_bool() == false);
            for (const auto& [name, type] : schema.at("properties").as_object()) {
                asked = operation;
                asked.body[name] = bad(type.as_object());
                BOOST_TEST(status(asked) == 400U);
                bool required = false;
                if (schema.contains("required"))
                    for (const auto& key : schema.at("required").as_array())
                        required = required || key == name;
                asked = operation;
                asked.body.erase(name);
                BOOST_TEST(status(asked) == (required ? 400U : 200U));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(every_status_that_it_has_is_answered_and_no_other) {
    const auto document = read_document();
    for (const Operation& operation : operations(document)) {
        BOOST_TEST_CONTEXT(operation.verb << " " << operation.path) {
            const auto told = statuses_told(operation);
            const auto seen = statuses_seen(operation);
            for (const unsigned status : told)
                BOOST_TEST(seen.contains(status), "told and not answered: " << status);
            for (const unsigned status : seen)
                BOOST_TEST(told.contains(status), "answered and not told: " << status);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_scope_that_it_tells_is_needed) {
    const auto document = read_document();
    for (const Operation& operation : operations(document)) {
        Bench bench;
        const unsigned status = bench.ask(operation.octets(reader_token)).at(0).status;
        const auto scope = text_of(operation.told->at("description"));
        BOOST_TEST_CONTEXT(operation.verb << " " << operation.path) {
            BOOST_TEST((scope == "Scope: act" || scope == "Scope: read"));
            BOOST_TEST(status == (scope == "Scope: act" ? 403U : 200U));
            BOOST_TEST((operation.verb == "POST") == (scope == "Scope: act"));
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_else_is_served) {
    const auto document = read_document();
    const json::object& paths = document.at("paths").as_object();
    for (const Route& route : routes()) {
        const json::string_view path{route.path.data(), route.path.size()};
        BOOST_REQUIRE(paths.contains(path));
        BOOST_TEST(paths.at(path).as_object().contains(route.verb == Verb::get ? "get" : "post"));
    }
    // Neighbours of what there is: other verbs, a segment more, one less, other words.
    for (const Operation& operation : operations(document)) {
        const auto status = [](std::string_view verb, const std::string& target) {
            Bench bench;
            return bench.ask(request(verb, target, with_token(actor_token))).at(0).status;
        };
        BOOST_TEST_CONTEXT(operation.verb << " " << operation.path) {
            for (const char* verb :
                 {"PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "X"})
                BOOST_TEST(status(verb, operation.path) == 405U);
            BOOST_TEST(status(operation.verb == "GET" ? "POST" : "GET", operation.path) == 405U);
            BOOST_TEST(status(operation.verb, operation.path + "/more") == 404U);
            BOOST_TEST(status(operation.verb, "/v2" + operation.path.substr(3)) == 404U);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
