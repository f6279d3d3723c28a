// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The steps of a first look, for the two files that put them together: front.cc one frame after the other,
// which every processor can, front_wide.cc eight frames at once. Not for others to include.

#include "dataplane/path/front.hh"
#include "dataplane/path/glance.hh"
#include "dataplane/table/bring.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace tandem::path {
namespace front_look {

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

/// The first word of Seen for a usual frame, without group and VIP.
constexpr std::uint64_t seen_head(Kind kind) {
    static_assert(offsetof(Seen, group) == 2 && offsetof(Seen, vip) == 3 && offsetof(Seen, network) == 4 &&
                  offsetof(Seen, method) == 6);
    return static_cast<std::uint64_t>(kind) | std::uint64_t{static_cast<std::uint8_t>(Way::plain)} << 8U |
           std::uint64_t{ethernet} << 32U | std::uint64_t{ethernet + ipv4} << 40U |
           std::uint64_t{static_cast<std::uint8_t>(wire::SipMethod::other)} << 48U;
}

/// Way, group and VIP in one number.
[[gnu::always_inline]] inline std::uint32_t place_of(const Seen& seen) noexcept {
    static_assert(offsetof(Seen, kind) == 0 && offsetof(Seen, way) == 1 && offsetof(Seen, group) == 2 &&
                  offsetof(Seen, vip) == 3);
    return raw<std::uint32_t>(reinterpret_cast<const std::uint8_t*>(&seen)) >> 8U;
}

/// Adds frames to what holds for all of those before them, of which `seen` is the first.
[[gnu::always_inline]] inline void join(Common& common, const Seen* seen, std::size_t from,
                                        std::size_t to) noexcept {
    for (std::size_t i = from; i < to; ++i) {
        common.one_vip = common.one_vip && place_of(seen[i]) == place_of(seen[0]);
        common.longest = std::max(common.longest, seen[i].length);
    }
}

} // namespace front_look

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
    using namespace front_look;
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
    const std::uint64_t place = std::uint64_t{slot.group} | std::uint64_t{slot.vip} << 8U;
    const std::uint64_t head = seen_head(sip ? Kind::sip_malformed : Kind::other_port);
    auto* words = reinterpret_cast<std::uint8_t*>(&seen);
    store(words, head | place << 16U);
    store(words + 8, total | std::uint64_t{wire::ether_type_ipv4} << 16U);
    store(words + 16, facing == Facing::outside ? addresses : std::rotl(addresses, 32));
    store(words + 24, table::FlowKey::rest_of(facing == Facing::outside ? ports : std::rotl(ports, 16),
                                              wire::protocol_udp, 4));
    static_assert(offsetof(Seen, length) == 8 && offsetof(Seen, ether_type) == 10 &&
                  offsetof(Seen, flow) == 16);
    return sip ? Look::sip : Look::other;
}

/// A frame by itself, whatever its form: all but the method of SIP.
template <Facing facing>
[[gnu::always_inline]] inline void Front::look_alone(const RawFrames& frames, Seen* seen, std::byte** lines,
                                                     std::size_t i, Unread& unread) const noexcept {
    using namespace front_look;
    Look found = look<facing>(frames[i], seen[i]);
    std::size_t at = ethernet + ipv4;
    if (found == Look::none) [[unlikely]] {
        found = look_further<facing>(frames[i], seen[i]);
        at = seen[i].transport;
        if (found == Look::none) {
            look_slowly(facing, frames[i], seen[i]);
            lines[i] = nullptr;
            return;
        }
    }
    lines[i] = flow_lines_.line(seen[i].flow.hash(flow_lines_.seed));
    table::fetch_to_write(lines[i]);
    if (found == Look::other)
        return;
    const std::uint8_t* transport = frames[i].data + at;
    const std::uint32_t size = be16(transport + 4) - static_cast<std::uint32_t>(udp);
    if (size < glance::block) [[unlikely]] {
        unread.others[unread.other_count++] = static_cast<std::uint8_t>(i);
        return;
    }
    // Written to both lists, kept in one: which it is cannot be predicted.
    const auto* text = reinterpret_cast<const char*>(transport + udp);
    const bool response = glance::begins_response(text);
    unread.requests.add_if(text, size, i, response ? 0 : 1);
    unread.responses.add_if(text, size, i, response ? 1 : 0);
}

/// The methods of all SIP of the burst.
template <class Set>
[[gnu::always_inline]] inline void Front::read_texts(const RawFrames& frames, Seen* seen,
                                                     Unread& unread) const noexcept {
    const auto reads_on = [&](std::size_t k) {
        return groups_[seen[unread.responses.frame(k)].group].responses != 0;
    };
    for (std::size_t k = 0; k < unread.responses.count; ++k)
        for (std::size_t line = 0; reads_on(k) && line < 5; ++line)
            __builtin_prefetch(unread.responses.first[k] + 64 + line * 64);
    for (std::size_t k = 0; k < unread.requests.count; ++k) {
        const std::size_t i = unread.requests.frame(k);
        const glance::Sight sight = glance::request<Set>(unread.requests.first[k], unread.requests.size(k));
        if (sight == glance::unknown) [[unlikely]]
            unread.others[unread.other_count++] = static_cast<std::uint8_t>(i);
        else
            settle<wire::SipKind::request>(seen[i], sight);
    }
    for (std::size_t k = 0; k < unread.responses.count; ++k) {
        const std::size_t i = unread.responses.frame(k);
        const char* text = unread.responses.first[k];
        const std::size_t size = unread.responses.size(k);
        const glance::Sight sight =
            reads_on(k) ? glance::response<Set>(text, size) : glance::status_line<Set>(text, size);
        if (sight == glance::unknown) [[unlikely]]
            unread.others[unread.other_count++] = static_cast<std::uint8_t>(i);
        else
            settle<wire::SipKind::response>(seen[i], sight);
    }
    for (std::size_t k = 0; k < unread.other_count; ++k)
        read_text(frames[unread.others[k]], seen[unread.others[k]]);
}

} // namespace tandem::path
