// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip.hh"

#include "dataplane/wire/sip_fields.hh"
#include "dataplane/wire/sip_message.hh"
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

/// A start line of this version, with its end.
std::expected<StartLine, SipError> whole_start_line(std::string_view datagram) noexcept {
    auto start = find_start_line(datagram);
    if (start && !same_ignoring_case(start->version, sip_version))
        return std::unexpected(SipError::version);
    if (start && !start->has_end)
        return std::unexpected(SipError::unterminated);
    return start;
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
    const auto start = whole_start_line(datagram);
    if (!start)
        return std::unexpected(start.error());
    if (start->kind == SipKind::request)
        return SipSummary{SipKind::request, sip_method(start->method), start->method};
    const auto method = cseq_method(start->rest);
    if (!method)
        return std::unexpected(method.error());
    return SipSummary{SipKind::response, sip_method(*method), *method};
}

std::expected<SipKind, SipError> summarize_start_line(std::string_view datagram) noexcept {
    const auto start = whole_start_line(datagram);
    if (!start)
        return std::unexpected(start.error());
    return start->kind;
}

std::expected<SipFraming, SipError> frame_sip(std::string_view stream) noexcept {
    const auto head = stream.substr(0, sip_octets_max);
    const auto start = find_start_line(head);
    if (!start) {
        // Of a start line that has not ended only the method can be judged.
        const bool may_become = head.find('\n') == std::string_view::npos && head.size() < sip_octets_max;
        std::string_view rest = head;
        const auto word = take_token(rest);
        if (may_become && !word.empty() && (rest.empty() || is_blank(rest.front()) || rest.front() == '/'))
            return SipFraming{};
        return std::unexpected(start.error());
    }
    if (!start->has_end)
        return SipFraming{};
    SipFraming framing;
    std::string_view rest = start->rest;
    for (;;) {
        const auto line = take_folded_line(rest);
        if (!line)
            return SipFraming{};
        if (line->empty())
            break;
        const char first = lower(line->front());
        if (first != 'c' && first != 'l') // Content-Length, or l
            continue;
        const auto header = split_header(*line);
        if (!header || header->field != Field::content_length)
            continue;
        const auto length = number(header->value, 0xffffffffU);
        if (!length)
            return std::unexpected(SipError::content_length_malformed);
        framing.body = *length;
    }
    framing.head = static_cast<std::size_t>(rest.data() - stream.data());
    return framing;
}

std::expected<SipMessage, SipError> parse_sip(std::string_view datagram) noexcept {
    SipMessage message;
    if (const auto error = read_message(datagram, message))
        return std::unexpected(*error);
    return message;
}

} // namespace tandem::wire
