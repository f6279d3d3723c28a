// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/packet/cases.hh"

#include "dataplane/wire/udp.hh"

#include <algorithm>
#include <cstdlib>

namespace packet_suite {

using namespace tandem;
using contract::Counter;
using path::Action;
using path::Copy;
using path::Stance;

const std::vector<Case>& cases() {
    using enum Counter;
    constexpr auto none = Copy::none;
    constexpr auto mirror = Copy::mirror;
    static const std::vector<Case> table{
        {"the active serves and mirrors a request that the pattern names", Stance::active, vip, 5060,
         request("REGISTER"), Action::forward, mirror, sip_forwarded},
        {"the active serves and mirrors on the second SIP port, too", Stance::active, vip, 5062,
         request("INVITE"), Action::forward, mirror, sip_forwarded},
        {"the active serves and mirrors over IPv6", Stance::active, vip6, 5060, request("REGISTER"),
         Action::forward, mirror, sip_forwarded},
        {"the active serves but does not mirror another method", Stance::active, vip, 5060,
         request("OPTIONS"), Action::forward, none, sip_forwarded},
        {"an extension method is served and not mirrored", Stance::active, vip, 5060, request("FROBNICATE"),
         Action::forward, none, sip_forwarded},
        {"a response is served and not mirrored by a list of methods", Stance::active, vip, 5060,
         "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n", Action::forward,
         none, sip_forwarded},
        {"a request that IP fragmented is mirrored whole", Stance::active, vip, 5060,
         request("REGISTER", 4'000), Action::forward, mirror, sip_forwarded},
        {"a request behind CRLFs is still a request", Stance::active, vip, 5060,
         "\r\n\r\n" + request("INVITE"), Action::forward, mirror, sip_forwarded},
        {"noise on the SIP port is passed on by the active", Stance::active, vip, 5060,
         std::string(64, '\xfe'), Action::forward, none, sip_malformed},
        {"HTTP on the SIP port is passed on by the active", Stance::active, vip, 5060,
         "GET / HTTP/1.1\r\n\r\n", Action::forward, none, sip_malformed},
        {"a CRLF keep-alive is passed on", Stance::active, vip, 5060, "\r\n\r\n", Action::forward, none,
         sip_keepalive},
        {"an address that is no VIP is left alone by the active", Stance::active, node_address, 5060,
         request("REGISTER"), Action::forward, none, not_sip, Case::Queued::no},
        {"an address that is no VIP is left alone by the standby", Stance::standby, node_address, 5060,
         request("REGISTER"), Action::forward, none, not_sip, Case::Queued::no},
        {"the standby is silent to a request", Stance::standby, vip, 5060, request("REGISTER"), Action::drop,
         none, drop_standby},
        {"the standby is silent over IPv6", Stance::standby, vip6, 5060, request("REGISTER"), Action::drop,
         none, drop_standby},
        {"the standby is silent to noise", Stance::standby, vip, 5060, std::string(64, '\xfe'), Action::drop,
         none, drop_standby},
        {"the standby is silent to a keep-alive", Stance::standby, vip, 5060, "\r\n\r\n", Action::drop, none,
         drop_standby},
        {"a node without a role is silent", Stance::none, vip, 5060, request("REGISTER"), Action::drop, none,
         drop_standby},
        {"a lapsed grant holds a request, then drops it", Stance::lapsed, vip, 5060, request("REGISTER"),
         Action::drop, none, held_dropped},
        {"a yielding node redirects a request to the new active", Stance::yielding, vip, 5060,
         request("REGISTER"), Action::redirect, none, redirected_sent},
        {"a yielding node redirects what the pattern does not name, too", Stance::yielding, vip, 5060,
         request("OPTIONS"), Action::redirect, none, redirected_sent},
    };
    return table;
}

wire::IpAddress address(std::string_view text) {
    const auto parsed = wire::IpAddress::parse(text);
    if (!parsed)
        std::abort();
    return *parsed;
}

std::string request(std::string_view method, std::size_t size) {
    const std::string m{method};
    std::string text = m +
                       " sip:bob@10.9.0.100 SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.0.7;branch=z9hG4bK1\r\n"
                       "From: <sip:a@x>;tag=1\r\nTo: <sip:bob@x>\r\nCall-ID: 1@x\r\nCSeq: 1 " +
                       m + "\r\nContent-Length: 0\r\n";
    if (text.size() + 2 < size)
        text += "Subject: " + std::string(size - text.size(), 'x') + "\r\n";
    return text + "\r\n";
}

std::vector<std::uint8_t> packet_of(std::string_view payload, std::string_view destination,
                                    std::uint16_t port) {
    const wire::IpAddress to = address(destination);
    const wire::UdpFlow flow{address(to.is_v4() ? phone : phone6), to, 5070, port};
    std::vector<std::uint8_t> packet(wire::udp_packet_size(to.family, payload.size()));
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(payload.data());
    if (wire::write_udp_packet(packet, flow, {bytes, payload.size()}) != packet.size())
        std::abort();
    return packet;
}

contract::Policy policy(std::string_view interface, std::uint16_t queue) {
    contract::Policy policy;
    policy.vip_count = 2;
    policy.vips[0] = {address(vip), {}, 0, {}};
    policy.vips[1] = {address(vip6), {}, 0, {}};
    policy.group_count = 1;
    policy.groups[0].pattern = contract::RequestPattern::parse("REGISTER|INVITE").value();
    policy.groups[0].mirroring = contract::Mirroring::on;
    policy.groups[0].sip_port_count = 2;
    policy.groups[0].sip_ports = {5060, 5062};
    std::copy(interface.begin(), interface.end(), policy.groups[0].outside_interface.begin());
    policy.path_count = 1;
    policy.paths[0] = {address("127.0.0.1"), address("127.0.0.2")};
    policy.mirror_port = mirror_port;
    policy.queue = queue;
    constexpr std::string_view shadow = "shadow0";
    std::copy(shadow.begin(), shadow.end(), policy.shadow_interface.begin());
    return policy;
}

void set_stance(contract::Page& page, Stance stance, std::int64_t now_ns) {
    constexpr std::int64_t hour = 3'600'000'000'000;
    contract::Role role;
    role.epoch = 7;
    role.standing = stance == Stance::none       ? contract::Standing::none
                    : stance == Stance::standby  ? contract::Standing::standby
                    : stance == Stance::yielding ? contract::Standing::yielding
                                                 : contract::Standing::active;
    page.grants[0].expires_ns = stance == Stance::lapsed ? 0 : now_ns + hour;
    page.grants[0].role.write(role);
}

} // namespace packet_suite
