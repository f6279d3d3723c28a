// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The parameters of a request, against what its route has: an unknown key, a wrong type, a missing key is an
// error. Deliberately absent: what the values mean (the brain knows).

#include "control/https/routes.hh"

#include <boost/json/object.hpp>

#include <expected>
#include <string>
#include <string_view>

namespace tandem::https {

/// Adds what the body says to `params`; a sentence on what is wrong. An empty body is an empty object.
std::expected<void, std::string> read_body(const Route& route, std::string_view body,
                                           boost::json::object& params);

/// Adds what the query says to `params`; a sentence on what is wrong.
std::expected<void, std::string> read_query(const Route& route, const Target& target,
                                            boost::json::object& params);

} // namespace tandem::https
