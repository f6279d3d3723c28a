// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/flows.hh"

#include <emmintrin.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace tandem::state {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

std::int64_t to_ns(Instant at) {
    return at.time_since_epoch().count();
}

constexpr std::int64_t ns(std::chrono::nanoseconds duration) {
    return duration.count();
}

/// One that nobody answers counts as established when it has lasted: RTP often goes one way only.
constexpr std::int64_t long_lived_ns = 5'000'000'000;
constexpr std::uint64_t long_lived_packets = 64;

using Words = std::array<std::atomic<std::uint64_t>, 2>;

void put(Words& words, const wire::IpAddress& address) {
    std::array<std::uint64_t, 2> copy{};
    std::memcpy(copy.data(), address.octets.data(), address.octets.size());
    words[0].store(copy[0], relaxed);
    words[1].store(copy[1], relaxed);
}

wire::IpAddress get(const Words& words, std::uint8_t version) {
    const std::array<std::uint64_t, 2> copy{words[0].load(relaxed), words[1].load(relaxed)};
    wire::IpAddress address;
    std::memcpy(address.octets.data(), copy.data(), address.octets.size());
    address.family = version == 4 ? wire::Family::ipv4 : wire::Family::ipv6;
    return address;
}

// Flow::what
constexpr std::uint32_t used_bit = 1;
constexpr unsigned group_at = 8;
constexpr unsigned kind_at = 16;

constexpr std::uint16_t host_order(std::uint64_t port) {
    return __builtin_bswap16(static_cast<std::uint16_t>(port));
}

} // namespace

Flows::Flows(std::span<std::byte> memory, std::size_t flows, std::uint64_t seed)
    : tags_(reinterpret_cast<Tags*>(memory.data()))
    , hot_(reinterpret_cast<Hot*>(memory.data() + sets_of(flows) * sizeof(Tags)))
    , cold_(reinterpret_cast<Cold*>(hot_ + sets_of(flows) * ways))
    , set_mask_(sets_of(flows) - 1)
    , index_mask_(sets_of(flows) * ways - 1)
    , seed_(seed) {
    if (memory.size() < octets(flows) || reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(Tags) != 0)
        std::abort();
    for (std::size_t i = 0; i <= set_mask_; ++i)
        new (tags_ + i) Tags;
    for (std::size_t i = 0; i <= index_mask_; ++i) {
        new (hot_ + i) Hot;
        new (cold_ + i) Cold;
    }
}

/// One that was not in its first place: sixteen tags are compared by four.
bool Flows::see_elsewhere(const FlowKey& key, FlowSide side, std::uint32_t length,
                          std::int64_t now_ns) noexcept {
    const std::uint64_t hash = this->hash(key);
    const std::uint64_t set = hash & set_mask_;
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag_of(hash)));
    const auto* four = reinterpret_cast<const __m128i*>(&tags_[set]);
    const __m128i a = _mm_cmpeq_epi32(_mm_load_si128(four), wanted);
    const __m128i b = _mm_cmpeq_epi32(_mm_load_si128(four + 1), wanted);
    const __m128i c = _mm_cmpeq_epi32(_mm_load_si128(four + 2), wanted);
    const __m128i d = _mm_cmpeq_epi32(_mm_load_si128(four + 3), wanted);
    auto equal = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d))));
    for (; equal != 0; equal &= equal - 1) {
        Hot& flow = hot_[set * ways + static_cast<std::size_t>(std::countr_zero(equal))];
        if (is(flow, key)) {
            count(flow, side, length, now_ns);
            return true;
        }
    }
    return false;
}

Flows::Reader Flows::reader(std::span<const std::byte> memory, std::size_t flows) {
    if (memory.size() < octets(flows))
        std::abort();
    return {memory.data(), sets_of(flows)};
}

bool Flows::is_established(const Hot& flow, const Cold& more) noexcept {
    const std::uint64_t there = flow.packets[0].load(relaxed);
    const std::uint64_t back = flow.packets[1].load(relaxed);
    if (there > 0 && back > 0)
        return true;
    return there + back >= long_lived_packets &&
           flow.last_ns.load(relaxed) - more.first_ns.load(relaxed) >= long_lived_ns;
}

std::int64_t Flows::patience_ns(const Hot& flow, const Cold& more) noexcept {
    if (!is_established(flow, more))
        return ns(single_max);
    switch (static_cast<FlowKind>(flow.what.load(relaxed) >> kind_at)) {
    case FlowKind::tcp:
        return ns(tcp_max);
    case FlowKind::rtp:
        return ns(rtp_max);
    case FlowKind::sip:
    case FlowKind::other:
        break;
    }
    return ns(sip_max);
}

/// A place for a new flow in a set; none: there is none.
Flows::Index Flows::choose(std::uint64_t hash, std::int64_t now_ns) noexcept {
    const auto first = static_cast<Index>(table::FlowLines::place(hash, set_mask_));
    if (tag(first).load(relaxed) == 0)
        return first;
    const std::uint64_t set = hash & set_mask_;
    Index least = none;
    std::int64_t oldest = 0;
    for (std::size_t i = 0; i < ways; ++i) {
        const auto index = static_cast<Index>(set * ways + i);
        if (tag(index).load(relaxed) == 0)
            return index;
        const std::int64_t last = hot_[index].last_ns.load(relaxed);
        const bool stays = is_established(hot_[index], cold_[index]) &&
                           now_ns - last < patience_ns(hot_[index], cold_[index]);
        if (!stays && (least == none || last < oldest)) {
            least = index;
            oldest = last;
        }
    }
    if (least != none) {
        end(least);
        ++counts_.evicted;
    }
    return least;
}

void Flows::end(Index index) noexcept {
    Hot& flow = hot_[index];
    const std::uint32_t sequence = flow.sequence.load(relaxed);
    flow.sequence.store(sequence + 1, relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    tag(index).store(0, relaxed);
    flow.what.store(0, relaxed);
    flow.addresses.store(0, relaxed);
    flow.rest.store(0, relaxed);
    flow.sequence.store(sequence + 2, std::memory_order_release);
    --size_;
}

Flows::Index Flows::begin(const FlowKey& key, const FlowEnds& ends, FlowSide side, std::uint32_t length,
                          Instant now) noexcept {
    const std::uint64_t hash = this->hash(key);
    const Index index = choose(hash, to_ns(now));
    if (index == none) {
        ++counts_.refused;
        return none;
    }
    Hot& flow = hot_[index];
    Cold& more = cold_[index];
    const std::uint32_t sequence = flow.sequence.load(relaxed);
    flow.sequence.store(sequence + 1, relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    flow.addresses.store(key.addresses, relaxed);
    flow.rest.store(key.rest, relaxed);
    const auto i = static_cast<std::size_t>(side);
    flow.packets[i].store(1, relaxed);
    flow.packets[1 - i].store(0, relaxed);
    flow.octets[i].store(length, relaxed);
    flow.octets[1 - i].store(0, relaxed);
    flow.last_ns.store(to_ns(now), relaxed);
    put(more.remote, ends.remote);
    put(more.local, ends.local);
    more.first_ns.store(to_ns(now), relaxed);
    flow.what.store(used_bit | std::uint32_t{ends.group} << group_at |
                        static_cast<std::uint32_t>(ends.kind) << kind_at,
                    relaxed);
    flow.sequence.store(sequence + 2, std::memory_order_release);
    tag(index).store(tag_of(hash), relaxed);
    ++size_;
    ++counts_.begun;
    return index;
}

void Flows::sweep(Instant now) noexcept {
    constexpr std::size_t bound = 4;
    for (std::size_t n = 0; n < bound; ++n) {
        const std::size_t set = swept_;
        swept_ = (swept_ + 1) & set_mask_;
        for (std::size_t i = 0; i < ways; ++i) {
            const auto index = static_cast<Index>(set * ways + i);
            if (tag(index).load(relaxed) != 0 &&
                to_ns(now) - hot_[index].last_ns.load(relaxed) >= patience_ns(hot_[index], cold_[index])) {
                end(index);
                ++counts_.expired;
            }
        }
    }
}

bool Flows::Reader::read(std::size_t place, Flow& flow) const noexcept {
    constexpr int attempts = 16;
    const Hot& from = hot_[place];
    const Cold& more = cold_[place];
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const std::uint32_t before = from.sequence.load(std::memory_order_acquire);
        if ((before & 1U) != 0)
            continue;
        const std::uint64_t rest = from.rest.load(relaxed);
        const std::uint32_t what = from.what.load(relaxed);
        const FlowKey key{0, rest};
        flow.remote = get(more.remote, key.version());
        flow.local = get(more.local, key.version());
        flow.remote_port = host_order(rest);
        flow.local_port = host_order(rest >> 16U);
        flow.protocol = key.protocol();
        flow.group = static_cast<std::uint8_t>(what >> group_at);
        flow.kind = static_cast<FlowKind>(what >> kind_at & 0xffU);
        flow.established = is_established(from, more);
        for (std::size_t i = 0; i < 2; ++i) {
            flow.packets[i] = from.packets[i].load(relaxed);
            flow.octets[i] = from.octets[i].load(relaxed);
        }
        flow.first_ns = more.first_ns.load(relaxed);
        flow.last_ns = from.last_ns.load(relaxed);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (from.sequence.load(relaxed) == before)
            return (what & used_bit) != 0;
    }
    return false;
}

} // namespace tandem::state
