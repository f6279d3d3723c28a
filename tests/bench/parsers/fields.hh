// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What four parsers say of one message, in one form.
//
// Problem: the parsers are compared by the time they take for the same answers, so the answers have to be
// compared too, and each library keeps them in its own shape. Idea: each program fills this record, outside
// the time that is measured, and prints it as one line of JSON; the bench compares the lines. White space is
// made one blank, because some libraries unfold lines and others do not. Deliberately absent: verdicts.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::bench {

struct Fields {
    std::string method; ///< of the request line; of a response: none
    std::string uri;
    unsigned status{0}; ///< 0: a request
    std::string branch;
    std::string received;
    std::string rport{"absent"}; ///< "absent", "asked" or the port
    std::string from_tag;
    std::string to_tag;
    std::string call_id;
    std::string cseq;
    std::string cseq_method;
    bool wildcard{false};
    std::vector<std::pair<std::string, std::optional<std::uint32_t>>> contacts; ///< URI, expires
    std::optional<std::uint32_t> expires;
    std::vector<std::string> routes; ///< URIs
    std::vector<std::string> record_routes;
    std::vector<std::string> paths;
    std::optional<std::uint32_t> content_length;
};

/// One line of JSON, without its end. Octets beyond ASCII are written as the characters of those numbers.
std::string to_json(const Fields& fields);

/// Digits as a number of 32 bits, the largest one for more; nothing when there is something else in it.
std::optional<std::uint32_t> seconds_of(std::string_view digits);

/// Adds the URIs of a Route, Record-Route or Path value: a comma list of names and URIs in angle brackets.
void add_uris(std::string_view value, std::vector<std::string>& uris);

} // namespace tandem::bench
