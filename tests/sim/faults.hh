// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What goes wrong, and when: a schedule drawn from the seed. Each world gets its own selection of kinds, so
// that some worlds see one kind often and others see everything at once. The last part of the run is quiet
// and healed.

#include "tests/sim/world.hh"

namespace tandem::sim {

class Faults {
public:
    Faults(World& world, Instant quiet_from);

private:
    enum class Kind : std::uint8_t {
        cut_one_way,
        cut_path,
        cut_every_path,
        deaf_every_path,
        partition,
        isolate_host,
        move_client,
        lose,
        delay,
        crash_brain,
        crash_host,
        pause_brain,
        freeze_host,
        freeze_both,
        lose_port,
        operate,
        slow_hand,
        refuse_raise,
        not_ready,
        leave,
        count_,
    };
    void next();
    void strike(Kind kind);
    void strike_links(Kind kind, std::size_t host, Duration length);
    void strike_lan(Kind kind, std::size_t host, Duration length);
    void strike_host(Kind kind, std::size_t host, Duration length);
    void operate(std::size_t host);
    void cut_all(std::size_t from, bool cut);
    void heal();
    Duration length();

    World& world_;
    Random random_;
    Instant quiet_from_;
    std::vector<Kind> kinds_;
    Duration gap_{};
};

} // namespace tandem::sim
