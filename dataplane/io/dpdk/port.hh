// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A port that DPDK owns: queues, MAC address, link, counts, and what a worker can sleep on.
//
// One receive and one transmit queue for each worker where the device has so many, fewer where it has not. A
// device that can is asked to spread flows over them symmetrically. Ports made on a kernel interface have no
// link of their own in DPDK: the interface's carrier is taken. Deliberately absent: packets (worker), whose a
// packet is where the device does not know (path/owners.hh), the kernel's side (tap).

#include "dataplane/contract/appliance.hh"
#include "dataplane/contract/port_status.hh"
#include "dataplane/io/dpdk/rss.hh"
#include "dataplane/wire/address.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct rte_mbuf;
struct rte_mempool;

namespace tandem::dpdk {

/// How a worker may wait for a queue of the port.
enum class Waiting : std::uint8_t {
    blind,      ///< there is nothing to wait on: look again
    descriptor, ///< poll() on the queue's descriptor, which becomes readable by itself
    interrupt,  ///< the same, after arm()
};

/// Did something come before a queue was armed, of which no interrupt will tell?
enum class Missed : std::uint8_t {
    no,
    perhaps, ///< the device cannot count what waits
    yes,
};

/// A queue's interrupt as something to sleep on. DPDK's own descriptor stays readable for ever after the
/// first one; the set of events that it belongs to becomes readable anew with each.
class QueueEvents {
public:
    /// Not valid where the device has none.
    QueueEvents(std::uint16_t port, std::uint16_t queue);
    ~QueueEvents();
    QueueEvents(const QueueEvents&) = delete;
    QueueEvents& operator=(const QueueEvents&) = delete;

    bool valid() const { return descriptor_ >= 0; }
    int descriptor() const { return descriptor_; }
    /// Forgets what has happened.
    void quiet() const;

private:
    std::uint16_t port_;
    std::uint16_t queue_;
    int descriptor_;
};

class Port {
public:
    static constexpr std::size_t burst_max = 32;
    static constexpr std::uint16_t descriptors_wanted = 1024;

    /// Finds the device that start_eal() has made, configures and starts it, with a queue for each of so many
    /// workers if it has them. `pool` outlives the port. What stands in the `transmit_descriptors` of a queue
    /// is not overtaken by anything more urgent.
    static std::expected<Port, std::string> open(const contract::PortSetup& setup, rte_mempool* pool,
                                                 std::uint16_t workers, contract::Idle idle,
                                                 std::uint16_t transmit_descriptors = descriptors_wanted);

    /// Gives the device back: what it set up in the kernel (sockets, XDP programs, mappings) goes. Nothing is
    /// asked of the port afterwards.
    void close();

    std::uint16_t receive(std::uint16_t queue, rte_mbuf** packets, std::uint16_t count);
    /// How many were taken; the caller keeps the rest.
    std::uint16_t transmit(std::uint16_t queue, rte_mbuf** packets, std::uint16_t count);

    const wire::MacAddress& mac() const { return mac_; }
    std::uint16_t receive_queues() const { return receive_queues_; }
    std::uint16_t transmit_queues() const { return transmit_queues_; }
    /// How the device spreads flows symmetrically; nothing: it does not.
    const std::optional<Rss>& rss() const { return rss_; }
    /// Of DPDK.
    std::uint16_t number() const { return id_; }
    std::size_t mtu() const { return setup_.mtu; }
    const contract::PortSetup& setup() const { return setup_; }
    const std::string& name() const { return name_; }

    Waiting waiting() const { return waiting_; }
    /// For poll(); -1 where waiting() is blind.
    int descriptor(std::uint16_t queue) const { return descriptors_[queue]; }
    /// From now on a packet makes the descriptor readable, where waiting() is interrupt.
    Missed arm(std::uint16_t queue);
    void disarm(std::uint16_t queue);

    /// Is the link up? Asks the device, or the kernel interface below it; for the main thread.
    bool link() const;
    /// Does the kernel announce changes of the link (rtnetlink)?
    bool link_is_told() const { return !interface_.empty(); }
    /// Writes link and counts; for the main thread. `now_ns`: CLOCK_MONOTONIC.
    void report(contract::PortStatus& status, std::int64_t now_ns) const;

private:
    Port() = default;
    std::expected<void, std::string> configure(rte_mempool* pool, std::uint16_t workers, contract::Idle idle,
                                               std::uint16_t transmit_descriptors);
    std::expected<void, std::string> set_up_queues(rte_mempool* pool, std::uint16_t transmit_descriptors);
    void find_descriptors();

    contract::PortSetup setup_;
    std::string name_;
    std::string interface_; ///< of the kernel, below a virtual device
    std::uint16_t id_{0};
    std::uint16_t receive_queues_{1};
    std::uint16_t transmit_queues_{1};
    std::optional<Rss> rss_;
    wire::MacAddress mac_;
    Waiting waiting_{Waiting::blind};
    std::vector<int> descriptors_;
    std::vector<std::unique_ptr<QueueEvents>> events_; ///< of each queue, where waiting() is interrupt
};

} // namespace tandem::dpdk
