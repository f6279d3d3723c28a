// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/front.hh"

#include "dataplane/path/glance.hh"
#include "dataplane/table/aged_table.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/octets.hh"
#include "dataplane/wire/sip.hh"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace tandem::path {
namespace {

using contract::groups_max;

constexpr std::size_t ethernet = wire::EthernetFrame::header_size;
constexpr std::size_t ipv4 = wire::IpPacket::ipv4_header_min;
constexpr std::size_t ipv6 = wire::IpPacket::ipv6_header;
constexpr std::size_t udp = 8;
constexpr std::size_t tcp_min = 20;

template <typename T>
[[gnu::always_inline]] inline T raw(const std::uint8_t* at) noexcept {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}
/// Fetches a line that will be written: asked for reading, it may have to be asked for a second time.
/// Processors that do not know the instruction do nothing.
[[gnu::always_inline]] inline void fetch_to_write(const void* at) noexcept {
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
}
[[gnu::always_inline]] inline void store(std::uint8_t* at, std::uint64_t word) noexcept {
    std::memcpy(at, &word, sizeof word);
}
[[gnu::always_inline]] inline std::uint32_t be16(const std::uint8_t* at) noexcept {
    return std::uint32_t{__builtin_bswap16(raw<std::uint16_t>(at))};
}
constexpr std::uint16_t swapped(std::uint16_t value) {
    return static_cast<std::uint16_t>(value << 8U | value >> 8U);
}

// Octets 12 to 27 of the usual frame: ether type IPv4, version 4 with 5 words, no fragment, UDP.
alignas(16) constexpr std::array<std::uint8_t, 16> usual_mask{0xff, 0xff, 0xff, 0,    0, 0,
                                                              0,    0,    0x3f, 0xff, 0, 0xff};
alignas(16) constexpr std::array<std::uint8_t, 16> usual{0x08, 0, 0x45, 0, 0, 0,
                                                         0,    0, 0,    0, 0, wire::protocol_udp};

[[gnu::always_inline]] inline __m128i load(const void* at) noexcept {
    return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

[[gnu::always_inline]] inline bool is_usual(const std::uint8_t* data) noexcept {
    const __m128i head = _mm_and_si128(load(data + 12), load(usual_mask.data()));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(head, load(usual.data()))) == 0xffff;
}

/// Is a port, as it lies in the packet, one of eight?
[[gnu::always_inline]] inline std::uint32_t among(const std::array<std::uint16_t, 8>& ports,
                                                  std::uint16_t port) noexcept {
    return static_cast<std::uint32_t>(
        _mm_movemask_epi8(_mm_cmpeq_epi16(load(ports.data()), _mm_set1_epi16(static_cast<short>(port)))));
}

} // namespace

Front::Front(std::uint64_t seed, Instructions instructions)
    : seed_(seed) {
    const bool wide = instructions == Instructions::widest && __builtin_cpu_supports("avx512f") != 0 &&
                      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("bmi") != 0 &&
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
    for (std::size_t i = 0; i < vip_count_; ++i) {
        const contract::Vip& vip = policy.vips[i];
        vips_[i] = {vip.address, vip.server, vip.group, contract::Forwarding::host};
        if (vip.group < groups_max)
            vips_[i].forwarding = policy.groups[vip.group].forwarding;
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
                    const auto word = static_cast<std::uint32_t>(high);
                    auto& slot = const_cast<Slot4&>(table.find4(word));
                    if (slot.vip == nothing)
                        slot = {word, vip.group, index, 0};
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
        if (from.mirroring == contract::Mirroring::off)
            continue;
        for (std::size_t m = 0; m <= glance::methods; ++m) {
            const auto method = static_cast<wire::SipMethod>(m);
            group.requests |= from.pattern.matches(method, wire::SipKind::request) ? 1U << m : 0;
            group.responses |= from.pattern.matches(method, wire::SipKind::response) ? 1U << m : 0;
        }
    }
}

/// Kind and method of SIP that a glance has recognised.
template <wire::SipKind kind>
[[gnu::always_inline]] inline void Front::settle(Seen& seen, std::uint8_t sight) const noexcept {
    const Group& group = groups_[seen.group];
    const std::uint32_t wanted = kind == wire::SipKind::response ? group.responses : group.requests;
    const auto method = static_cast<std::uint8_t>(glance::method_of(sight));
    static_assert(static_cast<int>(Kind::sip_matching) == 0 && static_cast<int>(Kind::sip_other) == 1);
    seen.kind = static_cast<Kind>(~(wanted >> method) & 1U);
    seen.method = static_cast<wire::SipMethod>(method);
    seen.sip_kind = kind;
}

/// The usual frame. None: it is another one, or not for a VIP.
template <Facing facing>
[[gnu::always_inline]] inline Front::Look Front::look(const RawFrame& frame, Seen& seen) const noexcept {
    const std::uint8_t* data = frame.data;
    const Side& side = sides_[static_cast<std::size_t>(facing)];
    if (frame.length < ethernet + ipv4 + udp || !is_usual(data) ||
        ((raw<std::uint64_t>(data) ^ side.station) & side.station_mask) != 0) [[unlikely]]
        return Look::none;
    const std::uint32_t total = be16(data + 16);
    const std::uint32_t datagram = be16(data + 38);
    constexpr std::uint32_t headers = ipv4 + udp;
    // Unsigned: what is too small is very large.
    if (total - headers > frame.length - ethernet - headers || datagram - udp > total - headers) [[unlikely]]
        return Look::none;
    const auto addresses = raw<std::uint64_t>(data + 26);
    const auto vip = static_cast<std::uint32_t>(facing == Facing::outside ? addresses >> 32U : addresses);
    const Slot4& slot = side.addresses.find4(vip);
    if (slot.address != vip || slot.vip == nothing) [[unlikely]]
        return Look::none;
    const auto ports = raw<std::uint32_t>(data + 34);
    const auto port = static_cast<std::uint16_t>(facing == Facing::outside ? ports >> 16U : ports);
    const Group& group = groups_[slot.group];
    const bool sip = (among(group.ports, port) & group.port_mask) != 0;
    // As words: four stores instead of fifteen.
    constexpr std::uint64_t head = std::uint64_t{static_cast<std::uint8_t>(Way::plain)} << 8U |
                                   std::uint64_t{ethernet} << 32U | std::uint64_t{ethernet + ipv4} << 40U |
                                   std::uint64_t{static_cast<std::uint8_t>(wire::SipMethod::other)} << 48U;
    const std::uint64_t place = std::uint64_t{slot.group} | std::uint64_t{slot.vip} << 8U;
    const auto kind = static_cast<std::uint64_t>(sip ? Kind::sip_malformed : Kind::other_port);
    auto* words = reinterpret_cast<std::uint8_t*>(&seen);
    store(words, head | kind | place << 16U);
    store(words + 8, total | std::uint64_t{wire::ether_type_ipv4} << 16U);
    store(words + 16, facing == Facing::outside ? addresses : std::rotl(addresses, 32));
    store(words + 24, table::FlowKey::rest_of(facing == Facing::outside ? ports : std::rotl(ports, 16),
                                              wire::protocol_udp, 4));
    static_assert(offsetof(Seen, group) == 2 && offsetof(Seen, vip) == 3 && offsetof(Seen, network) == 4 &&
                  offsetof(Seen, method) == 6 && offsetof(Seen, length) == 8 &&
                  offsetof(Seen, ether_type) == 10 && offsetof(Seen, flow) == 16);
    return sip ? Look::sip : Look::other;
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
        seen.flow.addresses = table::SeededHash{seed_}
                                  .add(raw<std::uint64_t>(remote))
                                  .add(raw<std::uint64_t>(remote + 8))
                                  .add(high)
                                  .add(low)
                                  .value();
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
    const auto summary = wire::summarize({reinterpret_cast<const char*>(text.data()), text.size()});
    seen.method = summary->method;
    seen.sip_kind = summary->kind;
}

template <class Set, Facing facing>
[[gnu::always_inline]] inline void Front::classify_with(std::span<const RawFrame> frames,
                                                        std::span<Seen> seen,
                                                        std::uint64_t* hashes) const noexcept {
    Todo todo;
    const std::size_t count = std::min({frames.size(), seen.size(), burst_max});
    for (std::size_t i = 0; i < count; ++i) {
        fetch_to_write(frames[i].data);
        __builtin_prefetch(frames[i].data + 64);
    }
    for (std::size_t i = 0; i < count; ++i) {
        Look found = look<facing>(frames[i], seen[i]);
        std::size_t at = ethernet + ipv4;
        if (found == Look::none) [[unlikely]] {
            found = look_further<facing>(frames[i], seen[i]);
            at = seen[i].transport;
            if (found == Look::none) {
                look_slowly(facing, frames[i], seen[i]);
                hashes[i] = 0;
                continue;
            }
        }
        const std::uint64_t hash = seen[i].flow.hash(lines_.seed);
        hashes[i] = hash;
        fetch_to_write(lines_.line(hash));
        if (found == Look::other)
            continue;
        const std::uint8_t* transport = frames[i].data + at;
        const std::uint32_t size = be16(transport + 4) - static_cast<std::uint32_t>(udp);
        if (size < glance::block) [[unlikely]] {
            todo.texts[todo.text_count++] = static_cast<std::uint8_t>(i);
            continue;
        }
        // Written to both lists, kept in one: which it is cannot be predicted.
        const Text text{reinterpret_cast<const char*>(transport + udp), size, static_cast<std::uint32_t>(i)};
        const bool response = glance::begins_response(text.first);
        todo.requests[todo.request_count] = text;
        todo.responses[todo.response_count] = text;
        todo.request_count += response ? 0 : 1;
        todo.response_count += response ? 1 : 0;
    }
    for (std::size_t k = 0; k < todo.response_count; ++k)
        for (std::size_t line = 0; line < 5; ++line)
            __builtin_prefetch(todo.responses[k].first + 64 + line * 64);
    for (std::size_t k = 0; k < todo.request_count; ++k) {
        const Text& text = todo.requests[k];
        const glance::Sight sight = glance::request<Set>(text.first, text.size);
        if (sight == glance::unknown) [[unlikely]]
            todo.texts[todo.text_count++] = static_cast<std::uint8_t>(text.frame);
        else
            settle<wire::SipKind::request>(seen[text.frame], sight);
    }
    for (std::size_t k = 0; k < todo.response_count; ++k) {
        const Text& text = todo.responses[k];
        const glance::Sight sight = glance::response<Set>(text.first, text.size);
        if (sight == glance::unknown) [[unlikely]]
            todo.texts[todo.text_count++] = static_cast<std::uint8_t>(text.frame);
        else
            settle<wire::SipKind::response>(seen[text.frame], sight);
    }
    for (std::size_t k = 0; k < todo.text_count; ++k)
        read_text(frames[todo.texts[k]], seen[todo.texts[k]]);
}

void Front::classify_plain(Facing facing, std::span<const RawFrame> frames, std::span<Seen> seen,
                           std::span<std::uint64_t> hashes) const noexcept {
    if (facing == Facing::outside)
        classify_with<glance::Sse2, Facing::outside>(frames, seen, hashes.data());
    else
        classify_with<glance::Sse2, Facing::inside>(frames, seen, hashes.data());
}

[[gnu::target("avx512f,avx512bw,bmi,bmi2")]] void
Front::classify_wide(Facing facing, std::span<const RawFrame> frames, std::span<Seen> seen,
                     std::span<std::uint64_t> hashes) const noexcept {
    if (facing == Facing::outside)
        classify_with<glance::Avx512, Facing::outside>(frames, seen, hashes.data());
    else
        classify_with<glance::Avx512, Facing::inside>(frames, seen, hashes.data());
}

} // namespace tandem::path
