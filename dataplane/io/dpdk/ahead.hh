// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Bursts of a port, the next of which is on its way to the processor while one is worked on.
//
// Problem: what a port has received is first looked at far away, in main memory or at best in the last cache,
// and there is nothing to do in the meantime. Idea: behind a full burst there mostly is another one. It is
// taken at once, its buffers' first lines are asked for, and it is handed out next time; texts go the same
// way, one after the other (table/soon.hh). A burst that is not full is handed out at once and nothing is
// kept: a quiet port costs no latency. Deliberately absent: more than one burst ahead.

#include "dataplane/table/bring.hh"
#include "dataplane/table/soon.hh"

#include <rte_mbuf.h>

#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace tandem::dpdk {

/// For one thread. `burst_max`: packets of a full burst.
template <std::size_t burst_max>
class Ahead {
public:
    Ahead() = default;
    ~Ahead() { ::rte_pktmbuf_free_bulk(bursts_[1 - present_].data(), static_cast<unsigned>(waiting_count_)); }
    Ahead(const Ahead&) = delete;
    Ahead& operator=(const Ahead&) = delete;

    /// The next burst; the caller owns the buffers, the list stays until the next call. `receive` takes up to
    /// burst_max packets from the port, by `(rte_mbuf**) -> std::size_t`. `ahead`: the one behind it is worth
    /// taking; for packets that are near anyway it is not.
    template <class Receive>
    std::span<rte_mbuf*> next(bool ahead, Receive receive) {
        if (waiting_count_ == 0 && !ahead) [[likely]] {
            soon_.clear();
            return {bursts_[present_].data(), receive(bursts_[present_].data())};
        }
        return next_of_several(ahead, receive);
    }

    /// What next() hands out next time, to be asked for.
    table::Soon& soon() { return soon_; }

private:
    template <class Receive>
    [[gnu::noinline]] std::span<rte_mbuf*> next_of_several(bool ahead, Receive receive) {
        if (waiting_count_ > 0)
            present_ = 1 - present_;
        const std::span present{bursts_[present_]};
        const std::size_t count =
            waiting_count_ > 0 ? std::exchange(waiting_count_, 0) : receive(present.data());
        soon_.clear();
        if (ahead && count == burst_max) {
            const std::span waiting{bursts_[1 - present_]};
            waiting_count_ = receive(waiting.data());
            for (const rte_mbuf* packet : waiting.first(waiting_count_)) {
                const auto* first = rte_pktmbuf_mtod(packet, const char*);
                table::fetch_to_write(first);
                soon_.add(first, packet->data_len);
            }
        }
        return present.first(count);
    }

    std::array<std::array<rte_mbuf*, burst_max>, 2> bursts_{};
    std::size_t present_{0};       ///< the one that was handed out last
    std::size_t waiting_count_{0}; ///< of the other one
    table::Soon soon_;
};

} // namespace tandem::dpdk
