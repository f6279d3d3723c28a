// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One worker with its ports and buffers, for one row of the benchmark.
//
// The outside port is a net_null port whose pool was filled with traffic beforehand: what it "receives" are
// these packets, over and over, and what is "transmitted" goes back into the pool. So a row costs what a port
// costs that has no wire: taking buffers, filling in their lengths, giving them back. Everything between is
// what an appliance runs.

#include "dataplane/io/dpdk/ahead.hh"
#include "dataplane/io/dpdk/burst.hh"
#include "dataplane/io/dpdk/burst_messages.hh"
#include "dataplane/io/dpdk/mirror_port.hh"
#include "dataplane/io/dpdk/port.hh"
#include "dataplane/state/tracker.hh"
#include "tests/bench/fastpath_dpdk/traffic.hh"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct rte_mempool;

namespace fastpath_bench {

enum class Work : std::uint8_t {
    match, ///< one packet in eight mirrored by reference, in clear
    copy,  ///< every packet mirrored by a copy, in clear
    track, ///< as match, and every message extracted and tracked
    seal,  ///< every packet mirrored, sealed
    rtp,   ///< RTP forwarded
};

/// The order in which buffers come back: the last one first, as a pool does that caches, or the first one.
enum class Order : std::uint8_t { last_first, first_first };

/// Memory that a table lies in.
class TableMemory {
public:
    TableMemory() = default;
    TableMemory(std::byte* first, std::size_t size)
        : first_(first)
        , size_(size) {}
    std::span<std::byte> octets() const { return {first_.get(), size_}; }

private:
    struct Free {
        void operator()(std::byte* memory) const { std::free(memory); }
    };
    std::unique_ptr<std::byte, Free> first_;
    std::size_t size_{0};
};

struct RigSetup {
    Work work{Work::match};
    std::size_t pool{4096};
    Order order{Order::first_first};
    tandem::dpdk::Sealing sealing{tandem::dpdk::Sealing::fastest};
};

class Rig {
public:
    explicit Rig(const RigSetup& setup);
    ~Rig();
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;

    /// One burst; gives the number of packets.
    std::size_t turn();
    /// Bursts whose every packet is compared with what must come of it. A sentence for each thing that is
    /// wrong.
    std::vector<std::string> verify();

    const Traffic& traffic() const { return traffic_; }
    /// In the table.
    std::size_t flows() const { return flows_->size(); }
    std::uint64_t received() const { return received_; }

private:
    void make_pools();
    void fill_pool();
    void make_policy();
    std::size_t receive(rte_mbuf** into);
    void mirror();
    void check_sealed(const tandem::dpdk::Looked& looked);

    RigSetup setup_;
    Traffic traffic_;
    rte_mempool* pool_{nullptr};
    rte_mempool* headers_{nullptr};
    rte_mempool* indirect_{nullptr};
    rte_mempool* copies_{nullptr};
    std::uint16_t outside_{0};
    std::uint16_t inside_{0};
    std::uint16_t ha_{0};

    tandem::contract::Policy policy_{};
    tandem::contract::Counters counters_;
    TableMemory flow_memory_;
    std::optional<tandem::state::Flows> flows_;
    std::optional<tandem::path::Front> front_;
    std::unique_ptr<tandem::dpdk::Burst> burst_;
    std::atomic<std::uint64_t> numbers_reserved_{0};
    tandem::seal::Numbers numbers_;
    std::optional<tandem::dpdk::MirrorPort> mirror_;
    tandem::dpdk::Stances stances_{};

    TableMemory registration_memory_;
    TableMemory dialog_memory_;
    std::unique_ptr<tandem::state::Tracker> tracker_;
    tandem::dpdk::BurstMessages messages_;

    std::optional<tandem::dpdk::Ahead<tandem::dpdk::Port::burst_max>> ahead_; ///< as a worker receives
    std::span<rte_mbuf*> packets_;                                            ///< of this turn
    std::array<rte_mbuf*, tandem::dpdk::Port::burst_max> datagrams_{};
    std::size_t datagram_count_{0};
    std::uint64_t stream_sequence_{0};
    bool opened_{false}; ///< one sealed datagram was opened
    std::uint64_t received_{0};
    std::size_t phone_{0};
    std::uint64_t forwarded_{0};
    std::uint64_t left_{0}; ///< for the slow way: must be none
    std::uint64_t mirrored_{0};
    std::uint64_t unmirrored_{0}; ///< no buffer: must be none
    std::int64_t now_ns_{1'000'000'000};
};

} // namespace fastpath_bench
