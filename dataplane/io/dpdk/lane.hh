// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One network of the appliance as a worker sees it: a queue of the port, and the kernel's interface behind.
//
// VLAN tags of the port are taken off what comes in and put on what goes out, so that nobody further in meets
// them; a frame with other tags is the kernel's. What is to be sent is gathered and sent at the end of a
// burst. Where the port has fewer queues than there are workers, a worker behind receives nothing from it by
// itself, and sends on a queue that it shares. Deliberately absent: what a frame means.

#include "dataplane/contract/counters.hh"
#include "dataplane/io/dpdk/ahead.hh"
#include "dataplane/io/dpdk/port.hh"
#include "dataplane/io/dpdk/shared_queue.hh"
#include "dataplane/io/dpdk/tap.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tandem::dpdk {

/// What a buffer holds. One that consists of several parts shows the first.
std::span<std::uint8_t> octets_of(rte_mbuf* packet);

/// A frame from the port.
enum class Tags : std::uint8_t {
    ours,  ///< it had the port's tags, which are gone now; or the port has none and neither had it
    other, ///< it has others: for the kernel, as it came
};

/// What all lanes of one network have in common; all of it outlives them.
struct LaneParts {
    Port& port;
    Tap& tap;
    contract::PortStatus& status;
    rte_mempool* pool;
    /// By transmit queue; empty: each worker has one of its own.
    const std::vector<std::unique_ptr<SharedQueue>>& shared;
};

/// What becomes of frames that the port has no room for.
enum class WhenFull : std::uint8_t {
    drop, ///< and count
    keep, ///< as many as a burst holds, to be sent before anything else
};

class Lane {
public:
    /// `counters`: those of the worker, by its number. Only a lane that no other worker shares a queue with
    /// keeps frames.
    Lane(const LaneParts& parts, contract::Counters& counters, std::uint16_t worker,
         WhenFull when_full = WhenFull::drop);
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    /// What has arrived, as it came; the caller owns the buffers.
    std::span<rte_mbuf*> receive();
    /// What receive() gives next, as far as it is known, to be asked for.
    table::Soon& soon() { return in_.soon(); }
    /// Takes the port's tags off a frame.
    Tags untag(rte_mbuf* packet) const;

    /// Sends a frame, tags added; takes the buffer.
    void send(rte_mbuf* packet);
    /// Sends what was gathered; what the port does not take: see WhenFull.
    void flush();
    /// There is something gathered, or kept.
    bool is_behind() const { return out_count_ > 0; }
    /// Puts the port's tags on a frame. False: there is no room in front of it.
    bool tag(rte_mbuf* packet) const;
    /// Sends frames, tags and all, behind what was gathered; how many the port took.
    std::size_t offer(std::span<rte_mbuf*> packets);
    /// Gives the kernel a frame; takes the buffer.
    void to_kernel(rte_mbuf* packet);
    /// Sends what the kernel has for this network, a bounded number of frames. How many there were.
    std::size_t from_kernel();

    Port& port() { return port_; }
    const Port& port() const { return port_; }
    Tap& tap() { return tap_; }
    /// Has the worker a queue of the port to receive from?
    bool receives() const { return receives_; }
    std::uint16_t queue() const { return worker_; }
    contract::QueueStatus& status() { return status_; }

private:
    static constexpr std::size_t kernel_burst = 64;

    Port& port_;
    Tap& tap_;
    contract::Counters& counters_;
    rte_mempool* pool_;
    std::uint16_t worker_; ///< and the queue that it receives from
    WhenFull when_full_;
    bool receives_;
    std::uint16_t transmit_queue_;
    SharedQueue* shared_{nullptr};
    contract::QueueStatus& status_;
    std::array<std::uint8_t, 8> tags_{}; ///< as they stand on the wire
    std::size_t tags_size_{0};
    Ahead<Port::burst_max> in_;
    std::array<rte_mbuf*, 2 * Port::burst_max> out_{};
    std::size_t out_count_{0};
};

} // namespace tandem::dpdk
