// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/sip_reader.hh"

#include "dataplane/wire/ip.hh"
#include "dataplane/wire/tcp.hh"
#include "dataplane/wire/udp.hh"

namespace tandem::path {

SipReader::SipReader(std::uint64_t seed, const StreamLimits& limits)
    : streams_(seed, limits) {}

void SipReader::take(Instant now, std::span<const std::uint8_t> packet, Toward toward,
                     const contract::Policy& policy) {
    datagram_ = stream_ = false;
    const auto ip = wire::parse_ip(packet);
    if (!ip || ip->fragment != wire::Fragment::whole)
        return;
    const contract::Vip* vip = find_vip(policy, toward == Toward::server ? ip->destination : ip->source);
    if (vip == nullptr)
        return;
    const auto concerns = [&](std::uint16_t source, std::uint16_t destination) {
        current_ = {vip->group, source, ip->source, {}};
        return is_sip_port(policy.groups[vip->group], toward == Toward::server ? destination : source);
    };
    if (ip->protocol == wire::protocol_udp) {
        const auto udp = wire::parse_udp(ip->payload);
        if (!udp || !concerns(udp->source_port, udp->destination_port))
            return;
        current_.text = {reinterpret_cast<const char*>(udp->payload.data()), udp->payload.size()};
        datagram_ = true;
    } else if (ip->protocol == wire::protocol_tcp) {
        const auto tcp = wire::parse_tcp(ip->payload);
        if (!tcp || !concerns(tcp->source_port, tcp->destination_port))
            return;
        streams_.take(now, {ip->source, ip->destination, tcp->source_port, tcp->destination_port}, *tcp);
        stream_ = true;
    }
}

std::optional<SipText> SipReader::next() {
    if (datagram_) {
        datagram_ = false;
        return current_;
    }
    if (!stream_)
        return std::nullopt;
    const auto message = streams_.next();
    if (!message)
        return std::nullopt;
    current_.text = *message;
    return current_;
}

} // namespace tandem::path
