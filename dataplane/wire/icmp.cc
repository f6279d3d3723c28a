// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/icmp.hh"

#include "dataplane/wire/octets.hh"

namespace tandem::wire {
namespace {

IcmpKind kind_v4(std::uint8_t type) noexcept {
    switch (type) {
    case 8:
        return IcmpKind::echo_request;
    case 0:
        return IcmpKind::echo_reply;
    case 3:  // destination unreachable
    case 4:  // source quench
    case 5:  // redirect
    case 11: // time exceeded
    case 12: // parameter problem
        return IcmpKind::error;
    default:
        return IcmpKind::other;
    }
}

IcmpKind kind_v6(std::uint8_t type) noexcept {
    if (type == 128)
        return IcmpKind::echo_request;
    if (type == 129)
        return IcmpKind::echo_reply;
    // RFC 4443 section 2.1: error messages are those with the high bit clear; 0 is not assigned.
    return type > 0 && type < 128 ? IcmpKind::error : IcmpKind::other;
}

} // namespace

std::expected<IcmpMessage, PacketError> parse_icmp(const IpPacket& packet) noexcept {
    const bool is_v4 = packet.source.is_v4();
    if (packet.protocol != (is_v4 ? protocol_icmp : protocol_icmpv6))
        return std::unexpected(PacketError::kind);
    if (packet.fragment != Fragment::whole)
        return std::unexpected(PacketError::fragment);
    if (packet.payload.size() < IcmpMessage::header_size)
        return std::unexpected(PacketError::truncated);
    IcmpMessage message;
    message.type = packet.payload[0];
    message.code = packet.payload[1];
    message.kind = is_v4 ? kind_v4(message.type) : kind_v6(message.type);
    if (message.kind == IcmpKind::echo_request || message.kind == IcmpKind::echo_reply) {
        message.identifier = load_be<std::uint16_t>(packet.payload, 4);
        message.sequence = load_be<std::uint16_t>(packet.payload, 6);
    }
    message.payload = packet.payload.subspan(IcmpMessage::header_size);
    return message;
}

} // namespace tandem::wire
