// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Bursts of a port, the next of which is on its way to the processor while one is worked on.
//
// Problem: what a port has received is first looked at far away, in main memory or at best in the last cache,
// and a worker has nothing to do in the meantime. Idea: behind a full burst there mostly is another one. It
// is taken at once, the lines that a first look needs are asked for, and it is handed out next time; the rest
// of its frames is asked for piece by piece, by whoever has work in between (table/soon.hh). A burst that is
// not full is handed out at once and nothing is kept: a quiet port costs no latency. Where the same buffers
// come again and again, as a pool's cache gives them to devices that copy, everything is near already and
// nothing is taken ahead. Deliberately absent: more than one burst ahead.

#include "dataplane/table/soon.hh"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

struct rte_mbuf;

namespace tandem::dpdk {

/// Asks for the lines of each packet that a first look needs, and puts the rest of it on the list.
void ask_for(std::span<rte_mbuf* const> packets, table::Soon& soon);
void give_back(std::span<rte_mbuf*> packets);

/// For one thread. `burst_max`: packets of a full burst.
template <std::size_t burst_max>
class Ahead {
public:
    Ahead() = default;
    ~Ahead() { give_back(std::span(bursts_[1 - present_]).first(waiting_)); }
    Ahead(const Ahead&) = delete;
    Ahead& operator=(const Ahead&) = delete;

    /// The next burst; the caller owns the buffers, the list stays until the next call. `receive` takes up to
    /// burst_max packets from the port, by `(rte_mbuf**) -> std::size_t`.
    template <class Receive>
    std::span<rte_mbuf*> next(Receive receive) {
        soon_.clear();
        std::size_t count = 0;
        if (waiting_ > 0) {
            present_ = 1 - present_;
            count = std::exchange(waiting_, 0);
        } else {
            count = take(bursts_[present_], receive);
        }
        const std::span<rte_mbuf*> present = std::span(bursts_[present_]).first(count);
        if (count == burst_max && !near_)
            take_ahead(receive);
        return present;
    }

    /// What next() hands out next time, to be asked for.
    table::Soon& soon() { return soon_; }

private:
    using Burst = std::array<rte_mbuf*, burst_max>;

    template <class Receive>
    std::size_t take(Burst& into, Receive receive) {
        const std::size_t count = receive(into.data());
        if (count == burst_max) {
            near_ = std::ranges::find(recent_, into.front()) != recent_.end();
            recent_ = {into.front(), into.back(), recent_[0], recent_[1]};
        }
        return count;
    }

    template <class Receive>
    [[gnu::noinline]] void take_ahead(Receive receive) {
        Burst& burst = bursts_[1 - present_];
        waiting_ = take(burst, receive);
        ask_for(std::span(burst).first(waiting_), soon_);
    }

    std::array<Burst, 2> bursts_{};
    std::size_t present_{0}; ///< the one that was handed out last
    std::size_t waiting_{0}; ///< packets of the other one
    bool near_{false};       ///< the burst that was received last came in buffers of one shortly before
    /// The ends of the two bursts received before: a pool's cache turns the order round.
    std::array<rte_mbuf*, 4> recent_{};
    table::Soon soon_;
};

} // namespace tandem::dpdk
