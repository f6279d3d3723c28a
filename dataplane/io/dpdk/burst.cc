// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/burst.hh"

#include "dataplane/path/translate.hh"
#include "dataplane/table/bring.hh"

#include <emmintrin.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace tandem::dpdk {
namespace {

using path::Facing;
using path::Kind;
using path::Seen;
using path::Way;

const std::uint8_t* data_of(const rte_mbuf* packet) {
    return rte_pktmbuf_mtod(packet, const std::uint8_t*);
}

wire::IpAddress address_at(const std::uint8_t* at, std::uint8_t version) {
    wire::IpAddress address;
    address.family = version == 4 ? wire::Family::ipv4 : wire::Family::ipv6;
    std::memcpy(address.octets.data(), at, address.size());
    return address;
}

/// Where source and destination stand, behind the beginning of the IP header.
constexpr std::size_t source_at(std::uint8_t version) {
    return version == 4 ? 12 : 8;
}
constexpr std::size_t destination_at(std::uint8_t version) {
    return version == 4 ? 16 : 24;
}

std::size_t slot_of(const wire::IpAddress& address) {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, address.octets.data(), 8);
    std::memcpy(&low, address.octets.data() + 8, 8);
    return static_cast<std::size_t>(((high ^ std::rotl(low, 32)) * 0x9e3779b97f4a7c15ULL) >> 54U);
}

/// Way, group and VIP in one number.
std::uint32_t place_of(const Seen& seen) {
    std::uint32_t word = 0;
    std::memcpy(&word, &seen, sizeof word);
    static_assert(offsetof(Seen, kind) == 0 && offsetof(Seen, way) == 1 && offsetof(Seen, group) == 2 &&
                  offsetof(Seen, vip) == 3);
    return word & 0xffff'ff00U;
}
constexpr std::uint32_t no_place = 1; ///< of no packet

/// Which of sixteen numbers are not zero, a bit for each.
std::uint32_t not_zero(const std::array<std::uint32_t, 16>& numbers) {
    const auto* at = reinterpret_cast<const __m128i*>(numbers.data());
    const auto zero = [at](int i) { return _mm_cmpeq_epi32(_mm_loadu_si128(at + i), _mm_setzero_si128()); };
    const __m128i low = _mm_packs_epi32(zero(0), zero(1));
    const __m128i high = _mm_packs_epi32(zero(2), zero(3));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high))) ^ 0xffffU;
}

constexpr bool is_sip(Kind kind) {
    return kind == Kind::sip_matching || kind == Kind::sip_other;
}

} // namespace

Burst::Burst(path::Front& front, state::Flows* flows, contract::Counters& counters)
    : front_(front)
    , flows_(flows)
    , counters_(counters) {
    if (flows_ != nullptr)
        front_.set_flow_lines(flows_->lines());
    static_assert(next_hops == 1U << (64 - 54));
}

void Burst::set_station(Facing facing, const wire::MacAddress& address) {
    ports_[static_cast<std::size_t>(facing)] = address;
    front_.set_station(facing, address);
    clear_next_hops();
    for (Stations& server : servers_)
        server = {};
    decide_fates();
}

void Burst::set_server(std::size_t vip, std::optional<wire::MacAddress> address) {
    if (vip >= servers_.size())
        return;
    servers_[vip] = {};
    if (address) {
        const wire::MacAddress& own = ports_[static_cast<std::size_t>(Facing::inside)];
        std::memcpy(servers_[vip].octets.data(), address->octets.data(), 6);
        std::memcpy(servers_[vip].octets.data() + 6, own.octets.data(), 6);
        servers_[vip].known = 1;
    }
    decide_fates();
}

void Burst::set_next_hop(const wire::IpAddress& destination, const wire::MacAddress& address) {
    NextHop& hop = next_hops_[slot_of(destination)];
    hop = {destination, {}};
    const wire::MacAddress& own = ports_[static_cast<std::size_t>(Facing::outside)];
    std::memcpy(hop.stations.octets.data(), address.octets.data(), 6);
    std::memcpy(hop.stations.octets.data() + 6, own.octets.data(), 6);
    hop.stations.known = 1;
}

void Burst::clear_next_hops() {
    next_hops_.fill({});
}

void Burst::begin(const contract::Policy& policy, std::uint32_t sequence, const Stances& stances) {
    if (begun_ && sequence == policy_sequence_ && stances == stances_) [[likely]]
        return;
    if (!begun_ || sequence != policy_sequence_) {
        servers_.fill({});
        policy_sequence_ = sequence;
    }
    begun_ = true;
    front_.begin(policy, sequence);
    stances_ = stances;
    for (std::size_t g = 0; g < decisions_.size(); ++g)
        for (std::size_t k = 0; k < path::kind_count; ++k)
            decisions_[g][k] = path::decide(path::Ingress::outside, static_cast<Kind>(k), stances[g]);
    decide_fates();
}

/// Brings roles, policy and servers into one table.
void Burst::decide_fates() {
    fates_ = {};
    for (std::size_t v = 0; v < front_.vip_count(); ++v) {
        const path::FrontVip& vip = front_.vip(v);
        if (vip.group >= contract::groups_max)
            continue;
        const bool nat = vip.forwarding == contract::Forwarding::nat;
        for (std::size_t k = 0; k < path::kind_count; ++k) {
            const auto kind = static_cast<Kind>(k);
            const path::Decision& verdict = decisions_[vip.group][k];
            const int sip = is_sip(kind) ? fate_sip : 0;
            const int translated = nat ? fate_translate : 0;
            int fate = 0;
            // What a pattern asks besides its mask is asked on the slow way.
            const bool asked =
                kind == Kind::sip_matching && front_.policy().groups[vip.group].pattern.conditions();
            if (asked)
                fate = 0;
            else if (verdict.action == path::Action::forward && servers_[v].known != 0)
                fate =
                    fate_forward | sip | translated | (verdict.copy == path::Copy::mirror ? fate_mirror : 0);
            else if (verdict.action == path::Action::drop)
                fate = fate_drop;
            set_fate(Facing::outside, v, k, fate);
            // Everything else than forwarding is for the engine to do.
            fate = stances_[vip.group] == path::Stance::active ? fate_forward | sip | translated : 0;
            set_fate(Facing::inside, v, k, fate);
        }
    }
}

/// Records a flow that is not known.
template <Facing facing>
[[gnu::noinline]] void Burst::begin_flow(const Seen& seen, const std::uint8_t* data, table::Instant now) {
    const std::uint8_t version = seen.flow.version();
    const std::uint8_t* ip = data + seen.network;
    constexpr bool inbound = facing == Facing::outside;
    state::FlowEnds ends;
    ends.remote = address_at(ip + (inbound ? source_at(version) : destination_at(version)), version);
    ends.local = front_.vip(seen.vip).address;
    ends.remote_port = __builtin_bswap16(static_cast<std::uint16_t>(seen.flow.rest));
    ends.local_port = __builtin_bswap16(static_cast<std::uint16_t>(seen.flow.rest >> 16U));
    ends.group = seen.group;
    const std::uint8_t* payload = data + seen.transport + 8;
    const std::uint8_t* end = ip + seen.length;
    if (seen.flow.protocol() == 6)
        ends.kind = state::FlowKind::tcp;
    else if (seen.kind != Kind::other_port)
        ends.kind = state::FlowKind::sip;
    else if (state::may_be_rtp({payload, end}, ends.local_port))
        ends.kind = state::FlowKind::rtp;
    flows_->begin(seen.flow, ends, inbound ? state::FlowSide::remote : state::FlowSide::local, seen.length,
                  now);
}

const Burst::Stations* Burst::next_hop(const Seen& seen, const std::uint8_t* data) const {
    const std::uint8_t version = seen.flow.version();
    const auto destination = address_at(data + seen.network + destination_at(version), version);
    const NextHop& hop = next_hops_[slot_of(destination)];
    return hop.stations.known != 0 && hop.address == destination ? &hop.stations : nullptr;
}

template <Facing facing>
void Burst::take(std::span<rte_mbuf* const> packets, table::Instant now) {
    facing_ = facing;
    packets_ = packets.data();
    const std::size_t count = std::min(packets.size(), burst_max);
    count_ = count;
    for (std::size_t i = 0; i < count; ++i) {
        // What lies in several buffers is short here, and thus goes the slow way.
        const std::uint8_t* data = data_of(packets[i]);
        frames_[i] = {data, packets[i]->data_len};
        table::fetch_to_write(data);
    }
    front_.classify(facing, std::span(frames_).first(count), seen_, lines_);
    state::Flows* const flows = flows_;
    constexpr auto side = facing == Facing::outside ? state::FlowSide::remote : state::FlowSide::local;
    const std::int64_t now_ns = now.time_since_epoch().count();
    std::uint32_t vips_hit = 0;
    const std::uint16_t mtu = mtus_[static_cast<std::size_t>(facing)];
    // What is the same for all packets of a VIP; mostly the packet before was of the same.
    std::uint32_t place = no_place;
    const std::uint8_t* fates = nullptr;
    std::uint32_t* hits = nullptr;
    Stations stations{};
    for (std::size_t i = 0; i < count; ++i) {
        const Seen& seen = seen_[i];
        if (seen.length > mtu) [[unlikely]] {
            taken_[i] = fate_rest;
            continue;
        }
        if (place_of(seen) != place) [[unlikely]] {
            if (seen.way == Way::slow) {
                taken_[i] = fate_rest;
                continue;
            }
            place = place_of(seen);
            fates = fates_[static_cast<std::size_t>(facing)][seen.vip].data();
            hits = hits_[seen.vip].data();
            stations = servers_[seen.vip];
            vips_hit |= 1U << seen.vip;
        }
        if (flows != nullptr && !flows->see(seen.flow, lines_[i], side, seen.length, now_ns)) [[unlikely]]
            begin_flow<facing>(seen, frames_[i].data, now);
        const auto kind = static_cast<std::size_t>(seen.kind);
        std::uint32_t fate = fates[kind];
        if constexpr (facing == Facing::inside) {
            const Stations* hop = next_hop(seen, frames_[i].data);
            if (hop != nullptr)
                stations = *hop;
            else if ((fate & fate_forward) != 0)
                fate = fate_rest;
        }
        taken_[i] = static_cast<std::uint8_t>(fate);
        if ((fate & fate_forward) != 0) [[likely]]
            std::memcpy(const_cast<std::uint8_t*>(frames_[i].data), stations.octets.data(),
                        stations.octets.size());
        else if ((fate & fate_rest) != 0)
            continue;
        ++hits[kind];
    }
    collect(fate_forward, forwarded_);
    collect(fate_drop, dropped_);
    flush_counts<facing>(vips_hit);
}

std::uint64_t Burst::which(Fate fate) const {
    const int to_the_top = std::countl_zero(static_cast<std::uint8_t>(fate));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < count_; i += 16) {
        const __m128i fates = _mm_load_si128(reinterpret_cast<const __m128i*>(taken_.data() + i));
        const int top = _mm_movemask_epi8(_mm_slli_epi16(fates, to_the_top));
        bits |= std::uint64_t{static_cast<std::uint32_t>(top)} << i;
    }
    return bits & all_of_burst();
}

/// Puts the packets of which this is true in a row.
inline void Burst::collect(Fate fate, List& row) {
    std::uint64_t left = which(fate);
    if (left == all_of_burst()) {
        row.assign({packets_, count_});
        return;
    }
    row.assign({});
    for (; left != 0; left &= left - 1)
        row.add(packets_[std::countr_zero(left)]);
}

void Burst::from_outside(std::span<rte_mbuf* const> packets, table::Instant now) {
    take<Facing::outside>(packets, now);
}

void Burst::from_inside(std::span<rte_mbuf* const> packets, table::Instant now) {
    take<Facing::inside>(packets, now);
}

template <Facing facing>
void Burst::flush_counts(std::uint32_t vips) {
    using contract::Counter;
    arrived_.fill(0);
    for (; vips != 0; vips &= vips - 1) {
        const auto v = static_cast<std::size_t>(std::countr_zero(vips));
        const std::size_t g = front_.vip(v).group;
        for (std::uint32_t hit = not_zero(hits_[v]); hit != 0; hit &= hit - 1) {
            const auto k = static_cast<std::size_t>(std::countr_zero(hit));
            const std::uint32_t hits = std::exchange(hits_[v][k], 0);
            if (facing == Facing::inside)
                continue;
            arrived_[g] += hits;
            const path::Decision& verdict = decisions_[g][k];
            counters_.add(verdict.counter, hits);
            if (is_sip(static_cast<Kind>(k)))
                counters_.add(Counter::sip_received, hits);
            if (verdict.copy == path::Copy::mirror)
                counters_.add(Counter::mirror_matched, hits);
        }
    }
}

void Burst::translate() {
    for (const Looked looked : chosen(fate_translate)) {
        auto* data = rte_pktmbuf_mtod(looked.packet, std::uint8_t*);
        const path::FrontVip& vip = front_.vip(looked.seen.vip);
        const std::span<std::uint8_t> packet{data + looked.seen.network, looked.seen.length};
        if (facing_ == Facing::outside)
            path::translate(packet, path::Side::destination, vip.server);
        else
            path::translate(packet, path::Side::source, vip.address);
    }
}

} // namespace tandem::dpdk
