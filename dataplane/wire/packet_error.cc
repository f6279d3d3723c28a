// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/packet_error.hh"

namespace tandem::wire {

std::string_view sentence(PacketError error) noexcept {
    switch (error) {
    case PacketError::truncated:
        return "the packet is shorter than its headers say";
    case PacketError::version:
        return "the packet is neither IPv4 nor IPv6, or not of the version its frame says";
    case PacketError::header_length:
        return "a header length is outside what the format allows";
    case PacketError::total_length:
        return "a length field contradicts another one";
    case PacketError::extension:
        return "IPv6 extension headers are out of order or too many";
    case PacketError::fragment:
        return "the fragment cannot be part of any packet";
    case PacketError::kind:
        return "the message is of a type that is not read here";
    case PacketError::checksum:
        return "the checksum does not match";
    case PacketError::off_link:
        return "a neighbour message came through a router";
    case PacketError::address:
        return "an address stands where it must not";
    }
    return "unknown";
}

} // namespace tandem::wire
