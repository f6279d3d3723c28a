// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// SIP messages, looked at where they lie.
//
// Problem: the packet path must know what a datagram on a SIP port is and, of SIP, the method and a few
// header fields, thousands of times a second, while anybody can send anything. Idea: three questions of
// growing price over one text view, all of them without copying or allocating.
//   classify_datagram  first line only: is this SIP at all?
//   summarize          kind and method, as far as a request pattern needs; tolerant, as SIP servers are
//   parse_sip          the header fields that are tracked; strict: what is ambiguous is an error with a
//   reason
// They agree: what parse_sip accepts, summarize accepts with the same kind and method; what summarize
// accepts, classify_datagram calls a request or a response. What only summarize accepts is SIP that is
// damaged (say, blanks in the Request-URI) and still says clearly what it is. Deliberately absent: URI
// syntax, bodies, authentication, header fields that nothing here needs, and printing. Views in the result
// are hostile text as it came: folded lines inside, any octet possible.

#include "dataplane/wire/sip_method.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace tandem::wire {

/// A datagram has at most this many octets of UDP payload; more is not looked at.
inline constexpr std::size_t sip_octets_max = 65535;
/// Header fields that are looked at before a message is refused.
inline constexpr std::size_t sip_headers_max = 256;

enum class SipContent : std::uint8_t {
    request,
    response,
    /// Nothing, nothing but CR, LF and zero octets, or a STUN message (RFC 5626 sections 3.5.1 and 3.5.2).
    keepalive,
    not_sip, ///< anything else, SSDP and HTTP requests included
};

/// Why a message could not be read.
enum class SipError : std::uint8_t {
    not_sip,
    too_long,
    start_line,
    version,
    request_uri,
    status_code,
    unterminated,
    too_many_headers,
    header_line,
    repeated_header,
    via_missing,
    via_malformed,
    from_missing,
    from_malformed,
    to_missing,
    to_malformed,
    call_id_missing,
    call_id_malformed,
    cseq_missing,
    cseq_malformed,
    cseq_mismatch,
    contact_malformed,
    max_forwards_malformed,
    content_length_malformed,
    body_truncated,
};
inline constexpr std::size_t sip_errors = static_cast<std::size_t>(SipError::body_truncated) + 1;

/// One sentence for the operator; lives for ever.
std::string_view sentence(SipError error) noexcept;

/// What a request pattern asks of a message.
struct SipSummary {
    SipKind kind{SipKind::request};
    SipMethod method{SipMethod::other}; ///< of a response: that of its CSeq
    std::string_view method_name;       ///< the token on the wire
};

enum class SipRport : std::uint8_t {
    absent,
    asked,  ///< present without a value: the sender asks for symmetric responses (RFC 3581)
    filled, ///< with the port that the receiver saw
};

/// The topmost Via value.
struct SipVia {
    std::string_view transport; ///< `UDP`, `TCP`, ...: any token
    std::string_view host;      ///< sent-by; an IPv6 address has its brackets
    std::optional<std::uint16_t> port;
    std::string_view branch;   ///< empty: none
    std::string_view received; ///< empty: none
    SipRport rport{SipRport::absent};
    std::uint16_t rport_value{0};
};

/// From or To.
struct SipParty {
    std::string_view uri; ///< without angle brackets
    std::string_view tag; ///< empty: none
};

struct SipContacts {
    std::size_t count{0}; ///< values over all Contact fields; `*` is one
    bool wildcard{false}; ///< `*`: all contacts, in a REGISTER that removes them (RFC 3261 section 10.2.2)
    std::string_view first_uri; ///< without angle brackets
    std::optional<std::uint32_t> first_expires;
};

/// A message as far as it is tracked. All views point into the datagram.
struct SipMessage {
    SipKind kind{SipKind::request};
    SipMethod method{SipMethod::other}; ///< of a response: that of its CSeq
    std::string_view method_name;       ///< the token on the wire
    std::string_view request_uri;       ///< of a request
    std::uint16_t status{0};            ///< of a response, 100 to 999
    std::string_view reason;            ///< of a response, may be empty
    SipVia via;
    SipParty from;
    SipParty to;
    std::string_view call_id;
    std::uint32_t cseq{0};
    SipContacts contacts;
    /// Seconds. A value beyond 2^32-1 counts as that (RFC 3261 section 20.19), one that is no number as
    /// absent.
    std::optional<std::uint32_t> expires;
    std::optional<std::uint8_t> max_forwards;
    std::optional<std::uint32_t> content_length;
    std::size_t route_fields{0};
    std::size_t record_route_fields{0};
    std::string_view body;
};

/// What a datagram on a SIP port is, by its first line.
SipContent classify_datagram(std::string_view datagram) noexcept;

/// Kind and method by a bounded scan: of a request the start line, of a response also the lines down to its
/// CSeq.
std::expected<SipSummary, SipError> summarize(std::string_view datagram) noexcept;

/// Reads the whole header section of the first message in the datagram.
std::expected<SipMessage, SipError> parse_sip(std::string_view datagram) noexcept;

} // namespace tandem::wire
