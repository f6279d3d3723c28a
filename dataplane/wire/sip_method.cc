// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_method.hh"

#include "dataplane/wire/sip_text.hh"

#include <array>
#include <cstddef>

namespace tandem::wire {
namespace {

// In the order of the enumeration; the index is the value. RFC 3261, 6086, 3428, 6665, 3262, 3903, 3515,
// 3311.
constexpr std::array<std::string_view, static_cast<std::size_t>(SipMethod::other)> names{
    "ACK",     "BYE",   "CANCEL",  "INFO",  "INVITE",   "MESSAGE",   "NOTIFY",
    "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE",
};
static_assert(names.back() == "UPDATE");

constexpr std::size_t length_max = 9;

/// Length and first letter tell the names apart: at most one comparison is left.
constexpr std::size_t place_of(std::string_view token) {
    return token.size() * 32 + static_cast<unsigned char>(token.front()) % 32;
}

constexpr auto places = [] {
    std::array<std::uint8_t, (length_max + 1) * 32> table{};
    table.fill(static_cast<std::uint8_t>(SipMethod::other));
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::uint8_t& place = table[place_of(names[i])];
        if (place != static_cast<std::uint8_t>(SipMethod::other))
            throw "two names in one place"; // no constant expression: the build fails
        place = static_cast<std::uint8_t>(i);
    }
    return table;
}();

} // namespace

SipMethod sip_method(std::string_view token) {
    if (token.empty() || token.size() > length_max)
        return SipMethod::other;
    const std::size_t index = places[place_of(token)];
    // A place is of one length.
    return index < names.size() && sip_text::same_octets(names[index].data(), token.data(), token.size())
               ? static_cast<SipMethod>(index)
               : SipMethod::other;
}

std::string_view to_string(SipMethod method) {
    const auto index = static_cast<std::size_t>(method);
    return index < names.size() ? names[index] : "other";
}

} // namespace tandem::wire
