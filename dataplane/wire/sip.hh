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
//   extract_sip        the same, several times faster, with the caller's room for marks (sip_marks.hh)
// They agree: what parse_sip accepts, summarize accepts with the same kind and method; what summarize
// accepts, classify_datagram calls a request or a response. What only summarize accepts is SIP that is
// damaged (say, blanks in the Request-URI) and still says clearly what it is. Deliberately absent: URI
// syntax, bodies, authentication, header fields that nothing here needs, and printing. Views in the result
// are hostile text as it came: folded lines inside, any octet possible.

#include "dataplane/wire/sip_method.hh"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
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

struct SipContact {
    std::string_view uri; ///< without angle brackets
    std::optional<std::uint32_t> expires;
};

/// Contact values and header field values that are kept of one message; more are counted only.
inline constexpr std::size_t sip_contacts_max = 8;
inline constexpr std::size_t sip_values_max = 8;

struct SipContacts {
    std::size_t count{0}; ///< values over all Contact fields; `*` is one
    bool wildcard{false}; ///< `*`: all contacts, in a REGISTER that removes them (RFC 3261 section 10.2.2)
    std::array<SipContact, sip_contacts_max> kept; ///< `*` is not among them

    std::span<const SipContact> values() const noexcept {
        return {kept.data(), wildcard ? 0 : std::min(count, kept.size())};
    }
};

/// The values of a header field that may stand several times, each as it came: perhaps a comma list.
struct SipValues {
    std::size_t count{0};
    std::array<std::string_view, sip_values_max> kept;

    std::span<const std::string_view> values() const noexcept {
        return {kept.data(), std::min(count, kept.size())};
    }
    void add(std::string_view value) noexcept {
        if (count < kept.size())
            kept[count] = value;
        ++count;
    }
};

/// What a message has once at most. All views point into the datagram.
struct SipFields {
    SipKind kind{SipKind::request};
    SipMethod method{SipMethod::other}; ///< of a response: that of its CSeq
    std::uint16_t status{0};            ///< of a response, 100 to 999
    std::uint32_t cseq{0};
    std::string_view method_name; ///< the token on the wire
    std::string_view request_uri; ///< of a request
    std::string_view reason;      ///< of a response, may be empty
    SipVia via;
    SipParty from;
    SipParty to;
    std::string_view call_id;
    /// Seconds. A value beyond 2^32-1 counts as that (RFC 3261 section 20.19), one that is no number as
    /// absent.
    std::optional<std::uint32_t> expires;
    std::optional<std::uint32_t> content_length;
    std::optional<std::uint8_t> max_forwards;
    std::string_view body;
};

/// A message as far as it is tracked.
struct SipMessage : SipFields {
    SipContacts contacts;
    SipValues routes;
    SipValues record_routes;
    SipValues paths; ///< RFC 3327
};

/// What a datagram on a SIP port is, by its first line.
SipContent classify_datagram(std::string_view datagram) noexcept;

/// How many octets of a stream a message has.
struct SipFraming {
    std::size_t head{0};   ///< start line and header section with the blank line; 0: its end has not come yet
    std::uint32_t body{0}; ///< Content-Length; without one there is no body (RFC 3261 section 18.3)
};

/// Looks at a stream from a start line on. An error when no message can begin so.
std::expected<SipFraming, SipError> frame_sip(std::string_view stream) noexcept;

/// Kind and method by a bounded scan: of a request the start line, of a response also the lines down to its
/// CSeq.
std::expected<SipSummary, SipError> summarize(std::string_view datagram) noexcept;
/// The kind alone, by the start line alone.
std::expected<SipKind, SipError> summarize_start_line(std::string_view datagram) noexcept;

/// Reads the whole header section of the first message in the datagram.
std::expected<SipMessage, SipError> parse_sip(std::string_view datagram) noexcept;

class SipMarks;
enum class SipScanner : std::uint8_t;

/// What parse_sip says, for the packet path: `marks` is room that the caller keeps from call to call.
/// `message` is written from its beginning; after an error it holds what had been read until then.
std::optional<SipError> extract_sip(std::string_view datagram, SipScanner scanner, SipMarks& marks,
                                    SipMessage& message) noexcept;

} // namespace tandem::wire
