// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What a caller gets: a document, or a problem in plain words (RFC 7807).

#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tandem::https {

/// Whether the connection may carry another request.
enum class Persistence : std::uint8_t { keep, close };

struct Field {
    std::string_view name;
    std::string value;
};

struct Answer {
    unsigned status{200};
    std::string body;
    std::string_view content_type{"application/json"};
    std::vector<Field> fields; ///< besides those that every answer has
    Persistence persistence{Persistence::keep};
};

Answer document(const boost::json::value& value);
/// The detail is a sentence without anything in it that the caller sent.
Answer problem(unsigned status, std::string_view detail);
/// The same, and the last answer of its connection.
Answer last_word(unsigned status, std::string_view detail);

/// The octets of HTTP/1.1.
std::string write(const Answer& answer);

/// "Bad Request" and the like.
std::string_view title_of(unsigned status);

} // namespace tandem::https
