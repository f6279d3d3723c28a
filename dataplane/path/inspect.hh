// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What a packet is, as far as its verdict depends on it.
//
// A ladder: IP, VIP, fragment, UDP, port, SIP, pattern. Each fall has a name, and each name a row in the
// decision table. Nothing is copied. Deliberately absent: the verdict, roles, header fields beyond the
// method.

#include "dataplane/contract/policy.hh"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tandem::path {

enum class Kind : std::uint8_t {
    sip_matching,  ///< SIP to a VIP that the request pattern matches, mirroring on
    sip_other,     ///< SIP to a VIP that it does not match, or mirroring off
    sip_malformed, ///< to a SIP port of a VIP, but no well-formed SIP
    keepalive,     ///< to a SIP port of a VIP: CRLF or STUN (RFC 5626 section 3.5)
    other_port,    ///< to a VIP, but not UDP or not a SIP port of its group
    fragment,      ///< to a VIP, not reassembled
    truncated,     ///< to a VIP, shorter than its own headers say
    unreadable,    ///< no destination could be read
    not_vip,       ///< to another address
    late_binding,  ///< mirrored, a REGISTER of the term before the present one: found by the caller
    outdated,      ///< mirrored, but of an older epoch: found by the caller, who knows the role
    count_
};
inline constexpr std::size_t kind_count = static_cast<std::size_t>(Kind::count_);
std::string_view to_string(Kind kind);

struct Inspection {
    Kind kind{Kind::unreadable};
    std::uint8_t group{0}; ///< of the VIP; meaningless for unreadable and not_vip
    bool binding{false};   ///< a REGISTER request
};

/// Inspects a packet that begins with its IP header.
Inspection inspect(std::span<const std::uint8_t> packet, const contract::Policy& policy) noexcept;

/// Is the method of responses, which stands in their CSeq and thus deep in the message, of any matter to a
/// group? If not, their start line alone is looked at.
constexpr bool reads_responses(const contract::GroupPolicy& group) {
    return group.mirroring == contract::Mirroring::on && group.pattern.asks_responses();
}

/// Inspects what a datagram to a SIP port of a group contains; `index` is the group's.
Inspection inspect_sip(std::span<const std::uint8_t> payload, const contract::GroupPolicy& group,
                       std::uint8_t index) noexcept;

/// What may be a SIP message in a packet for a VIP: UDP to a SIP port of its group.
struct SipText {
    std::uint8_t group{0};
    std::uint16_t port{0}; ///< of the source
    wire::IpAddress source;
    std::string_view text;
};
std::optional<SipText> sip_text(std::span<const std::uint8_t> packet,
                                const contract::Policy& policy) noexcept;
/// Is it a port on which SIP of the group is looked for?
bool is_sip_port(const contract::GroupPolicy& group, std::uint16_t port) noexcept;

/// The VIP that an address is, or null.
const contract::Vip* find_vip(const contract::Policy& policy, const wire::IpAddress& address) noexcept;

} // namespace tandem::path
