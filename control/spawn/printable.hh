// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Text of a foreign origin, so that a terminal or a log takes no harm from it.

#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::spawn {

/// Well-formed UTF-8 without control characters: a line's end and a tab become blanks, every other such
/// octet a "?". What is longer than `most` octets is cut at a character and ends with "...".
std::string printable(std::string_view text, std::size_t most);

} // namespace tandem::spawn
