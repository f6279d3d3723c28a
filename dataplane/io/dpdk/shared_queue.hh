// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A transmit queue that several workers have, because the port has fewer queues than there are workers.
//
// Problem: a queue of a device has one user at a time; a lock makes workers wait for one that the kernel has
// just put aside, and a worker that sends for the others may be asleep, or hang with their packets. Idea:
// each worker puts its packets in a ring of its own and then tries to become the one that empties all rings
// into the queue; who does not succeed goes on, because the one that did looks once more after it has let go.
// Nobody waits, a worker's packets stay in order, and they lie in a ring only while another worker is just
// sending. Deliberately absent: queues with one user, which need none of this.

#include "dataplane/contract/counters.hh"
#include "dataplane/contract/port_status.hh"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct rte_mbuf;
struct rte_ring;

namespace tandem::dpdk {

class Port;

/// Drops packets for which a queue has no room, and counts them.
void drop_full(std::span<rte_mbuf*> packets, contract::Counters& counters, contract::QueueStatus& status);
/// Sends packets on a queue that nobody else uses at the moment; how many it took, the first ones. The caller
/// keeps the rest.
std::size_t offer(Port& port, std::uint16_t queue, std::span<rte_mbuf*> packets);
/// Sends packets on a queue that nobody else uses at the moment; takes the buffers. What the queue does not
/// take is dropped and counted.
void send_now(Port& port, std::uint16_t queue, std::span<rte_mbuf*> packets, contract::Counters& counters,
              contract::QueueStatus& status);

class SharedQueue {
public:
    /// `port` and `status` outlive the queue. The error is a sentence.
    static std::expected<std::unique_ptr<SharedQueue>, std::string>
    make(Port& port, std::uint16_t queue, std::size_t workers, contract::QueueStatus& status);
    ~SharedQueue();
    SharedQueue(const SharedQueue&) = delete;
    SharedQueue& operator=(const SharedQueue&) = delete;

    /// As send_now(), for worker `self`. `counters`: its own.
    void send(std::size_t self, std::span<rte_mbuf*> packets, contract::Counters& counters);

private:
    SharedQueue(Port& port, std::uint16_t queue, contract::QueueStatus& status)
        : port_(port)
        , queue_(queue)
        , status_(status) {}
    void empty_rings(contract::Counters& counters);
    bool anything() const;

    Port& port_;
    std::uint16_t queue_;
    contract::QueueStatus& status_;
    std::vector<rte_ring*> rings_; ///< by worker
    alignas(64) std::atomic_flag busy_;
};

} // namespace tandem::dpdk
