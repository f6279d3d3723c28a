// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/openapi.hh"

#include "control/https/answer.hh"
#include "control/https/routes.hh"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace tandem::https {
namespace {

namespace json = boost::json;

json::string_view view(std::string_view text) {
    return {text.data(), text.size()};
}

json::object schema_of(Kind kind) {
    switch (kind) {
    case Kind::text:
        return {{"type", "string"}};
    case Kind::count:
        return {{"type", "integer"}, {"format", "int64"}, {"minimum", 0}};
    case Kind::flag:
        return {{"type", "boolean"}};
    case Kind::texts:
        return {{"type", "array"}, {"items", json::object{{"type", "string"}}}};
    case Kind::table:
        break;
    }
    return {{"type", "object"}};
}

json::array parameters_of(const Route& route) {
    json::array out;
    for (auto open = route.path.find('{'); open != std::string_view::npos;
         open = route.path.find('{', open)) {
        const auto close = route.path.find('}', open);
        json::object schema = schema_of(Kind::text);
        schema["pattern"] = "^[A-Za-z0-9._-]{1,64}$";
        out.push_back(json::object{{"name", view(route.path.substr(open + 1, close - open - 1))},
                                   {"in", "path"},
                                   {"required", true},
                                   {"schema", std::move(schema)}});
        open = close;
    }
    for (const Parameter& parameter : route.query)
        out.push_back(json::object{{"name", view(parameter.name)},
                                   {"in", "query"},
                                   {"required", parameter.need == Need::required},
                                   {"description", view(parameter.says)},
                                   {"schema", schema_of(parameter.kind)}});
    return out;
}

json::object body_of(const Route& route) {
    json::object properties;
    json::array required;
    for (const Parameter& parameter : route.body) {
        json::object schema = schema_of(parameter.kind);
        schema["description"] = view(parameter.says);
        properties[view(parameter.name)] = std::move(schema);
        if (parameter.need == Need::required)
            required.push_back(view(parameter.name));
    }
    json::object schema{
        {"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
    const bool needed = !required.empty();
    if (needed) // an empty list is not permitted
        schema["required"] = std::move(required);
    return {{"required", needed},
            {"content", json::object{{"application/json", json::object{{"schema", std::move(schema)}}}}}};
}

json::object responses_of(const Route& route) {
    json::object out;
    for (const unsigned status : statuses_of(route)) {
        const bool good = status == 200;
        json::object schema{{"type", "object"}};
        if (!good)
            schema = {{"$ref", "#/components/schemas/Problem"}};
        out[std::to_string(status)] =
            json::object{{"description", view(title_of(status))},
                         {"content", json::object{{good ? "application/json" : "application/problem+json",
                                                   json::object{{"schema", std::move(schema)}}}}}};
    }
    return out;
}

/// "post /v1/groups/{group}/failover" as a name: post_v1_groups_group_failover
std::string operation_id(const Route& route) {
    std::string id = route.verb == Verb::get ? "get" : "post";
    for (const char c : route.path)
        if (c == '/' || c == '-' || c == '.')
            id += '_';
        else if (c != '{' && c != '}')
            id += c;
    return id;
}

} // namespace

json::object openapi() {
    json::object paths;
    for (const Route& route : routes()) {
        json::object operation{
            {"operationId", operation_id(route)},
            {"summary", view(route.summary)},
            {"description", route.scope == config::ApiScope::act ? "Scope: act" : "Scope: read"},
            {"parameters", parameters_of(route)},
            {"responses", responses_of(route)}};
        if (route.verb == Verb::post)
            operation["requestBody"] = body_of(route);
        json::value& path = paths[view(route.path)];
        if (!path.is_object())
            path = json::object{};
        path.get_object()[route.verb == Verb::get ? "get" : "post"] = std::move(operation);
    }
    const json::object problem{{"type", "object"},
                               {"required", json::array{"type", "title", "status", "detail"}},
                               {"properties", json::object{{"type", schema_of(Kind::text)},
                                                           {"title", schema_of(Kind::text)},
                                                           {"status", schema_of(Kind::count)},
                                                           {"detail", schema_of(Kind::text)}}}};
    const json::object schemes{
        {"token", json::object{{"type", "http"}, {"scheme", "bearer"}}},
        {"certificate",
         json::object{{"type", "http"},
                      {"scheme", "mutual"},
                      {"description", "A client certificate of the authority in [api] client_ca_file"}}}};
    return {{"openapi", "3.0.3"},
            {"info",
             json::object{{"title", "tandem"},
                          {"version", "1"},
                          {"description", "What can be asked of a node of a tandem pair from far away."}}},
            {"security", json::array{json::object{{"token", json::array{}}},
                                     json::object{{"certificate", json::array{}}}}},
            {"paths", std::move(paths)},
            {"components",
             json::object{{"schemas", json::object{{"Problem", problem}}}, {"securitySchemes", schemes}}}};
}

} // namespace tandem::https
