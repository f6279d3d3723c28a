// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/message.hh"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace tandem::api {
namespace {

namespace json = boost::json;

constexpr std::size_t method_size_max = 64;
constexpr std::size_t id_size_max = 256;
constexpr std::size_t caller_size_max = 32;

BadRequest bad(json::value id, Code code, std::string message) {
    return {std::move(id), {code, std::move(message), nullptr}};
}

/// JSON-RPC 2.0 section 4: a string or a number; fractions "should not" be there, and an overflowing one
/// could not be written back as JSON. Null is left to answers to what could not be read.
bool is_id(const json::value& value) {
    return value.is_int64() || value.is_uint64() ||
           (value.is_string() && value.get_string().size() <= id_size_max);
}

json::string_view view(std::string_view text) {
    return {text.data(), text.size()};
}

} // namespace

bool is_caller_name(std::string_view text) {
    const auto permitted = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    };
    return !text.empty() && text.size() <= caller_size_max && std::ranges::all_of(text, permitted);
}

std::expected<Request, BadRequest> read_request(std::string_view line) {
    if (line.size() > request_size_max)
        return std::unexpected(bad(nullptr, Code::invalid_request, "the request is too long"));
    json::parse_options options;
    options.max_depth = request_depth_max;
    json::error_code failure;
    json::value document = json::parse(view(line), failure, {}, options);
    if (failure)
        return std::unexpected(bad(nullptr, Code::parse_error, "not JSON: " + failure.message()));
    auto* object = document.if_object();
    if (object == nullptr)
        return std::unexpected(
            bad(nullptr, Code::invalid_request,
                document.is_array() ? "batches are not supported" : "a request must be an object"));
    const json::value* found_id = object->if_contains("id");
    if (found_id == nullptr || !is_id(*found_id))
        return std::unexpected(
            bad(nullptr, Code::invalid_request, "a request needs an \"id\", a string or an integer"));
    Request request;
    request.id = *found_id;
    const json::value* version = object->if_contains("jsonrpc");
    if (version == nullptr || !version->is_string() || version->get_string() != "2.0")
        return std::unexpected(bad(request.id, Code::invalid_request, "\"jsonrpc\" must be \"2.0\""));
    const json::value* method = object->if_contains("method");
    if (method == nullptr || !method->is_string() || method->get_string().size() > method_size_max)
        return std::unexpected(bad(request.id, Code::invalid_request, "\"method\" must be a short string"));
    request.method = std::string{method->get_string().data(), method->get_string().size()};
    if (json::value* params = object->if_contains("params")) {
        if (!params->is_object())
            return std::unexpected(bad(request.id, Code::invalid_params, "\"params\" must be an object"));
        request.params = std::move(params->get_object());
    }
    if (const json::value* caller = object->if_contains("caller")) {
        if (!caller->is_string() || !is_caller_name(caller->get_string()))
            return std::unexpected(bad(request.id, Code::invalid_request, "\"caller\" must be a name"));
        request.caller = std::string{caller->get_string().data(), caller->get_string().size()};
    }
    return request;
}

std::string write_request(const Request& request) {
    json::object object{{"jsonrpc", "2.0"}, {"id", request.id}, {"method", request.method}};
    if (!request.params.empty())
        object["params"] = request.params;
    if (!request.caller.empty())
        object["caller"] = request.caller;
    return json::serialize(object) + "\n";
}

std::string write_answer(const json::value& id, const Outcome& outcome) {
    json::object object{{"jsonrpc", "2.0"}, {"id", id}};
    if (outcome) {
        object["result"] = *outcome;
    } else {
        json::object error{{"code", static_cast<int>(outcome.error().code)},
                           {"message", outcome.error().message}};
        if (!outcome.error().data.is_null())
            error["data"] = outcome.error().data;
        object["error"] = std::move(error);
    }
    return json::serialize(object) + "\n";
}

std::string write_event(const json::value& params) {
    return json::serialize(json::object{{"jsonrpc", "2.0"}, {"method", "event"}, {"params", params}}) + "\n";
}

} // namespace tandem::api
