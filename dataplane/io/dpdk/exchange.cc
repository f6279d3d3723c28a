// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/exchange.hh"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <sys/eventfd.h>
#include <unistd.h>

namespace tandem::dpdk {

void set_freight(rte_mbuf* packet, Freight freight) {
    packet->hash.usr = static_cast<std::uint32_t>(freight);
}

Freight freight_of(const rte_mbuf* packet) {
    return static_cast<Freight>(packet->hash.usr);
}

Exchange::Exchange(std::size_t workers)
    : workers_(workers)
    , rings_(workers * workers)
    , states_(workers) {}

std::expected<std::unique_ptr<Exchange>, std::string> Exchange::make(std::size_t workers) {
    std::unique_ptr<Exchange> made{new Exchange(workers)};
    for (State& state : made->states_)
        state.descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    for (std::size_t from = 0; from < workers; ++from) {
        for (std::size_t to = 0; to < workers; ++to) {
            if (from == to)
                continue;
            const std::string name = "give" + std::to_string(from) + "-" + std::to_string(to);
            rte_ring* ring =
                ::rte_ring_create(name.c_str(), ring_size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
            if (ring == nullptr)
                return std::unexpected("there is not enough memory for the rings between " +
                                       std::to_string(workers) + " workers: " + ::rte_strerror(rte_errno));
            made->rings_[from * workers + to] = ring;
        }
    }
    return made;
}

Exchange::~Exchange() {
    for (rte_ring* ring : rings_) {
        void* packet = nullptr;
        while (ring != nullptr && rte_ring_sc_dequeue(ring, &packet) == 0)
            ::rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
        ::rte_ring_free(ring);
    }
    for (const State& state : states_)
        if (state.descriptor >= 0)
            ::close(state.descriptor);
}

std::size_t Exchange::give(std::size_t from, std::size_t to, std::span<rte_mbuf* const> packets) {
    const std::size_t given =
        rte_ring_sp_enqueue_burst(ring(from, to), reinterpret_cast<void* const*>(packets.data()),
                                  static_cast<unsigned>(packets.size()), nullptr);
    // Either we see that it sleeps, or it sees what we gave: see begin_sleep().
    std::atomic_thread_fence(std::memory_order_seq_cst);
    State& state = states_[to];
    if (state.asleep.load(std::memory_order_relaxed) != 0 &&
        state.asleep.exchange(0, std::memory_order_relaxed) != 0)
        ::eventfd_write(state.descriptor, 1);
    return given;
}

std::size_t Exchange::take(std::size_t from, std::size_t to, std::span<rte_mbuf*> out) {
    return rte_ring_sc_dequeue_burst(ring(from, to), reinterpret_cast<void**>(out.data()),
                                     static_cast<unsigned>(out.size()), nullptr);
}

bool Exchange::begin_sleep(std::size_t self) {
    states_[self].asleep.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (std::size_t from = 0; from < workers_; ++from) {
        if (from != self && rte_ring_empty(ring(from, self)) == 0) {
            end_sleep(self);
            return false;
        }
    }
    return true;
}

void Exchange::end_sleep(std::size_t self) {
    State& state = states_[self];
    state.asleep.store(0, std::memory_order_relaxed);
    // Always: whoever has woken it may be put aside before it writes, and what it writes then would end every
    // sleep after this one.
    eventfd_t count = 0;
    ::eventfd_read(state.descriptor, &count);
}

} // namespace tandem::dpdk
