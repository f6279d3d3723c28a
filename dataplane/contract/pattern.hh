// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The request pattern: which SIP messages are mirrored.
//
// Blank matches any SIP message, requests and responses. `INVITE|CANCEL|BYE` matches requests with one of
// these methods. `!REGISTER` (or `!REGISTER|OPTIONS`) matches every SIP message but those of the named
// methods; a response belongs to the method in its CSeq. The test is one mask. Deliberately absent for the
// moment of matching: text, allocation, regular expressions.

#include "dataplane/wire/sip_method.hh"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace tandem::contract {

class RequestPattern {
public:
    /// Matches any SIP message.
    constexpr RequestPattern() = default;

    /// Parses the syntax above; method names in either case, blanks around them allowed. The error is a
    /// sentence that names the offending part and how to mend it.
    static std::expected<RequestPattern, std::string> parse(std::string_view text);

    /// Does a message of this method match? `method` of a response is that of its CSeq.
    constexpr bool matches(wire::SipMethod method, wire::SipKind kind) const {
        const std::uint32_t bit = 1U << static_cast<unsigned>(method);
        return ((kind == wire::SipKind::request ? requests_ : responses_) & bit) != 0;
    }

    /// The pattern in canonical text form.
    std::string to_string() const;

    constexpr bool operator==(const RequestPattern&) const = default;

private:
    std::uint32_t requests_{0xffffffffU};
    std::uint32_t responses_{0xffffffffU};
};

} // namespace tandem::contract
