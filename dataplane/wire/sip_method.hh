// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The SIP methods that are known by name. Anything else that has the form of a token is `other`
// (RFC 3261 section 7.1: extension-method).

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::wire {

enum class SipMethod : std::uint8_t {
    ack,
    bye,
    cancel,
    info,
    invite,
    message,
    notify,
    options,
    prack,
    publish,
    refer,
    register_,
    subscribe,
    update,
    other,
};

enum class SipKind : std::uint8_t { request, response };

/// In the order of the enumeration; the index is the value. RFC 3261, 6086, 3428, 6665, 3262, 3903, 3515,
/// 3311.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(SipMethod::other)> sip_method_names{
    "ACK",     "BYE",   "CANCEL",  "INFO",  "INVITE",   "MESSAGE",   "NOTIFY",
    "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE",
};
static_assert(sip_method_names.back() == "UPDATE");
inline constexpr std::size_t sip_method_length_max = 9;

/// Length and first letter tell the names apart: at most one comparison is left. For lengths that there are.
constexpr std::size_t sip_method_place(std::size_t length, char first) {
    return length * 32 + static_cast<unsigned char>(first) % 32;
}
[[gnu::visibility("hidden")]] inline constexpr auto sip_method_places = [] {
    std::array<std::uint8_t, (sip_method_length_max + 1) * 32> table{};
    table.fill(static_cast<std::uint8_t>(SipMethod::other));
    for (std::size_t i = 0; i < sip_method_names.size(); ++i) {
        std::uint8_t& place =
            table[sip_method_place(sip_method_names[i].size(), sip_method_names[i].front())];
        if (place != static_cast<std::uint8_t>(SipMethod::other))
            throw "two names in one place"; // no constant expression: the build fails
        place = static_cast<std::uint8_t>(i);
    }
    return table;
}();

/// The method of a token. SIP methods are case-sensitive (RFC 3261 section 7.1).
SipMethod sip_method(std::string_view token);

/// The name on the wire; `other` for extension methods.
std::string_view to_string(SipMethod method);

} // namespace tandem::wire
