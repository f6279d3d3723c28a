// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The monotonic clock of one machine: not quite as fast as the world's, and standing still while the machine
// is suspended.
//
// Problem: the engine compares durations that two machines measured on their own, so an error of their rates
// eats into every inequality; and a suspended machine cannot know that time has passed. Idea: local time is a
// line through an anchor; a change of the rate moves the anchor. A suspension moves the anchor into the
// future, and until then the clock stands. Deliberately absent: the wall clock.

#include "tests/sim/random.hh"

#include <algorithm>

namespace tandem::sim {

class Clock {
public:
    Clock() = default;
    /// Runs from `world` on, where it shows `local`; `ppm` parts per million too fast (-20,000 to 20,000).
    Clock(Instant world, Instant local, int ppm)
        : world_(world)
        , local_(local)
        , ppm_(ppm) {}

    Instant local(Instant world) const {
        const Duration::rep passed = std::max<Duration::rep>(0, (world - world_).count());
        return local_ + Duration{passed + passed / 1000 * ppm_ / 1000};
    }
    /// The first instant of the world at which this clock shows `local` or later; never before the anchor.
    Instant when(Instant local) const {
        if (local >= local_ + std::chrono::hours{1})
            return ha::end_of_time;
        const Duration::rep ahead = std::max<Duration::rep>(0, (local - local_).count());
        Instant world = world_ + Duration{ahead - ahead / 1000 * ppm_ / 1000};
        // Within the square of the error and the rounding; a step or two more is enough.
        for (Duration::rep short_by = (local - this->local(world)).count(); short_by > 0;
             short_by = (local - this->local(world)).count())
            world += Duration{short_by + 1};
        return world;
    }
    void set_rate(Instant world, int ppm) {
        local_ = local(world);
        world_ = std::max(world_, world);
        ppm_ = ppm;
    }
    /// Stands still until `until`.
    void stand(Instant world, Instant until) {
        local_ = local(world);
        world_ = std::max(world_, until);
    }

private:
    Instant world_{};
    Instant local_{};
    int ppm_{0};
};

} // namespace tandem::sim
