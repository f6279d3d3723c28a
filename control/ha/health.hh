// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From many checks to one number.
//
// Problem: a node is rarely dead or alive; it has lost a port, a check, its SIP server. The two nodes must be
// comparable by one number in a heartbeat, and a check that flaps must not make the roles flap. Idea: every
// source (a check, a port, a monitor) has a weight; the score is score_max less the weights of those that
// failed, never below 0. Hysteresis in time: a failure counts at once, a recovery only after the source was
// well for `rise` without a break. Deliberately absent: how a source is found to have failed, clocks.

#include "control/ha/input.hh"
#include "control/ha/time.hh"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tandem::ha {

class HealthBoard {
public:
    /// A source that counts `weight` (1 to score_max) when it has failed. Gives its index.
    std::size_t add(std::uint16_t weight, Duration rise);

    /// What the source says now.
    void set(std::size_t source, Instant now, bool failed);

    /// The folded score at `now`, 0 to score_max.
    std::uint16_t score(Instant now) const;

    /// Whether the source counts as failed at `now` (also while its recovery is not yet believed).
    bool failed(std::size_t source, Instant now) const;

    /// When the score may next change by itself; end_of_time: not before the next `set`.
    Instant deadline(Instant now) const;

private:
    struct Source {
        std::uint16_t weight{0};
        Duration rise{};
        bool failed{false};
        Instant well_since{};
        bool failed_ever{false};
    };
    std::vector<Source> sources_;
};

} // namespace tandem::ha
