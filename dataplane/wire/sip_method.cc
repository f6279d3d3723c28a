// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_method.hh"

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

} // namespace

SipMethod sip_method(std::string_view token) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == token)
            return static_cast<SipMethod>(i);
    return SipMethod::other;
}

std::string_view to_string(SipMethod method) {
    const auto index = static_cast<std::size_t>(method);
    return index < names.size() ? names[index] : "other";
}

} // namespace tandem::wire
