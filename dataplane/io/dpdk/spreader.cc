// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/spreader.hh"

#include <rte_mbuf.h>

namespace tandem::dpdk {
namespace {

/// A worker that receives nothing from the port by itself counts at a queue that it shares.
void add(std::atomic<std::uint64_t>& count, std::uint64_t n) {
    count.fetch_add(n, std::memory_order_relaxed);
}

/// Of those that are counted as received for another worker.
std::size_t segment_of(Freight freight) {
    return static_cast<std::size_t>(freight == Freight::inside ? path::Segment::inside
                                                               : path::Segment::outside);
}

bool is_spread(Freight freight) {
    return freight == Freight::outside || freight == Freight::inside;
}

} // namespace

Spreader::Spreader(Exchange& exchange, std::size_t self, const path::Owners& owners,
                   contract::Counters& counters, const Queues& queues)
    : exchange_(exchange)
    , self_(self)
    , owners_(owners)
    , counters_(counters)
    , queues_(queues)
    , gathered_(exchange.workers()) {}

Spreader::~Spreader() {
    for (const Gathered& gathered : gathered_)
        for (std::size_t i = 0; i < gathered.count; ++i)
            ::rte_pktmbuf_free(gathered.packets[i]);
}

std::span<rte_mbuf*> Spreader::keep(path::Segment segment, std::span<rte_mbuf*> packets) {
    const bool outside = segment == path::Segment::outside;
    const auto facing = outside ? path::Facing::outside : path::Facing::inside;
    std::size_t kept = 0;
    for (rte_mbuf* packet : packets) {
        // What lies in several buffers is short here, and goes the slow way, or is dropped there.
        const path::RawFrame frame{rte_pktmbuf_mtod(packet, const std::uint8_t*), packet->data_len};
        const std::size_t owner = owners_.of(facing, frame, self_);
        if (owner == self_)
            packets[kept++] = packet;
        else
            hand(owner, outside ? Freight::outside : Freight::inside, packet);
    }
    return packets.first(kept);
}

void Spreader::hand(std::size_t to, Freight freight, rte_mbuf* packet) {
    set_freight(packet, freight);
    Gathered& gathered = gathered_[to];
    gathered.packets[gathered.count++] = packet;
    if (gathered.count == gathered.packets.size())
        give(to);
}

void Spreader::flush() {
    for (std::size_t to = 0; to < gathered_.size(); ++to)
        if (gathered_[to].count > 0)
            give(to);
}

void Spreader::give(std::size_t to) {
    Gathered& gathered = gathered_[to];
    const std::span<rte_mbuf*> packets = std::span(gathered.packets).first(gathered.count);
    gathered.count = 0;
    std::array<std::uint64_t, path::segment_count> spread{};
    for (const rte_mbuf* packet : packets) // theirs, once they are given
        spread[segment_of(freight_of(packet))] += is_spread(freight_of(packet)) ? 1 : 0;
    const std::size_t given = exchange_.give(self_, to, packets);
    for (rte_mbuf* packet : packets.subspan(given)) {
        if (is_spread(freight_of(packet))) {
            --spread[segment_of(freight_of(packet))];
            add(queues_[segment_of(freight_of(packet))]->handed_full, 1);
        }
        ::rte_pktmbuf_free(packet);
    }
    if (given < packets.size())
        counters_.add(contract::Counter::worker_full, packets.size() - given);
    for (std::size_t i = 0; i < spread.size(); ++i)
        if (spread[i] > 0)
            add(queues_[i]->handed, spread[i]);
}

std::size_t Spreader::take_from(std::size_t from) {
    std::array<rte_mbuf*, Port::burst_max> packets;
    const std::size_t taken = exchange_.take(from, self_, packets);
    sorted_count_.fill(0);
    for (std::size_t i = 0; i < taken; ++i) {
        const auto freight = static_cast<std::size_t>(freight_of(packets[i]));
        sorted_[freight][sorted_count_[freight]++] = packets[i];
    }
    return taken;
}

} // namespace tandem::dpdk
