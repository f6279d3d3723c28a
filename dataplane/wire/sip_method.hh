// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The SIP methods that are known by name. Anything else that has the form of a token is `other`
// (RFC 3261 section 7.1: extension-method).

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

/// The method of a token. SIP methods are case-sensitive (RFC 3261 section 7.1).
SipMethod sip_method(std::string_view token);

/// The name on the wire; `other` for extension methods.
std::string_view to_string(SipMethod method);

} // namespace tandem::wire
