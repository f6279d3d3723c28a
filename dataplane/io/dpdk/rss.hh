// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A port's own spreading of what it receives over its queues (receive side scaling), made symmetric.
//
// A key that repeats every 16 bits gives both directions of a flow the same hash, and the same table of
// queues on two ports leads them to queues of the same number. What a device says it does is believed only if
// it says so when it is asked again. Deliberately absent: devices that cannot; see path/owners.hh.

#include <cstdint>
#include <optional>
#include <vector>

struct rte_eth_conf;
struct rte_eth_dev_info;

namespace tandem::dpdk {

/// How a port spreads. Two ports that spread alike bring both directions of a flow to the same number.
struct Rss {
    std::uint64_t fields{0};     ///< what is hashed, in DPDK's bits
    std::uint16_t table_size{0}; ///< of the table of queues
    std::uint16_t queues{0};
    bool operator==(const Rss&) const = default;
};

class SymmetricRss {
public:
    /// Asks for it in the configuration of a port. Nothing happens where the device cannot.
    void ask(rte_eth_conf& conf, const rte_eth_dev_info& info, std::uint16_t queues);
    /// Fills the table of queues of a port that was started, and looks whether the device does what it was
    /// asked for; nothing: it does not.
    std::optional<Rss> settle(std::uint16_t port, const rte_eth_dev_info& info) const;

private:
    std::vector<std::uint8_t> key_;
    std::uint64_t fields_{0};
    std::uint16_t queues_{1};
};

} // namespace tandem::dpdk
