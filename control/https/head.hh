// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The octets of a request's head, looked at before a parser sees them.
//
// Problem: parsers are lenient in different ways: a lone line feed, a folded line, a blank before a colon, a
// length that stands twice; two that stand behind each other then see two different requests. Idea: what is
// not plainly HTTP/1.1 (RFC 9112) is refused here, whatever a parser would make of it. Deliberately absent:
// the meaning of fields.

#include <cstddef>
#include <expected>
#include <string_view>

namespace tandem::https {

inline constexpr std::size_t fields_max = 64;

/// What is wrong, and what it is answered with.
struct Malformed {
    unsigned status{400};
    std::string_view detail;
};

/// `octets` end in the empty line that ends the head.
std::expected<void, Malformed> check_head(std::string_view octets);

} // namespace tandem::https
