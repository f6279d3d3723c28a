// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Header fields of SIP, one reader each (RFC 3261 section 20). For the SIP readers of this folder only.

#include "dataplane/wire/sip.hh"

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace tandem::wire::sip_text {

/// The header fields that are looked at.
enum class Field : std::uint8_t {
    call_id,
    contact,
    content_length,
    cseq,
    expires,
    from,
    max_forwards,
    path,
    record_route,
    route,
    to,
    via,
    other,
};

/// The field of a name, in either case, long or compact (RFC 3261 section 7.3.3).
Field field_of(std::string_view name) noexcept;

struct HeaderLine {
    Field field{Field::other};
    std::string_view value; ///< trimmed; folded line ends inside are as they came
};

/// Splits a folded line at its colon. Nothing when it has none or the name is no token.
std::optional<HeaderLine> split_header(std::string_view line) noexcept;

struct CSeq {
    std::uint32_t number{0};
    std::string_view method;
};

std::expected<CSeq, SipError> read_cseq(std::string_view value) noexcept;
std::optional<SipVia> read_via(std::string_view value) noexcept;
std::optional<SipParty> read_party(std::string_view value) noexcept;
/// Adds the values of one Contact field. False when they are malformed.
bool add_contacts(std::string_view value, SipContacts& contacts) noexcept;

} // namespace tandem::wire::sip_text
