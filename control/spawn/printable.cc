// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/spawn/printable.hh"

#include <cstdint>

namespace tandem::spawn {
namespace {

/// The length of the well-formed sequence at the front (RFC 3629 section 4), 0 if there is none or it is a
/// control character.
std::size_t character(std::string_view text) {
    const auto octet = [&](std::size_t at) -> unsigned {
        return at < text.size() ? static_cast<std::uint8_t>(text[at]) : 0U;
    };
    const auto tail = [&](std::size_t at) { return (octet(at) & 0xc0U) == 0x80U; };
    const unsigned first = octet(0);
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    if (first >= 0xc2 && first <= 0xdf && tail(1))
        return first == 0xc2 && octet(1) < 0xa0 ? 0 : 2; // C1 controls
    if (first >= 0xe0 && first <= 0xef && tail(1) && tail(2)) {
        const bool overlong = first == 0xe0 && octet(1) < 0xa0;
        const bool surrogate = first == 0xed && octet(1) >= 0xa0;
        // Marks that turn the direction of what follows, and line separators.
        const bool turns = first == 0xe2 && ((octet(1) == 0x80 && octet(2) >= 0xa8 && octet(2) <= 0xae) ||
                                             (octet(1) == 0x81 && octet(2) >= 0xa6 && octet(2) <= 0xa9));
        return overlong || surrogate || turns ? 0 : 3;
    }
    if (first >= 0xf0 && first <= 0xf4 && tail(1) && tail(2) && tail(3)) {
        const bool outside = (first == 0xf0 && octet(1) < 0x90) || (first == 0xf4 && octet(1) >= 0x90);
        return outside ? 0 : 4;
    }
    return 0;
}

} // namespace

std::string printable(std::string_view text, std::size_t most) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = character(text);
        if (out.size() + (length == 0 ? 1 : length) > most)
            return out + "...";
        if (length > 0)
            out += text.substr(0, length);
        else
            out += text.front() == '\n' || text.front() == '\t' || text.front() == '\r' ? ' ' : '?';
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

} // namespace tandem::spawn
