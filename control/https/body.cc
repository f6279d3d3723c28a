// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/body.hh"

#include "control/api/message.hh"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <charconv>

namespace tandem::https {
namespace {

namespace json = boost::json;
using Sentence = std::expected<void, std::string>;

json::string_view view(std::string_view text) {
    return {text.data(), text.size()};
}

std::string_view words(Kind kind) {
    switch (kind) {
    case Kind::text:
        return "a string";
    case Kind::count:
        return "a whole number, not below 0";
    case Kind::flag:
        return "true or false";
    case Kind::texts:
        return "a list of strings";
    case Kind::table:
        break;
    }
    return "an object";
}

/// Zeros end strings too early in whatever gets them in the end.
bool is_text(const json::value& value) {
    return value.is_string() && value.get_string().find('\0') == json::string::npos;
}

bool fits(Kind kind, const json::value& value) {
    switch (kind) {
    case Kind::text:
        return is_text(value);
    case Kind::count:
        return value.is_int64() && value.get_int64() >= 0; // what is above is not an int64
    case Kind::flag:
        return value.is_bool();
    case Kind::texts:
        return value.is_array() && std::ranges::all_of(value.get_array(), is_text);
    case Kind::table:
        break;
    }
    return value.is_object();
}

const Parameter* known(const std::vector<Parameter>& parameters, std::string_view name) {
    const auto found = std::ranges::find(parameters, name, &Parameter::name);
    return found == parameters.end() ? nullptr : &*found;
}

std::unexpected<std::string> wrong(const Parameter& parameter) {
    return std::unexpected("\"" + std::string{parameter.name} + "\" must be " +
                           std::string{words(parameter.kind)});
}

Sentence check_needed(const std::vector<Parameter>& parameters, const json::object& params) {
    for (const Parameter& parameter : parameters)
        if (parameter.need == Need::required && !params.contains(view(parameter.name)))
            return std::unexpected("\"" + std::string{parameter.name} + "\" is missing");
    return {};
}

/// The names, for whoever wrote another one.
std::string list(const std::vector<Parameter>& parameters) {
    std::string out;
    for (const Parameter& parameter : parameters)
        out.append(out.empty() ? "" : ", ").append(parameter.name);
    return out.empty() ? "there is none" : out;
}

} // namespace

Sentence read_body(const Route& route, std::string_view body, json::object& params) {
    json::value document = json::object{};
    if (!body.empty()) {
        json::parse_options options;
        options.max_depth = api::request_depth_max - 2; // it becomes a part of a request
        json::error_code failure;
        document = json::parse(view(body), failure, {}, options);
        if (failure)
            return std::unexpected("the body is not JSON: " + failure.message());
        if (!document.is_object())
            return std::unexpected(std::string{"the body must be a JSON object"});
    }
    for (json::key_value_pair& entry : document.get_object()) {
        const Parameter* parameter = known(route.body, entry.key());
        if (parameter == nullptr)
            return std::unexpected("the body has a key that is not known here; known: " + list(route.body));
        if (!fits(parameter->kind, entry.value()))
            return wrong(*parameter);
        params[entry.key()] = std::move(entry.value());
    }
    return check_needed(route.body, params);
}

Sentence read_query(const Route& route, const Target& target, json::object& params) {
    for (const auto& [key, value] : target.query) {
        const Parameter* parameter = known(route.query, key);
        if (parameter == nullptr)
            return std::unexpected("the query has a key that is not known here; known: " + list(route.query));
        if (parameter->kind != Kind::count) {
            params[key] = value;
            continue;
        }
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc{} || end != value.data() + value.size() || number < 0)
            return wrong(*parameter);
        params[key] = number;
    }
    return check_needed(route.query, params);
}

} // namespace tandem::https
