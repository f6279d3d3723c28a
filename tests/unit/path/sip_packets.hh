// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Packets and a policy for the tests of the packet path.

#include "dataplane/contract/policy.hh"
#include "dataplane/wire/udp.hh"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace sip_packets {

using Packet = std::vector<std::uint8_t>;

inline tandem::wire::IpAddress address(std::string_view text) {
    const auto parsed = tandem::wire::IpAddress::parse(text);
    if (!parsed)
        std::abort();
    return *parsed;
}

inline std::string request(std::string_view method) {
    const std::string m{method};
    return m +
           " sip:bob@10.9.0.100 SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.0.7;branch=z9hG4bK1\r\nFrom: "
           "<sip:a@x>;tag=1\r\n"
           "To: <sip:bob@x>\r\nCall-ID: 1@x\r\nCSeq: 1 " +
           m + "\r\nContent-Length: 0\r\n\r\n";
}

inline Packet udp(std::string_view payload, std::string_view to = "10.9.0.100", std::uint16_t port = 5060,
                  std::string_view from = {}) {
    const auto destination = address(to);
    const auto source = address(!from.empty() ? from : destination.is_v4() ? "10.9.0.7" : "fd00::7");
    Packet packet(tandem::wire::udp_packet_size(destination.family, payload.size()));
    const tandem::wire::UdpFlow flow{source, destination, 5070, port};
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(payload.data());
    if (tandem::wire::write_udp_packet(packet, flow, {bytes, payload.size()}) != packet.size())
        std::abort();
    return packet;
}

/// Group 0: 10.9.0.100 and fd00::100, ports 5060 and 5062, mirrors what `pattern` matches. Group
/// 1: 10.9.0.101, does not mirror.
inline tandem::contract::Policy policy(std::string_view pattern = "") {
    using namespace tandem::contract;
    Policy policy;
    policy.vip_count = 3;
    policy.vips[0] = {address("10.9.0.100"), {}, 0, {}};
    policy.vips[1] = {address("fd00::100"), {}, 0, {}};
    policy.vips[2] = {address("10.9.0.101"), {}, 1, {}};
    policy.group_count = 2;
    policy.groups[0].pattern = RequestPattern::parse(pattern).value();
    policy.groups[0].mirroring = Mirroring::on;
    policy.groups[0].sip_port_count = 2;
    policy.groups[0].sip_ports = {5060, 5062};
    policy.groups[1].sip_port_count = 1;
    policy.groups[1].sip_ports = {5060};
    return policy;
}

} // namespace sip_packets
