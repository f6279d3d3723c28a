// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The status as text for people: both nodes side by side.

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace tandem::status {

/// From the answer to `status`: {"self": NodeStatus, "peer": NodeStatus or null}. Lines end in a newline.
/// What is missing shows as "-"; nothing in the input can control the terminal.
std::string render(const boost::json::value& answer);

/// The named numbers of the same answer with their sentences, where `sentence_of` knows one.
using SentenceOf = std::string_view (*)(std::string_view name);
std::string render_counters(const boost::json::value& self, SentenceOf sentence_of);

} // namespace tandem::status
