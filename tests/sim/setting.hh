// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How the pair of one world is configured and built, drawn from the seed alone: it does not change when
// faults are left out of a schedule.
//
// The weights of the heartbeat's interval, per mille. A simulated second costs as many events as there are
// heartbeats, so the fastest worlds are the rare ones; yet in 100,000 seeds there are 2,500 of them, and the
// default of 5 ms x 3 is the most frequent.
//
//     1 ms x 4           25        50 ms x 3 or 4    200      1 s x 3    120
//     5 ms x 3          225       100 ms x 3 or 4    120
//    10 ms x 3 or 4     200       250 ms x 3 or 4    110

#include "control/ha/node.hh"
#include "tests/sim/random.hh"

#include <array>
#include <string>

namespace tandem::sim {

inline constexpr std::size_t clients_max = 3;

enum class Option : std::uint8_t { no, yes };

struct Setting {
    std::array<ha::Policy, 2> policies{};
    std::array<int, 2> ppm{};             ///< rate error of each clock
    std::array<Duration, 2> clock_from{}; ///< what each clock shows in the beginning
    std::array<Duration, 2> boot{};       ///< when each machine starts
    std::size_t paths{1};
    unsigned lan_paths{0}; ///< bit i: path i crosses the data LAN
    std::size_t clients{1};
    Duration request_period{};
    Duration fdb_age{};
    Option witness{Option::no};
    Option listener{Option::no}; ///< is the monitor of the SIP server's socket on?
    Duration patience{};         ///< of the listener's monitor
    Duration rise{};             ///< how long a server must be well before it counts as such
    std::size_t history{16};     ///< packets that the mirror's sender keeps

    const ha::Policy& policy() const { return policies[0]; } ///< for what both have in common
    std::string text() const;
};

/// `interval`: as given instead of drawn, unless zero.
Setting draw_setting(std::uint64_t seed, Duration interval = {});

} // namespace tandem::sim
