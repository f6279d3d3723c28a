// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/owners.hh"

#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tandem::path {
namespace {

constexpr std::size_t ethernet = wire::EthernetFrame::header_size;
constexpr std::uint8_t usual_ipv4 = 0x45;       ///< version 4, no options
constexpr std::uint16_t fragment_bits = 0x3fff; ///< more to come, or not the first (RFC 791)
constexpr std::uint64_t first_factor = 0x9e3779b97f4a7c15ULL;
constexpr std::uint64_t second_factor = 0xd6e8feb86659fd93ULL;

template <typename T>
T raw(const std::uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}
std::uint16_t be16(const std::uint8_t* at) {
    return std::byteswap(raw<std::uint16_t>(at));
}

constexpr std::uint64_t mixed(std::uint64_t value, std::uint64_t word) {
    value = (value ^ word) * first_factor;
    return (value ^ value >> 32U) * second_factor;
}

} // namespace

Owners::Owners(std::size_t workers, std::uint64_t seed, Spreading spreading)
    : workers_(std::max<std::size_t>(1, workers))
    , seed_(seed)
    , wanted_(spreading)
    , spreading_(spreading) {}

Owners::Address Owners::address_of(const wire::IpAddress& address) noexcept {
    if (address.is_v4())
        return {raw<std::uint32_t>(address.octets.data()), 0};
    return {raw<std::uint64_t>(address.octets.data()), raw<std::uint64_t>(address.octets.data() + 8)};
}

std::size_t Owners::place_of(const Address& address) const noexcept {
    return mixed(mixed(seed_, address.high), address.low) >> (64 - std::bit_width(places - 1));
}

void Owners::adopt(const contract::Policy& policy, std::uint32_t sequence) {
    begun_ = true;
    sequence_ = sequence;
    spreading_ = wanted_;
    locals_ = {};
    sip_ = {};
    for (std::size_t g = 0; g < sip_.size(); ++g) {
        const contract::GroupPolicy& group = policy.groups[g];
        sip_[g].count = std::min<std::size_t>(group.sip_port_count, group.sip_ports.size());
        for (std::size_t i = 0; i < sip_[g].count; ++i)
            sip_[g].ports[i] = std::byteswap(group.sip_ports[i]);
    }
    const std::size_t count = std::min<std::size_t>(policy.vip_count, policy.vips.size());
    for (std::size_t i = 0; i < count; ++i) {
        const contract::Vip& vip = policy.vips[i];
        if (vip.group >= sip_.size())
            continue;
        const bool translated = policy.groups[vip.group].forwarding == contract::Forwarding::nat;
        // What a port sees of such a flow on its two sides has different addresses.
        if (translated)
            spreading_ = Spreading::by_hash;
        for (const Facing facing : {Facing::outside, Facing::inside}) {
            const wire::IpAddress& seen = translated && facing == Facing::inside ? vip.server : vip.address;
            if (seen.size() == 0)
                continue;
            Local local{address_of(seen), address_of(vip.address),
                        static_cast<std::uint8_t>(seen.is_v4() ? 4 : 6), vip.group, true};
            Locals& locals = locals_[static_cast<std::size_t>(facing)];
            std::size_t place = place_of(local.address);
            while (locals[place].taken && locals[place].address != local.address)
                place = (place + 1) % places;
            if (!locals[place].taken) // of the same address twice the first counts
                locals[place] = local;
        }
    }
}

const Owners::Local* Owners::find(Facing facing, const Address& address,
                                  std::uint8_t version) const noexcept {
    const Locals& locals = locals_[static_cast<std::size_t>(facing)];
    for (std::size_t place = place_of(address); locals[place].taken; place = (place + 1) % places)
        if (locals[place].address == address)
            return locals[place].version == version ? &locals[place] : nullptr;
    return nullptr;
}

std::uint64_t Owners::hash(const Address& remote, const Address& vip, std::uint64_t rest) const noexcept {
    std::uint64_t value = seed_;
    for (const std::uint64_t word : {remote.high, remote.low, vip.high, vip.low, rest})
        value = mixed(value, word);
    return value ^ value >> 32U;
}

std::size_t Owners::of(Facing facing, const RawFrame& frame, std::size_t self) const noexcept {
    if (frame.length < ethernet + wire::IpPacket::ipv4_header_min + 8)
        return first_worker;
    const std::uint8_t* ip = frame.data + ethernet;
    const std::uint16_t type = be16(frame.data + ethernet - 2);
    Address source;
    Address destination;
    std::uint8_t version = 4;
    std::uint8_t protocol = 0;
    const std::uint8_t* transport = nullptr;
    if (type == wire::ether_type_ipv4 && ip[0] == usual_ipv4 && (be16(ip + 6) & fragment_bits) == 0) {
        source.high = raw<std::uint32_t>(ip + 12);
        destination.high = raw<std::uint32_t>(ip + 16);
        protocol = ip[9];
        transport = ip + wire::IpPacket::ipv4_header_min;
    } else if (type == wire::ether_type_ipv6 && frame.length >= ethernet + wire::IpPacket::ipv6_header + 8) {
        version = 6;
        source = {raw<std::uint64_t>(ip + 8), raw<std::uint64_t>(ip + 16)};
        destination = {raw<std::uint64_t>(ip + 24), raw<std::uint64_t>(ip + 32)};
        protocol = ip[6];
        transport = ip + wire::IpPacket::ipv6_header;
    }
    if (protocol != wire::protocol_udp && protocol != wire::protocol_tcp)
        return first_worker;
    const bool outside = facing == Facing::outside;
    const Local* local = find(facing, outside ? destination : source, version);
    if (local == nullptr)
        return first_worker;
    const auto remote_port = raw<std::uint16_t>(transport + (outside ? 0 : 2));
    const auto local_port = raw<std::uint16_t>(transport + (outside ? 2 : 0));
    const Ports& sip = sip_[local->group];
    for (std::size_t i = 0; i < sip.count; ++i)
        if (sip.ports[i] == local_port)
            return first_worker;
    if (spreading_ == Spreading::by_ports)
        return self;
    const std::uint64_t rest =
        remote_port | std::uint64_t{local_port} << 16U | std::uint64_t{protocol} << 32U;
    // The upper half of a product: evenly spread without a division.
    return static_cast<std::size_t>(
        (hash(outside ? source : destination, local->vip, rest) >> 32U) * workers_ >> 32U);
}

} // namespace tandem::path
