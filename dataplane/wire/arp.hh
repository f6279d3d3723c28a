// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// ARP for IPv4 over Ethernet (RFC 826), and the forms of it that an address owner sends: probe and
// announcement (RFC 5227 section 1.1), reply.
//
// Deliberately absent: other hardware or protocol types, RARP, and when to send.

#include "dataplane/wire/address.hh"
#include "dataplane/wire/packet_error.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace tandem::wire {

enum class ArpOperation : std::uint16_t { request = 1, reply = 2 };

/// What an ARP packet says. All four addresses are always on the wire; the IP addresses are IPv4.
struct ArpPacket {
    static constexpr std::size_t size = 28;

    ArpOperation operation{ArpOperation::request};
    MacAddress sender_mac;
    IpAddress sender_ip;
    MacAddress target_mac;
    IpAddress target_ip;
};

/// An ARP packet with its Ethernet header: what is sent, 42 octets without padding.
struct ArpFrame {
    static constexpr std::size_t size = 14 + ArpPacket::size;

    MacAddress destination;
    MacAddress source;
    ArpPacket packet;
};

/// Announcement in request form: broadcast, sender and target address are `vip`, target MAC zero (RFC 5227
/// section 3).
ArpFrame gratuitous_arp_request(const MacAddress& own, const IpAddress& vip) noexcept;
/// Announcement in reply form: broadcast, sender and target are both (`own`, `vip`); some neighbours learn
/// only from this.
ArpFrame gratuitous_arp_reply(const MacAddress& own, const IpAddress& vip) noexcept;
/// Probe: broadcast request for `vip` with sender address 0.0.0.0, so that no cache is changed (RFC 5227
/// section 2.1.1).
ArpFrame arp_probe(const MacAddress& own, const IpAddress& vip) noexcept;
/// The unicast answer to `request`, which asked for its target_ip.
ArpFrame arp_reply(const MacAddress& own, const ArpPacket& request) noexcept;

/// Writes the frame (42 octets) and returns its length; 0 if `out` is too small or an address is not IPv4.
std::size_t write_arp(std::span<std::uint8_t> out, const ArpFrame& frame) noexcept;

/// Reads the payload of an Ethernet frame of type ARP; trailing padding is legal. Errors: truncated, kind.
std::expected<ArpPacket, PacketError> parse_arp(std::span<const std::uint8_t> payload) noexcept;

} // namespace tandem::wire
