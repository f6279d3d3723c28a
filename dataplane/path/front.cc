// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/front.hh"

#include "dataplane/path/front_look.hh"
#include "dataplane/table/aged_table.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/octets.hh"
#include "dataplane/wire/sip.hh"

#include <algorithm>
#include <cstring>

namespace tandem::path {
namespace {

using contract::groups_max;
using namespace front_look;

} // namespace

Front::Front(std::uint64_t seed, Instructions instructions)
    : seed_(seed) {
    const bool wide = instructions == Instructions::widest && __builtin_cpu_supports("avx512f") != 0 &&
                      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("bmi") != 0 &&
                      __builtin_cpu_supports("bmi2") != 0;
    classify_ = wide ? &Front::classify_wide : &Front::classify_plain;
}

void Front::set_station(Facing facing, const wire::MacAddress& address) {
    Side& side = sides_[static_cast<std::size_t>(facing)];
    side.station = 0;
    std::memcpy(&side.station, address.octets.data(), address.octets.size());
    side.station_mask = 0x0000'ffff'ffff'ffffULL;
}

namespace {

/// Numbers that differ, for the search for a multiplier.
struct Sequence {
    std::uint64_t state{0x243f'6a88'85a3'08d3ULL};
    std::uint64_t next() {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        return state | 1U;
    }
};

} // namespace

/// One that cannot be placed is found by inspect() all the same: its packets go the slow way.
template <class Addresses, class Place>
static void place_without_collision(Addresses& table, const Place& place) {
    constexpr int attempts = 4096;
    Sequence numbers;
    for (int i = 0; i < attempts; ++i) {
        table = {};
        table.multiplier6 = numbers.next();
        table.multiplier4 = static_cast<std::uint32_t>(table.multiplier6 >> 31U) | 1U;
        if (place(table))
            return;
    }
}

void Front::compile(const contract::Policy& policy, std::uint32_t sequence) {
    policy_ = policy;
    sequence_ = sequence;
    compiled_ = true;
    vip_count_ = std::min<std::size_t>(policy.vip_count, policy.vips.size());
    translates_ = false;
    for (std::size_t i = 0; i < vip_count_; ++i) {
        const contract::Vip& vip = policy.vips[i];
        vips_[i] = {vip.address, vip.server, vip.group, contract::Forwarding::host};
        if (vip.group < groups_max)
            vips_[i].forwarding = policy.groups[vip.group].forwarding;
        translates_ = translates_ || vips_[i].forwarding == contract::Forwarding::nat;
    }
    for (const Facing facing : {Facing::outside, Facing::inside}) {
        const auto place = [&](Addresses& table) {
            for (std::size_t i = 0; i < vip_count_; ++i) {
                const FrontVip& vip = vips_[i];
                const bool server = facing == Facing::inside && vip.forwarding == contract::Forwarding::nat;
                const wire::IpAddress& address = server ? vip.server : vip.address;
                if (vip.group >= groups_max || address.size() == 0)
                    continue;
                const auto high = raw<std::uint64_t>(address.octets.data());
                const auto low = raw<std::uint64_t>(address.octets.data() + 8);
                const auto index = static_cast<std::uint8_t>(i);
                if (address.is_v4()) {
                    const std::uint16_t sip = policy.groups[vip.group].sip_port_count > 0 ? 0xffff : 0;
                    const auto word = static_cast<std::uint32_t>(high);
                    auto& slot = const_cast<Slot4&>(table.find4(word));
                    if (slot.vip == nothing)
                        slot = {word, vip.group, index, sip};
                    else if (slot.address != word) // of the same address twice the first counts
                        return false;
                } else {
                    auto& slot = const_cast<Slot6&>(table.find6(high, low));
                    if (slot.vip == nothing)
                        slot = {high, low, index, vip.group, {}};
                    else if (slot.high != high || slot.low != low)
                        return false;
                }
            }
            return true;
        };
        place_without_collision(sides_[static_cast<std::size_t>(facing)].addresses, place);
    }
    for (std::size_t g = 0; g < groups_max; ++g) {
        const contract::GroupPolicy& from = policy.groups[g];
        Group& group = groups_[g];
        group = {};
        const std::size_t count = std::min<std::size_t>(from.sip_port_count, from.sip_ports.size());
        for (std::size_t i = 0; i < group.ports.size() && count > 0; ++i)
            group.ports[i] = swapped(from.sip_ports[i % count]);
        group.port_mask = count > 0 ? 0xffffU : 0;
        for (std::size_t half = 0; half < ports_.size(); ++half)
            std::memcpy(&ports_[half][g], group.ports.data() + 4 * half, sizeof ports_[half][g]);
        if (from.mirroring == contract::Mirroring::off)
            continue;
        for (std::size_t m = 0; m <= glance::methods; ++m) {
            const auto method = static_cast<wire::SipMethod>(m);
            group.requests |= from.pattern.matches(method, wire::SipKind::request) ? 1U << m : 0;
            group.responses |= from.pattern.matches(method, wire::SipKind::response) ? 1U << m : 0;
        }
    }
}

/// Frames with tags, IPv6, TCP. None: the slow way.
template <Facing facing>
[[gnu::noinline]] Front::Look Front::look_further(const RawFrame& frame, Seen& seen) const noexcept {
    const std::uint8_t* data = frame.data;
    const Side& side = sides_[static_cast<std::size_t>(facing)];
    if (frame.length < ethernet || ((raw<std::uint64_t>(data) ^ side.station) & side.station_mask) != 0)
        return Look::none;
    std::size_t at = ethernet;
    std::uint32_t type = be16(data + 12);
    std::uint32_t tags = 0;
    while (type == wire::ether_type_vlan || type == wire::ether_type_service_vlan) {
        if (tags == wire::EthernetFrame::tags_max || frame.length - at < 4)
            return Look::none;
        type = be16(data + at + 2);
        at += 4;
        ++tags;
    }
    if (type != wire::ether_type_ipv4 && type != wire::ether_type_ipv6)
        return Look::none;
    seen = {};
    seen.network = static_cast<std::uint8_t>(at);
    seen.ether_type = static_cast<std::uint16_t>(type);
    seen.tags = tags;
    return look_inside<facing>(frame, seen, at, frame.length - at);
}

template <Facing facing>
Front::Look Front::look_inside(const RawFrame& frame, Seen& seen, std::size_t network,
                               std::size_t left) const noexcept {
    const std::uint8_t* ip = frame.data + network;
    const Side& side = sides_[static_cast<std::size_t>(facing)];
    const bool four = seen.ether_type == wire::ether_type_ipv4;
    const std::size_t header = four ? ipv4 : ipv6;
    if (left < header + udp || ip[0] >> 4U != (four ? 4 : 6))
        return Look::none;
    const std::uint8_t protocol = ip[four ? 9 : 6];
    const std::size_t transport_min = protocol == wire::protocol_udp ? udp : tcp_min;
    if (protocol != wire::protocol_udp && protocol != wire::protocol_tcp)
        return Look::none;
    const std::size_t total = four ? be16(ip + 2) : ipv6 + be16(ip + 4);
    if (total < header + transport_min || total > left)
        return Look::none;
    const auto* transport = ip + header;
    if (protocol == wire::protocol_udp && (be16(transport + 4) < udp || be16(transport + 4) > total - header))
        return Look::none;
    if (four) {
        if (ip[0] != 0x45 || (be16(ip + 6) & 0x3fffU) != 0)
            return Look::none;
        const auto addresses = raw<std::uint64_t>(ip + 12);
        const auto vip = static_cast<std::uint32_t>(facing == Facing::outside ? addresses >> 32U : addresses);
        const Slot4& slot = side.addresses.find4(vip);
        if (slot.address != vip || slot.vip == nothing)
            return Look::none;
        seen.vip = slot.vip;
        seen.group = slot.group;
        seen.flow.addresses = facing == Facing::outside ? addresses : std::rotl(addresses, 32);
    } else {
        const std::uint8_t* vip = ip + (facing == Facing::outside ? 24 : 8);
        const std::uint8_t* remote = ip + (facing == Facing::outside ? 8 : 24);
        const auto high = raw<std::uint64_t>(vip);
        const auto low = raw<std::uint64_t>(vip + 8);
        const Slot6& slot = side.addresses.find6(high, low);
        if (slot.high != high || slot.low != low || slot.vip == nothing)
            return Look::none;
        seen.vip = slot.vip;
        seen.group = slot.group;
        seen.flow.addresses = stand_in(remote, vip);
    }
    const auto ports = raw<std::uint32_t>(transport);
    const auto port = static_cast<std::uint16_t>(facing == Facing::outside ? ports >> 16U : ports);
    const Group& group = groups_[seen.group];
    const bool sip = (among(group.ports, port) & group.port_mask) != 0;
    if (sip && protocol == wire::protocol_tcp)
        return Look::none; // its stream is read first
    seen.flow.rest = table::FlowKey::rest_of(facing == Facing::outside ? ports : std::rotl(ports, 16),
                                             protocol, four ? 4 : 6);
    seen.transport = static_cast<std::uint8_t>(network + header);
    seen.length = static_cast<std::uint16_t>(total);
    seen.kind = sip ? Kind::sip_malformed : Kind::other_port;
    seen.way = Way::plain;
    return sip ? Look::sip : Look::other;
}

/// What stands for two IPv6 addresses in a flow's key.
std::uint64_t Front::stand_in(const std::uint8_t* remote, const std::uint8_t* vip) const noexcept {
    return table::SeededHash{seed_}
        .add(raw<std::uint64_t>(remote))
        .add(raw<std::uint64_t>(remote + 8))
        .add(raw<std::uint64_t>(vip))
        .add(raw<std::uint64_t>(vip + 8))
        .value();
}

/// The server behind a translated VIP answers with an address of its own; its packets belong to the flow of
/// the VIP all the same.
void Front::name_by_vips(const RawFrames& frames, std::span<Seen> seen,
                         std::span<std::byte*> lines) const noexcept {
    for (std::size_t i = 0; i < frames.size(); ++i) {
        Seen& packet = seen[i];
        if (packet.way == Way::slow || vips_[packet.vip].forwarding != contract::Forwarding::nat)
            continue;
        const std::uint8_t* vip = vips_[packet.vip].address.octets.data();
        if (packet.flow.version() == 4)
            packet.flow.addresses = static_cast<std::uint32_t>(packet.flow.addresses) |
                                    std::uint64_t{raw<std::uint32_t>(vip)} << 32U;
        else
            packet.flow.addresses = stand_in(frames[i].data + packet.network + 24, vip);
        lines[i] = flow_lines_.line(packet.flow.hash(flow_lines_.seed));
        table::fetch_to_write(lines[i]);
    }
}

/// What neither of the two took: everything is known of it from inspect().
[[gnu::noinline]] void Front::look_slowly(Facing facing, const RawFrame& frame, Seen& seen) const noexcept {
    seen = {};
    const auto ethernet_frame = wire::parse_ethernet({frame.data, frame.length});
    if (!ethernet_frame)
        return;
    const auto packet = ethernet_frame->payload;
    const auto network = static_cast<std::size_t>(packet.data() - frame.data);
    seen.ether_type = ethernet_frame->ether_type;
    seen.tags = static_cast<std::uint32_t>((network - ethernet) / 4);
    if (seen.ether_type != wire::ether_type_ipv4 && seen.ether_type != wire::ether_type_ipv6)
        return;
    seen.network = static_cast<std::uint8_t>(network);
    const auto ip = wire::parse_ip(packet);
    const auto find = [&](const wire::IpAddress& address, bool server) {
        for (std::size_t i = 0; i < vip_count_; ++i) {
            const bool translated = server && vips_[i].forwarding == contract::Forwarding::nat;
            if (vips_[i].group < groups_max && (translated ? vips_[i].server : vips_[i].address) == address) {
                seen.vip = static_cast<std::uint8_t>(i);
                seen.group = vips_[i].group;
                return true;
            }
        }
        return false;
    };
    if (facing == Facing::outside) {
        const Inspection found = inspect(packet, policy_);
        seen.kind = found.kind;
        seen.group = found.group;
        seen.method = found.binding ? wire::SipMethod::register_ : wire::SipMethod::other;
        if (ip)
            find(ip->destination, false);
        return;
    }
    if (!ip)
        return;
    if (!find(ip->source, true))
        seen.kind = Kind::not_vip;
    else
        seen.kind = ip->fragment != wire::Fragment::whole ? Kind::fragment : Kind::other_port;
}

/// Text on a SIP port that a glance did not recognise.
[[gnu::noinline]] void Front::read_text(const RawFrame& frame, Seen& seen) const noexcept {
    const std::uint8_t* transport = frame.data + seen.transport;
    const std::span<const std::uint8_t> text{transport + udp, be16(transport + 4) - udp};
    const Inspection found = inspect_sip(text, policy_.groups[seen.group], seen.group);
    seen.kind = found.kind;
    if (found.kind != Kind::sip_matching && found.kind != Kind::sip_other)
        return;
    const std::string_view message{reinterpret_cast<const char*>(text.data()), text.size()};
    seen.sip_kind = *wire::summarize_start_line(message);
    if (seen.sip_kind == wire::SipKind::request || reads_responses(policy_.groups[seen.group]))
        seen.method = wire::summarize(message)->method;
}

Common Front::classify_plain(Facing facing, const RawFrames& frames, std::span<Seen> seen,
                             std::span<std::byte*> lines) const noexcept {
    const std::size_t count = std::min({frames.size(), seen.size(), burst_max});
    Unread unread;
    for (std::size_t i = 0; i < count; ++i)
        if (facing == Facing::outside)
            look_alone<Facing::outside>(frames, seen.data(), lines.data(), i, unread);
        else
            look_alone<Facing::inside>(frames, seen.data(), lines.data(), i, unread);
    Common common{count != 0 && seen[0].way == Way::plain, unread.nothing(), 0};
    join(common, seen.data(), 0, count);
    read_texts<glance::Sse2>(frames, seen.data(), unread);
    return common;
}

// For front_wide.cc.
template Front::Look Front::look_further<Facing::outside>(const RawFrame& frame, Seen& seen) const noexcept;
template Front::Look Front::look_further<Facing::inside>(const RawFrame& frame, Seen& seen) const noexcept;

} // namespace tandem::path
