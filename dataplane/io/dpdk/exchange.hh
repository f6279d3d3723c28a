// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Packets from one worker to another.
//
// Problem: a worker receives packets that belong to another one, which may be asleep, and neither may wait
// for a lock. Idea: for each pair of workers a ring with one producer and one consumer. What a packet is on
// its way for stands in its buffer. A worker that goes to sleep says so and looks at its rings once more;
// whoever has put something there and then finds it asleep wakes it through an eventfd, so that between two
// workers that are awake no system call is made. Deliberately absent: choosing the owner (path/owners.hh),
// counting (spreader.hh).

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

/// What another worker is to do with a packet. All but the first two are for the first worker only.
enum class Freight : std::uint8_t {
    outside, ///< received outside, and its own from the quick way on
    inside,
    slow_outside, ///< the quick way has looked at it and does not finish it
    slow_inside,
    kernel_outside, ///< for the kernel
    kernel_inside,
    count_
};
inline constexpr std::size_t freight_count = static_cast<std::size_t>(Freight::count_);

/// Lies in the buffer, in a field that is the application's.
void set_freight(rte_mbuf* packet, Freight freight);
Freight freight_of(const rte_mbuf* packet);

class Exchange {
public:
    static constexpr std::size_t ring_size = 1024;

    /// Memory is DPDK's. The error is a sentence.
    static std::expected<std::unique_ptr<Exchange>, std::string> make(std::size_t workers);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    std::size_t workers() const { return workers_; }

    /// Worker `from` gives packets to worker `to`, which is woken if it sleeps. How many were taken,
    /// beginning with the first; the caller keeps the rest.
    std::size_t give(std::size_t from, std::size_t to, std::span<rte_mbuf* const> packets);
    /// What worker `from` has given to worker `to`, in its order; how many there were.
    std::size_t take(std::size_t from, std::size_t to, std::span<rte_mbuf*> out);

    /// Worker `self` is about to sleep on its descriptor. False: there is something in its rings.
    bool begin_sleep(std::size_t self);
    void end_sleep(std::size_t self);
    /// Readable when somebody woke the worker.
    int descriptor(std::size_t self) const { return states_[self].descriptor; }

private:
    struct alignas(64) State {
        std::atomic<std::uint32_t> asleep{0};
        int descriptor{-1};
    };

    explicit Exchange(std::size_t workers);
    rte_ring* ring(std::size_t from, std::size_t to) const { return rings_[from * workers_ + to]; }

    std::size_t workers_;
    std::vector<rte_ring*> rings_; ///< null where from is to
    std::vector<State> states_;
};

} // namespace tandem::dpdk
