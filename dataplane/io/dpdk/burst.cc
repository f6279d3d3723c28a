// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/burst.hh"

#include "dataplane/path/translate.hh"
#include "dataplane/table/bring.hh"

#include <immintrin.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <utility>

namespace tandem::dpdk {
namespace {

using path::Facing;
using path::Kind;
using path::Seen;
using path::Way;

std::uint8_t* data_of(const rte_mbuf* packet) {
    return rte_pktmbuf_mtod(packet, std::uint8_t*);
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

using Octets = std::array<std::uint8_t, Burst::burst_max>;

/// Which of some octets are this one, a bit for each; of the bits behind them nothing is said.
std::uint64_t equal_to(const Octets& octets, std::size_t count, std::uint8_t wanted) {
    const __m128i all = _mm_set1_epi8(static_cast<char>(wanted));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < count; i += 16) {
        const __m128i some = _mm_load_si128(reinterpret_cast<const __m128i*>(octets.data() + i));
        bits |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(some, all)))} << i;
    }
    return bits;
}

/// The bits that some and that all of sixteen octets have.
struct Bits {
    __m128i some{_mm_setzero_si128()};
    __m128i all{_mm_set1_epi8(-1)};

    void add(__m128i octets) {
        some = _mm_or_si128(some, octets);
        all = _mm_and_si128(all, octets);
    }
};
std::uint32_t folded(__m128i octets, auto join) {
    auto word = join(static_cast<std::uint64_t>(_mm_cvtsi128_si64(octets)),
                     static_cast<std::uint64_t>(_mm_extract_epi64(octets, 1)));
    word = join(word, word >> 32U);
    word = join(word, word >> 16U);
    return join(word, word >> 8U) & 0xffU;
}

/// Looks octets up in a table of sixteen, sixteen at a time.
Bits look_up(const std::uint8_t* table, const Octets& octets, std::size_t count, Octets& found) {
    const __m128i row = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    Bits bits;
    for (std::size_t i = 0; i < count; i += 16) {
        const __m128i some = _mm_load_si128(reinterpret_cast<const __m128i*>(octets.data() + i));
        const __m128i these = _mm_shuffle_epi8(row, some);
        _mm_store_si128(reinterpret_cast<__m128i*>(found.data() + i), these);
        bits.add(these);
    }
    return bits;
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

inline Burst::Stations Burst::Stations::of(const wire::MacAddress& destination,
                                           const wire::MacAddress& source) {
    std::array<std::uint8_t, 12> octets{};
    std::memcpy(octets.data(), destination.octets.data(), 6);
    std::memcpy(octets.data() + 6, source.octets.data(), 6);
    Stations stations;
    std::memcpy(&stations.first, octets.data(), sizeof stations.first);
    std::memcpy(&stations.second, octets.data() + sizeof stations.first, sizeof stations.second);
    stations.known = 1;
    return stations;
}

inline void Burst::Stations::write_to(std::uint8_t* frame) const {
    std::memcpy(frame, &first, sizeof first);
    std::memcpy(frame + sizeof first, &second, sizeof second);
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
    if (address)
        servers_[vip] = Stations::of(*address, ports_[static_cast<std::size_t>(Facing::inside)]);
    decide_fates();
}

void Burst::set_next_hop(const wire::IpAddress& destination, const wire::MacAddress& address) {
    next_hops_[slot_of(destination)] = {
        destination, Stations::of(address, ports_[static_cast<std::size_t>(Facing::outside)])};
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

/// Decides what becomes of packets that are all for one VIP, and counts them. False: not all go on, and
/// nothing was counted.
template <Facing facing>
bool Burst::all_go_on(std::size_t vip, bool no_sip) {
    const std::uint8_t* fates = fates_[static_cast<std::size_t>(facing)][vip].data();
    const std::size_t group = front_.vip(vip).group;
    if (no_sip) {
        constexpr auto kind = static_cast<std::size_t>(Kind::other_port);
        taken_.fill(fates[kind]);
        met_ = fates[kind];
        if ((met_ & fate_forward) == 0)
            return false;
        arrived_.fill(0);
        count<facing>(group, kind, static_cast<std::uint32_t>(count_));
        return true;
    }
    for (std::size_t i = 0; i < count_; ++i)
        kinds_[i] = static_cast<std::uint8_t>(seen_[i].kind);
    for (std::size_t i = count_; i % sizeof(__m128i) != 0; ++i)
        kinds_[i] = kinds_[0];
    const Bits bits = look_up(fates, kinds_, count_, taken_);
    met_ = folded(bits.some, std::bit_or<>{});
    if ((folded(bits.all, std::bit_and<>{}) & fate_forward) == 0)
        return false;
    arrived_.fill(0);
    for (std::uint64_t left = all_of_burst(); left != 0;) {
        const std::uint8_t kind = kinds_[static_cast<std::size_t>(std::countr_zero(left))];
        const std::uint64_t same = equal_to(kinds_, count_, kind) & left;
        count<facing>(group, kind, static_cast<std::uint32_t>(std::popcount(same)));
        left ^= same;
    }
    return true;
}

/// Where each packet of the burst leaves to. False: it is not known of all.
bool Burst::find_next_hops() {
    for (std::size_t i = 0; i < count_; ++i) {
        hops_[i] = next_hop(seen_[i], frames_[i]);
        if (hops_[i] == nullptr)
            return false;
    }
    return true;
}

/// The usual burst: all packets are for one VIP, and all go on. Of the steps of take_each() there remain two
/// for each packet. False: it is another one, and nothing was done.
template <Facing facing>
bool Burst::take_alike(const path::Common& common, table::Instant now) {
    constexpr bool inside = facing == Facing::inside;
    constexpr auto side = inside ? state::FlowSide::local : state::FlowSide::remote;
    if (!common.one_vip || common.longest > mtus_[static_cast<std::size_t>(facing)])
        return false;
    if (inside && !find_next_hops())
        return false;
    const std::size_t vip = seen_[0].vip;
    if (!all_go_on<facing>(vip, common.no_sip))
        return false;
    state::Flows* const flows = flows_;
    const std::int64_t now_ns = now.time_since_epoch().count();
    const Stations server = servers_[vip];
    const std::size_t count = count_;
    for (std::size_t i = 0; i < count; ++i) {
        const Seen& seen = seen_[i];
        if (flows != nullptr && !flows->see(seen.flow, lines_[i], side, seen.length, now_ns)) [[unlikely]]
            begin_flow<facing>(seen, frames_[i], now);
        (inside ? *hops_[i] : server).write_to(frames_[i]);
    }
    forwarded_.refer_to(packets_, count);
    dropped_.clear();
    return true;
}

template <Facing facing>
void Burst::take(std::span<rte_mbuf* const> packets, table::Instant now) {
    facing_ = facing;
    packets_ = packets.data();
    const std::size_t count = std::min(packets.size(), burst_max);
    count_ = count;
    for (std::size_t i = 0; i < count; ++i) {
        // What lies in several buffers is short here, and thus goes the slow way.
        frames_[i] = data_of(packets[i]);
        lengths_[i] = packets[i]->data_len;
        table::fetch_to_write(frames_[i]);
    }
    const path::Common common =
        front_.classify(facing, {frames_.data(), lengths_.data(), count}, seen_, lines_);
    if (!take_alike<facing>(common, now))
        take_each<facing>(now);
}

template <Facing facing>
void Burst::take_each(table::Instant now) {
    state::Flows* const flows = flows_;
    constexpr auto side = facing == Facing::outside ? state::FlowSide::remote : state::FlowSide::local;
    const std::int64_t now_ns = now.time_since_epoch().count();
    std::uint32_t vips_hit = 0;
    std::uint32_t met = 0;
    const std::uint16_t mtu = mtus_[static_cast<std::size_t>(facing)];
    // What is the same for all packets of a VIP; mostly the packet before was of the same.
    std::uint32_t place = no_place;
    const std::uint8_t* fates = nullptr;
    std::uint32_t* hits = nullptr;
    Stations stations{};
    for (std::size_t i = 0; i < count_; ++i) {
        const Seen& seen = seen_[i];
        if (seen.length > mtu) [[unlikely]] {
            taken_[i] = fate_rest;
            met |= fate_rest;
            continue;
        }
        if (place_of(seen) != place) [[unlikely]] {
            if (seen.way == Way::slow) {
                taken_[i] = fate_rest;
                met |= fate_rest;
                continue;
            }
            place = place_of(seen);
            fates = fates_[static_cast<std::size_t>(facing)][seen.vip].data();
            hits = hits_[seen.vip].data();
            stations = servers_[seen.vip];
            vips_hit |= 1U << seen.vip;
        }
        if (flows != nullptr && !flows->see(seen.flow, lines_[i], side, seen.length, now_ns)) [[unlikely]]
            begin_flow<facing>(seen, frames_[i], now);
        const auto kind = static_cast<std::size_t>(seen.kind);
        std::uint32_t fate = fates[kind];
        if constexpr (facing == Facing::inside) {
            const Stations* hop = next_hop(seen, frames_[i]);
            if (hop != nullptr)
                stations = *hop;
            else if ((fate & fate_forward) != 0)
                fate = fate_rest;
        }
        taken_[i] = static_cast<std::uint8_t>(fate);
        met |= fate;
        if ((fate & fate_forward) != 0) [[likely]]
            stations.write_to(frames_[i]);
        else if ((fate & fate_rest) != 0)
            continue;
        ++hits[kind];
    }
    met_ = met;
    collect(fate_forward, forwarded_);
    collect(fate_drop, dropped_);
    flush_counts<facing>(vips_hit);
}

std::uint64_t Burst::which_of_taken(Fate fate) const {
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
        row.refer_to(packets_, count_);
        return;
    }
    row.clear();
    for (; left != 0; left &= left - 1)
        row.add(packets_[std::countr_zero(left)]);
}

void Burst::from_outside(std::span<rte_mbuf* const> packets, table::Instant now) {
    take<Facing::outside>(packets, now);
}

void Burst::from_inside(std::span<rte_mbuf* const> packets, table::Instant now) {
    take<Facing::inside>(packets, now);
}

/// Counts packets of one kind.
template <Facing facing>
inline void Burst::count(std::size_t group, std::size_t kind, std::uint32_t packets) {
    using contract::Counter;
    if (facing == Facing::inside)
        return;
    arrived_[group] += packets;
    const path::Decision& verdict = decisions_[group][kind];
    counters_.add(verdict.counter, packets);
    if (is_sip(static_cast<Kind>(kind)))
        counters_.add(Counter::sip_received, packets);
    if (verdict.copy == path::Copy::mirror)
        counters_.add(Counter::mirror_matched, packets);
}

template <Facing facing>
void Burst::flush_counts(std::uint32_t vips) {
    arrived_.fill(0);
    for (; vips != 0; vips &= vips - 1) {
        const auto v = static_cast<std::size_t>(std::countr_zero(vips));
        for (std::uint32_t hit = not_zero(hits_[v]); hit != 0; hit &= hit - 1) {
            const auto k = static_cast<std::size_t>(std::countr_zero(hit));
            count<facing>(front_.vip(v).group, k, std::exchange(hits_[v][k], 0));
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
