// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as a packet, as a frame, and as what stands inside them.
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/ndp.hh"
#include "dataplane/wire/udp.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace {

using namespace tandem::wire;
using Bytes = std::span<const std::uint8_t>;

void require(bool holds) {
    if (!holds)
        std::abort();
}

void require_inside(Bytes part, Bytes whole) {
    require(part.empty() ||
            (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()));
}

void check_packet(Bytes bytes) {
    const auto packet = parse_ip(bytes);
    if (!packet) {
        require(sentence(packet.error()) != "unknown");
        return;
    }
    require_inside(packet->bytes, bytes);
    require_inside(packet->payload, packet->bytes);
    require(packet->source.family == packet->destination.family && packet->family() != Family::none);
    require((packet->fragment == Fragment::later) == (packet->fragment_offset != 0));
    require(packet->fragment_offset + packet->payload.size() <= 65535U);
    if (const auto udp = parse_udp(packet->payload))
        require_inside(udp->payload, packet->payload);
    if (const auto icmp = parse_icmp(*packet))
        require_inside(icmp->payload, packet->payload);
    if (const auto neighbour = parse_ndp(*packet))
        require(packet->hop_limit == 255 && neighbour->target.is_v6());
}

/// What was read as ARP is written back the same.
void check_arp(Bytes payload) {
    const auto arp = parse_arp(payload);
    if (!arp)
        return;
    std::array<std::uint8_t, ArpFrame::size> out{};
    require(write_arp(out, ArpFrame{MacAddress::broadcast(), arp->sender_mac, *arp}) == ArpFrame::size);
    for (std::size_t i = 0; i < ArpPacket::size; ++i)
        require(out[EthernetFrame::header_size + i] == payload[i]);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes{data, size};
    check_packet(bytes);
    check_arp(bytes);
    if (const auto frame = parse_ethernet(bytes)) {
        require_inside(frame->payload, bytes);
        if (frame->ether_type == ether_type_arp)
            check_arp(frame->payload);
        if (frame->ether_type == ether_type_ipv4 || frame->ether_type == ether_type_ipv6)
            check_packet(frame->payload);
    }
    return 0;
}
