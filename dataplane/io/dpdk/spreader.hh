// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One worker's part in the spreading of packets: keeps its own, hands the others over, takes what it gets.
//
// What is handed over is gathered for each worker and given at the end of a burst. What finds no room is
// dropped and counted: a worker that is behind must not hold up the one that receives for it. An engine with
// one worker has none of these. Deliberately absent: what becomes of the packets.

#include "dataplane/contract/counters.hh"
#include "dataplane/contract/port_status.hh"
#include "dataplane/io/dpdk/exchange.hh"
#include "dataplane/io/dpdk/port.hh"
#include "dataplane/path/next_hops.hh"
#include "dataplane/path/owners.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tandem::dpdk {

class Spreader {
public:
    /// What a worker has received, on each of the two networks: for the counts.
    using Queues = std::array<contract::QueueStatus*, path::segment_count>;

    /// All outlive this object.
    Spreader(Exchange& exchange, std::size_t self, const path::Owners& owners, contract::Counters& counters,
             const Queues& queues);
    ~Spreader();
    Spreader(const Spreader&) = delete;
    Spreader& operator=(const Spreader&) = delete;

    /// Before each burst.
    void begin(const contract::Policy& policy, std::uint32_t sequence) { owners_.begin(policy, sequence); }
    /// Keeps what is this worker's, in its order and in place; takes the other buffers.
    std::span<rte_mbuf*> keep(path::Segment segment, std::span<rte_mbuf*> packets);
    /// Hands one packet to another worker.
    void hand(std::size_t to, Freight freight, rte_mbuf* packet);
    /// Gives what was handed over.
    void flush();

    /// Takes what the others have given, a bounded number of packets, and calls `use(freight, packets)` with
    /// up to Port::burst_max of one kind; how many there were.
    template <class Use>
    std::size_t take(Use use) {
        std::size_t count = 0;
        for (std::size_t from = 0; from < exchange_.workers(); ++from) {
            for (std::size_t i = 0; from != self_ && i < bursts_max; ++i) {
                const std::size_t taken = take_from(from);
                for (std::size_t freight = 0; freight < freight_count && taken > 0; ++freight)
                    if (sorted_count_[freight] > 0)
                        use(static_cast<Freight>(freight),
                            std::span(sorted_[freight]).first(sorted_count_[freight]));
                count += taken;
                if (taken < Port::burst_max)
                    break;
            }
        }
        return count;
    }

    Exchange& exchange() const { return exchange_; }
    std::size_t self() const { return self_; }

private:
    static constexpr std::size_t bursts_max = 4; ///< of one worker in one turn
    static constexpr std::size_t gathered_max = 2 * Port::burst_max;

    struct Gathered {
        std::array<rte_mbuf*, gathered_max> packets;
        std::size_t count{0};
    };
    std::size_t take_from(std::size_t from);
    void give(std::size_t to);

    Exchange& exchange_;
    std::size_t self_;
    path::Owners owners_;
    contract::Counters& counters_;
    Queues queues_;
    std::vector<Gathered> gathered_; ///< by worker
    std::array<std::array<rte_mbuf*, Port::burst_max>, freight_count> sorted_{};
    std::array<std::size_t, freight_count> sorted_count_{};
};

} // namespace tandem::dpdk
