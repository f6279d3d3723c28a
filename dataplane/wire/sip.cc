// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip.hh"

#include "dataplane/wire/sip_fields.hh"
#include "dataplane/wire/sip_start_line.hh"
#include "dataplane/wire/sip_text.hh"

#include <algorithm>
#include <array>

namespace tandem::wire {
namespace {

using namespace sip_text;

std::uint32_t be16(std::string_view text, std::size_t offset) noexcept {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[offset]) << 8U |
                                      static_cast<unsigned char>(text[offset + 1]));
}

/// A STUN message (RFC 8489 section 5), or a Binding message of its predecessor, which had no cookie (RFC
/// 3489).
bool is_stun(std::string_view datagram) noexcept {
    constexpr std::size_t header = 20;
    constexpr std::uint32_t cookie_high = 0x2112;
    constexpr std::uint32_t cookie_low = 0xa442;
    if (datagram.size() < header)
        return false;
    const std::uint32_t type = be16(datagram, 0);
    if ((type & 0xc000U) != 0 || be16(datagram, 2) != datagram.size() - header)
        return false;
    if (be16(datagram, 4) == cookie_high && be16(datagram, 6) == cookie_low)
        return true;
    return type == 0x0001 || type == 0x0101 || type == 0x0111;
}

/// Which header fields may stand only once, and what is wrong when they are absent.
struct Duty {
    Field field;
    SipError missing;
};
constexpr std::array<Duty, 5> duties{{
    {Field::via, SipError::via_missing},
    {Field::from, SipError::from_missing},
    {Field::to, SipError::to_missing},
    {Field::call_id, SipError::call_id_missing},
    {Field::cseq, SipError::cseq_missing},
}};

constexpr std::uint32_t bit_of(Field field) noexcept {
    return 1U << static_cast<unsigned>(field);
}

constexpr std::uint32_t once_only = bit_of(Field::from) | bit_of(Field::to) | bit_of(Field::call_id) |
                                    bit_of(Field::cseq) | bit_of(Field::max_forwards) |
                                    bit_of(Field::content_length);

std::optional<SipError> read_party_into(SipParty& party, std::string_view value, SipError error) noexcept {
    const auto read = read_party(value);
    if (!read)
        return error;
    party = *read;
    return std::nullopt;
}

std::optional<SipError> read_cseq_into(SipMessage& message, std::string_view value) noexcept {
    const auto cseq = read_cseq(value);
    if (!cseq)
        return cseq.error();
    message.cseq = cseq->number;
    if (message.kind == SipKind::response) {
        message.method_name = cseq->method;
        message.method = sip_method(cseq->method);
        return std::nullopt;
    }
    if (cseq->method != message.method_name)
        return SipError::cseq_mismatch; // RFC 3261 section 8.1.1.5
    return std::nullopt;
}

/// Takes one header field into the message. `first`: the field has not been seen before.
std::optional<SipError> take_field(SipMessage& message, const HeaderLine& header, bool first) noexcept {
    switch (header.field) {
    case Field::via:
        if (first) {
            const auto via = read_via(header.value);
            if (!via)
                return SipError::via_malformed;
            message.via = *via;
        }
        break;
    case Field::from:
        return read_party_into(message.from, header.value, SipError::from_malformed);
    case Field::to:
        return read_party_into(message.to, header.value, SipError::to_malformed);
    case Field::call_id:
        if (header.value.empty() || std::any_of(header.value.begin(), header.value.end(), is_lws))
            return SipError::call_id_malformed;
        message.call_id = header.value;
        break;
    case Field::cseq:
        return read_cseq_into(message, header.value);
    case Field::contact:
        if (!add_contacts(header.value, message.contacts))
            return SipError::contact_malformed;
        break;
    case Field::expires:
        if (first)
            message.expires = saturated(header.value);
        break;
    case Field::max_forwards: {
        const auto value = number(header.value, 255); // RFC 3261 section 20.22
        if (!value)
            return SipError::max_forwards_malformed;
        message.max_forwards = static_cast<std::uint8_t>(*value);
        break;
    }
    case Field::content_length:
        message.content_length = number(header.value, 0xffffffffU);
        if (!message.content_length)
            return SipError::content_length_malformed;
        break;
    case Field::route:
        ++message.route_fields;
        break;
    case Field::record_route:
        ++message.record_route_fields;
        break;
    case Field::other:
        break;
    }
    return std::nullopt;
}

/// Reads the header section; `text` is the body afterwards.
std::optional<SipError> take_headers(SipMessage& message, std::string_view& text) noexcept {
    std::uint32_t seen = 0;
    for (std::size_t lines = 0;; ++lines) {
        const auto line = take_folded_line(text);
        if (!line)
            return SipError::unterminated;
        if (line->empty())
            break;
        if (lines == sip_headers_max)
            return SipError::too_many_headers;
        const auto header = split_header(*line);
        if (!header)
            return SipError::header_line;
        const std::uint32_t bit = bit_of(header->field);
        const bool first = (seen & bit) == 0;
        if (!first && (bit & once_only) != 0)
            return SipError::repeated_header;
        seen |= bit;
        if (const auto error = take_field(message, *header, first))
            return error;
    }
    for (const Duty& duty : duties)
        if ((seen & bit_of(duty.field)) == 0)
            return duty.missing;
    return std::nullopt;
}

/// The method of a response: that of the first CSeq field.
std::expected<std::string_view, SipError> cseq_method(std::string_view headers) noexcept {
    for (std::size_t lines = 0; lines < sip_headers_max; ++lines) {
        const auto line = take_folded_line(headers);
        if (!line)
            return std::unexpected(SipError::unterminated);
        if (line->empty())
            return std::unexpected(SipError::cseq_missing);
        // CSeq has no compact form: one letter decides for most lines.
        if (lower(line->front()) != 'c')
            continue;
        const auto header = split_header(*line);
        if (!header || header->field != Field::cseq)
            continue;
        const auto cseq = read_cseq(header->value);
        if (!cseq)
            return std::unexpected(cseq.error());
        return cseq->method;
    }
    return std::unexpected(SipError::too_many_headers);
}

} // namespace

SipContent classify_datagram(std::string_view datagram) noexcept {
    if (const auto start = find_start_line(datagram))
        return start->kind == SipKind::request ? SipContent::request : SipContent::response;
    const bool only_filler = std::all_of(datagram.begin(), datagram.end(),
                                         [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    return only_filler || is_stun(datagram) ? SipContent::keepalive : SipContent::not_sip;
}

std::expected<SipSummary, SipError> summarize(std::string_view datagram) noexcept {
    const auto start = find_start_line(datagram);
    if (!start)
        return std::unexpected(start.error());
    if (!same_ignoring_case(start->version, sip_version))
        return std::unexpected(SipError::version);
    if (!start->has_end)
        return std::unexpected(SipError::unterminated);
    if (start->kind == SipKind::request)
        return SipSummary{SipKind::request, sip_method(start->method), start->method};
    const auto method = cseq_method(start->rest);
    if (!method)
        return std::unexpected(method.error());
    return SipSummary{SipKind::response, sip_method(*method), *method};
}

std::expected<SipMessage, SipError> parse_sip(std::string_view datagram) noexcept {
    const auto start = find_start_line(datagram);
    if (!start)
        return std::unexpected(start.error());
    if (!same_ignoring_case(start->version, sip_version))
        return std::unexpected(SipError::version);
    if (!start->has_end)
        return std::unexpected(SipError::unterminated);
    SipMessage message;
    message.kind = start->kind;
    if (start->kind == SipKind::request) {
        const auto uri = strict_request(*start);
        if (!uri)
            return std::unexpected(uri.error());
        message.request_uri = *uri;
        message.method_name = start->method;
        message.method = sip_method(start->method);
    } else {
        const auto status = strict_status(*start);
        if (!status)
            return std::unexpected(status.error());
        message.status = status->code;
        message.reason = status->reason;
    }
    std::string_view body = start->rest;
    if (const auto error = take_headers(message, body))
        return std::unexpected(*error);
    // RFC 3261 section 18.3: what lies behind the body is not part of the message; a body cut short is an
    // error.
    if (message.content_length.value_or(0) > body.size())
        return std::unexpected(SipError::body_truncated);
    message.body = message.content_length ? body.substr(0, *message.content_length) : body;
    return message;
}

} // namespace tandem::wire
