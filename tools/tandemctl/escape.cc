// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/tandemctl/escape.hh"

#include <cstdint>

namespace tandem::ctl {
namespace {

struct Character {
    std::size_t octets{0}; ///< 0: not well-formed UTF-8 (RFC 3629)
    std::uint32_t code{0};
};

Character first_of(std::string_view text) {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (octet(0) < 0x80)
        return {1, octet(0)};
    const std::size_t length = octet(0) >= 0xf0 ? 4 : octet(0) >= 0xe0 ? 3 : 2;
    if (octet(0) < 0xc2 || octet(0) > 0xf4 || text.size() < length)
        return {};
    std::uint32_t code = octet(0) & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((octet(i) & 0xc0U) != 0x80)
            return {};
        code = code << 6U | (octet(i) & 0x3fU);
    }
    constexpr std::uint32_t least[]{0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return {};
    return {length, code};
}

/// Controls, line separators, marks and overrides of direction, what has no width, tags.
bool is_plain(std::uint32_t code) {
    return (code >= ' ' && code < 0x7f) ||
           (code >= 0xa0 && code != 0xad && code != 0x61c && (code < 0x200b || code > 0x200f) &&
            (code < 0x2028 || code > 0x202e) && (code < 0x2060 || code > 0x206f) && code != 0xfeff &&
            (code < 0xfff0 || code > 0xffff) && code < 0xe0000);
}

void add_hex(std::string& out, char octet) {
    constexpr std::string_view digits{"0123456789abcdef"};
    const auto value = static_cast<unsigned char>(octet);
    out += "\\x";
    out += digits[value >> 4U];
    out += digits[value & 0xfU];
}

} // namespace

std::string shown(std::string_view text, std::size_t most) {
    std::string out;
    for (std::size_t characters = 0; !text.empty(); ++characters) {
        if (characters == most)
            return out + "...";
        const Character c = first_of(text);
        const std::size_t octets = c.octets == 0 ? 1 : c.octets;
        if (c.octets != 0 && is_plain(c.code) && c.code != '\\')
            out += text.substr(0, octets);
        else if (c.code == '\\')
            out += "\\\\";
        else
            for (const char octet : text.substr(0, octets))
                add_hex(out, octet);
        text.remove_prefix(octets);
    }
    return out;
}

std::string json_text(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const Character c = first_of(text);
        const std::size_t octets = c.octets == 0 ? 1 : c.octets;
        if (c.octets == 0)
            out += "\xef\xbf\xbd";
        else
            out += text.substr(0, octets);
        text.remove_prefix(octets);
    }
    return out;
}

} // namespace tandem::ctl
