// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Text that came over the network, for a terminal or for JSON.
//
// Anybody can send a message with escape sequences of terminals, with broken UTF-8 and with characters that
// turn the direction of writing. None of it gets out as it came.

#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::ctl {

/// For a terminal: what is not plainly printable as `\xNN`; cut to `most` characters or so, with "..."
/// behind.
std::string shown(std::string_view text, std::size_t most);

/// For JSON: well-formed UTF-8; octets that are none as U+FFFD. Control characters are the serializer's.
std::string json_text(std::string_view text);

} // namespace tandem::ctl
