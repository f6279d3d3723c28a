// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/burst_messages.hh"

#include <rte_mbuf.h>

#include <cstring>

namespace tandem::dpdk {
namespace {

std::uint16_t be16(const std::uint8_t* at) {
    std::uint16_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return __builtin_bswap16(value);
}

} // namespace

std::span<const state::TrackedMessage> BurstMessages::of(const Selection& sip, state::Way way) {
    constexpr std::size_t udp = 8;
    std::size_t count = 0;
    for (const Looked looked : sip) {
        const auto* data = rte_pktmbuf_mtod(looked.packet, const std::uint8_t*);
        const std::uint8_t* ip = data + looked.seen.network;
        const std::uint8_t* transport = data + looked.seen.transport;
        state::TrackedMessage& message = messages_[count++];
        const bool four = looked.seen.flow.version() == 4;
        wire::IpAddress& source = message.origin.source;
        source = {};
        source.family = four ? wire::Family::ipv4 : wire::Family::ipv6;
        if (four)
            std::memcpy(source.octets.data(), ip + 12, 4);
        else
            std::memcpy(source.octets.data(), ip + 8, 16);
        message.origin.port = be16(transport);
        message.origin.group = looked.seen.group;
        message.way = way;
        // The look has compared the lengths with that of the frame.
        message.text = {reinterpret_cast<const char*>(transport + udp), be16(transport + 4) - udp};
    }
    return std::span(messages_).first(count);
}

} // namespace tandem::dpdk
