// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/shared_queue.hh"

#include "dataplane/io/dpdk/port.hh"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>
#include <array>

namespace tandem::dpdk {
namespace {

constexpr unsigned ring_size = 512;
constexpr int attempts = 4; ///< a device may take fewer than it could in one call

} // namespace

void drop_full(std::span<rte_mbuf*> packets, contract::Counters& counters, contract::QueueStatus& status) {
    if (packets.empty())
        return;
    counters.add(contract::Counter::port_full, packets.size());
    status.full.fetch_add(packets.size(), std::memory_order_relaxed);
    for (rte_mbuf* packet : packets)
        ::rte_pktmbuf_free(packet);
}

std::size_t offer(Port& port, std::uint16_t queue, std::span<rte_mbuf*> packets) {
    std::size_t done = 0;
    for (int attempt = 0; attempt < attempts && done < packets.size(); ++attempt)
        done +=
            port.transmit(queue, packets.data() + done, static_cast<std::uint16_t>(packets.size() - done));
    return done;
}

void send_now(Port& port, std::uint16_t queue, std::span<rte_mbuf*> packets, contract::Counters& counters,
              contract::QueueStatus& status) {
    drop_full(packets.subspan(offer(port, queue, packets)), counters, status);
}

std::expected<std::unique_ptr<SharedQueue>, std::string>
SharedQueue::make(Port& port, std::uint16_t queue, std::size_t workers, contract::QueueStatus& status) {
    std::unique_ptr<SharedQueue> made{new SharedQueue(port, queue, status)};
    for (std::size_t worker = 0; worker < workers; ++worker) {
        const std::string name = "send" + std::to_string(port.number()) + "-" + std::to_string(queue) + "-" +
                                 std::to_string(worker);
        rte_ring* ring =
            ::rte_ring_create(name.c_str(), ring_size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (ring == nullptr)
            return std::unexpected(
                "port " + port.name() +
                ": there is not enough memory for its queue's rings: " + ::rte_strerror(rte_errno));
        made->rings_.push_back(ring);
    }
    return made;
}

SharedQueue::~SharedQueue() {
    for (rte_ring* ring : rings_) {
        void* packet = nullptr;
        while (rte_ring_sc_dequeue(ring, &packet) == 0)
            ::rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
        ::rte_ring_free(ring);
    }
}

void SharedQueue::send(std::size_t self, std::span<rte_mbuf*> packets, contract::Counters& counters) {
    const std::size_t taken =
        rte_ring_sp_enqueue_burst(rings_[self], reinterpret_cast<void**>(packets.data()),
                                  static_cast<unsigned>(packets.size()), nullptr);
    drop_full(packets.subspan(taken), counters, status_);
    // Whoever finds the queue busy has put its packets into the ring before; whoever lets go of it looks
    // afterwards. The fences make sure that one of the two sees the other.
    do {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (busy_.test_and_set(std::memory_order_acquire))
            return;
        empty_rings(counters);
        busy_.clear(std::memory_order_release);
        std::atomic_thread_fence(std::memory_order_seq_cst);
    } while (anything());
}

void SharedQueue::empty_rings(contract::Counters& counters) {
    for (rte_ring* ring : rings_) {
        std::array<rte_mbuf*, Port::burst_max> packets;
        for (std::size_t left = ring_size; left > 0;) { // bounded, though others go on putting packets in
            const std::size_t count = rte_ring_sc_dequeue_burst(
                ring, reinterpret_cast<void**>(packets.data()), packets.size(), nullptr);
            send_now(port_, queue_, std::span(packets).first(count), counters, status_);
            if (count < packets.size())
                break;
            left -= std::min(left, count);
        }
    }
}

bool SharedQueue::anything() const {
    return std::ranges::any_of(rings_, [](const rte_ring* ring) { return rte_ring_empty(ring) == 0; });
}

} // namespace tandem::dpdk
