// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_message.hh"

#include "dataplane/wire/sip_start_line.hh"
#include "dataplane/wire/sip_text.hh"

#include <algorithm>
#include <array>

namespace tandem::wire::sip_text {
namespace {

std::optional<SipError> read_party_into(SipParty& party, std::string_view value, SipError error) noexcept {
    const auto read = read_party(value);
    if (!read)
        return error;
    party = *read;
    return std::nullopt;
}

} // namespace

std::optional<SipError> take_start_line(SipMessage& message, std::string_view datagram,
                                        std::string_view& rest) noexcept {
    const auto start = find_start_line(datagram);
    if (!start)
        return start.error();
    if (!same_ignoring_case(start->version, sip_version))
        return SipError::version;
    if (!start->has_end)
        return SipError::unterminated;
    message.kind = start->kind;
    rest = start->rest;
    if (start->kind == SipKind::request) {
        const auto uri = strict_request(*start);
        if (!uri)
            return uri.error();
        message.request_uri = *uri;
        message.method_name = start->method;
        message.method = sip_method(start->method);
        return std::nullopt;
    }
    const auto status = strict_status(*start);
    if (!status)
        return status.error();
    message.status = status->code;
    message.reason = status->reason;
    return std::nullopt;
}

std::optional<SipError> set_cseq(SipMessage& message, const CSeq& cseq) noexcept {
    message.cseq = cseq.number;
    if (message.kind == SipKind::response) {
        message.method_name = cseq.method;
        message.method = sip_method(cseq.method);
        return std::nullopt;
    }
    if (cseq.method.size() != message.method_name.size() ||
        !same_octets(cseq.method.data(), message.method_name.data(), cseq.method.size()))
        return SipError::cseq_mismatch; // RFC 3261 section 8.1.1.5
    return std::nullopt;
}

std::optional<SipError> HeaderSection::take(const std::optional<HeaderLine>& header) noexcept {
    const Turn turn = begin(header ? header->field : Field::other);
    if (turn == Turn::error)
        return error_;
    return header ? take_value(header->field, header->value, turn) : SipError::header_line;
}

std::optional<SipError> HeaderSection::take_value(Field field, std::string_view value, Turn turn) noexcept {
    switch (field) {
    case Field::via:
        if (turn == Turn::first) {
            const auto via = read_via(value);
            if (!via)
                return SipError::via_malformed;
            message_.via = *via;
        }
        break;
    case Field::from:
        return read_party_into(message_.from, value, SipError::from_malformed);
    case Field::to:
        return read_party_into(message_.to, value, SipError::to_malformed);
    case Field::call_id:
        if (value.empty() || std::any_of(value.begin(), value.end(), is_lws))
            return SipError::call_id_malformed;
        message_.call_id = value;
        break;
    case Field::cseq: {
        const auto cseq = read_cseq(value);
        return cseq ? set_cseq(message_, *cseq) : std::optional{cseq.error()};
    }
    case Field::contact:
        if (!add_contacts(value, message_.contacts))
            return SipError::contact_malformed;
        break;
    case Field::expires:
        if (turn == Turn::first)
            message_.expires = saturated(value);
        break;
    case Field::max_forwards: {
        const auto hops = number(value, 255); // RFC 3261 section 20.22
        if (!hops)
            return SipError::max_forwards_malformed;
        message_.max_forwards = static_cast<std::uint8_t>(*hops);
        break;
    }
    case Field::content_length:
        message_.content_length = number(value, 0xffffffffU);
        if (!message_.content_length)
            return SipError::content_length_malformed;
        break;
    case Field::route:
        message_.routes.add(value);
        break;
    case Field::record_route:
        message_.record_routes.add(value);
        break;
    case Field::path:
        message_.paths.add(value);
        break;
    case Field::other:
        break;
    }
    return std::nullopt;
}

std::optional<SipError> HeaderSection::end(std::string_view rest) noexcept {
    struct Duty {
        Field field;
        SipError missing;
    };
    static constexpr std::array<Duty, 5> duties{{
        {Field::via, SipError::via_missing},
        {Field::from, SipError::from_missing},
        {Field::to, SipError::to_missing},
        {Field::call_id, SipError::call_id_missing},
        {Field::cseq, SipError::cseq_missing},
    }};
    if ((seen_ & all_duties) != all_duties)
        for (const Duty& duty : duties)
            if ((seen_ & bit_of(duty.field)) == 0)
                return duty.missing;
    // RFC 3261 section 18.3: what lies behind the body is not part of the message; a body cut short is an
    // error.
    if (message_.content_length.value_or(0) > rest.size())
        return SipError::body_truncated;
    message_.body = message_.content_length ? rest.substr(0, *message_.content_length) : rest;
    return std::nullopt;
}

std::optional<SipError> read_message(std::string_view datagram, SipMessage& message) noexcept {
    std::string_view text;
    if (const auto error = take_start_line(message, datagram, text))
        return error;
    HeaderSection section{message};
    for (;;) {
        const auto line = take_folded_line(text);
        if (!line)
            return SipError::unterminated;
        if (line->empty())
            return section.end(text);
        if (const auto error = section.take(split_header(*line)))
            return error;
    }
}

} // namespace tandem::wire::sip_text
