// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/snmp/engine.hh"

#include "control/ledger/whole_file.hh"
#include "control/snmp/mib.hh"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace tandem::snmp {
namespace {

constexpr std::string_view first_word = "tandem-snmp-1 boots ";
constexpr std::size_t digest_octets = 16;
constexpr std::uint32_t boots_max = 2147483647; ///< RFC 3414 section 2.2.1: it stays there

} // namespace

std::string engine_id(std::string_view pair, std::string_view node, unsigned node_id) {
    std::string names{pair};
    names += '\0';
    names += node;
    names += '\0';
    names += std::to_string(node_id);
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(names.data()), names.size(), digest.data());
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(((enterprise | 0x80000000U) >> static_cast<unsigned>(shift)) & 0xffU);
    out += '\x05';
    out.append(reinterpret_cast<const char*>(digest.data()), digest_octets);
    return out;
}

std::string in_hexadecimal(std::string_view octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "0x";
    for (const char c : octets) {
        out += digits[static_cast<unsigned char>(c) >> 4U];
        out += digits[static_cast<unsigned char>(c) & 15U];
    }
    return out;
}

Boots begin(const std::string& file) {
    Boots out;
    const std::string text = ledger::read_file(file, 256);
    std::uint32_t last = 0;
    if (text.starts_with(first_word)) {
        const char* digits = text.data() + first_word.size();
        (void)std::from_chars(digits, text.data() + text.size(), last);
    }
    out.number = std::min(last, boots_max - 1) + 1;
    const auto kept = ledger::replace_file(file, std::string{first_word} + std::to_string(out.number) + "\n");
    if (!kept)
        out.trouble = kept.error();
    return out;
}

} // namespace tandem::snmp
