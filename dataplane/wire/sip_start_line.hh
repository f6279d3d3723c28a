// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The first line of a SIP message (RFC 3261 sections 7.1 and 7.2). For the SIP readers of this folder only.

#include "dataplane/wire/sip.hh"

#include <cstdint>
#include <expected>
#include <string_view>

namespace tandem::wire::sip_text {

/// The first line, and what stands around it.
struct StartLine {
    SipKind kind{SipKind::request};
    std::string_view line;    ///< without its end
    std::string_view version; ///< `SIP/2.0`, or another number
    std::string_view method;  ///< of a request: a token
    bool has_end{false};      ///< a line end follows
    std::string_view rest;    ///< what follows the line end
};

/// Finds the start line behind any CRLFs (RFC 3261 section 7.5) and tells by its shape whether this is SIP: a
/// request ends, a response begins with a SIP version. Tolerates blanks that the grammar forbids.
std::expected<StartLine, SipError> find_start_line(std::string_view datagram) noexcept;

constexpr std::string_view sip_version{"SIP/2.0"};

/// Request-Line in the strict form: one space on each side of the URI. Gives the Request-URI.
std::expected<std::string_view, SipError> strict_request(const StartLine& start) noexcept;

struct Status {
    std::uint16_t code{0};
    std::string_view reason;
};
std::expected<Status, SipError> strict_status(const StartLine& start) noexcept;

} // namespace tandem::wire::sip_text
