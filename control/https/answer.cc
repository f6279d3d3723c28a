// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/answer.hh"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <utility>

namespace tandem::https {
namespace {

namespace json = boost::json;

constexpr std::array<std::pair<unsigned, std::string_view>, 18> titles{{
    {200, "OK"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

} // namespace

std::string_view title_of(unsigned status) {
    for (const auto& [known, title] : titles)
        if (known == status)
            return title;
    return "Unknown";
}

Answer document(const json::value& value) {
    Answer answer;
    answer.body = json::serialize(value) + "\n";
    return answer;
}

Answer problem(unsigned status, std::string_view detail) {
    const std::string_view title = title_of(status);
    Answer answer = document(json::object{{"type", "about:blank"},
                                          {"title", json::string_view{title.data(), title.size()}},
                                          {"status", status},
                                          {"detail", json::string_view{detail.data(), detail.size()}}});
    answer.status = status;
    answer.content_type = "application/problem+json";
    return answer;
}

Answer last_word(unsigned status, std::string_view detail) {
    Answer answer = problem(status, detail);
    answer.persistence = Persistence::close;
    return answer;
}

std::string write(const Answer& answer) {
    std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " " +
                      std::string{title_of(answer.status)} + "\r\nContent-Type: ";
    out += answer.content_type;
    out += "\r\nContent-Length: " + std::to_string(answer.body.size()) +
           "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    for (const Field& field : answer.fields)
        out.append(field.name).append(": ").append(field.value).append("\r\n");
    if (answer.persistence == Persistence::close)
        out += "Connection: close\r\n";
    return out.append("\r\n").append(answer.body);
}

} // namespace tandem::https
