// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What goes wrong, and when: a list drawn from the seed before the world begins to move.
//
// Problem: a failing world has hundreds of faults, of which two or three matter. Idea: the list is data,
// every fault carries all its parameters, begins and ends on its own and can be left out without changing any
// other. Each world gets its own selection of kinds, so that some worlds see one kind often and others see
// everything at once; calm stretches lie between the storms, and the last part of the run is quiet and
// healed. Deliberately absent: chance while the world runs.

#include "tests/sim/setting.hh"

#include <string>
#include <vector>

namespace tandem::sim {

class World;

struct Fault {
    enum class Kind : std::uint8_t {
        cut_one_way,
        cut_path,
        cut_every_path,
        deaf_every_path,
        lose,
        delay,
        partition,
        isolate_host,
        move_client,
        move_port,
        lose_frames,
        crash_brain,
        crash_host,
        crash_host_and_disk,
        crash_engine,
        pause_brain,
        freeze_host,
        freeze_both,
        suspend_host,
        lose_port,
        slow_hand,
        refuse_raise,
        not_ready,
        slow_disk,
        full_disk,
        server_dead,
        server_hangs,
        server_unbound,
        health,
        lose_witness,
        clock_rate,
        window,
        operate,
        leave,
        count_,
    };
    Kind kind{};
    Duration at{};     ///< from the world's beginning
    Duration length{}; ///< until it ends by itself
    std::uint8_t host{0};
    std::uint8_t path{0};
    std::uint8_t client{0};
    std::uint32_t a{0}; ///< what it needs beyond that; drawn with it
    std::uint32_t b{0};
};

using Schedule = std::vector<Fault>;

Schedule draw_schedule(std::uint64_t seed, const Setting& setting, Duration until);

/// One line without a full stop.
std::string text(const Fault& fault);

void begin(World& world, const Fault& fault);
void end(World& world, const Fault& fault);

} // namespace tandem::sim
