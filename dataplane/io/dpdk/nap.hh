// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A worker's sleep: on everything at once that a packet can come from, and not for long.
//
// A port that offers nothing to sleep on bounds the time. Deliberately absent: what a worker sleeps on.

#include "dataplane/contract/appliance.hh"
#include "dataplane/io/dpdk/lane.hh"
#include "dataplane/path/instant.hh"

#include <poll.h>

#include <array>
#include <cstddef>

namespace tandem::dpdk {

/// The time of a worker's turns.
path::Instant clock_now();

class Nap {
public:
    static constexpr path::Duration longest = std::chrono::milliseconds{10};

    /// `until`: no longer than that.
    explicit Nap(path::Instant until)
        : until_(until) {}

    /// -1: nothing.
    void watch(int descriptor);
    /// A port's queue. It is armed from here to the end of the sleep.
    void watch(Lane& lane, path::Instant look_again);
    /// Not for longer than that.
    void no_later(path::Instant at);
    /// Sleeps. Once.
    void sleep();

private:
    static constexpr std::size_t lanes_max = contract::ports_max;

    path::Instant until_;
    std::array<pollfd, 2 * contract::ports_max + contract::paths_max + 2> sources_{};
    std::size_t count_{0};
    std::array<Lane*, lanes_max> lanes_{};
    std::size_t lane_count_{0};
};

} // namespace tandem::dpdk
