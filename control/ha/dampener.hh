// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How fast may a node give the group away again because of what it believes about itself?
//
// Problem: a hand-over for want of health or of service helps only if the other node is better. If it is not,
// each node hands over to the other and the group swings for ever (requirements G10, G19). Idea: each node
// counts its own hand-overs of this kind since service was last proven. Two nodes that swing count one each
// for every double switchover, so the period doubles with each double switchover: factor 1 before the first
// hand-over, 2 after one, 4 after two and more. Proof of service, or an operator's word, sets it back.
// Deliberately absent: take-overs from a dead or silent peer, which are never damped; what is held back.

#include "control/ha/time.hh"

#include <algorithm>

namespace tandem::ha {

class Dampener {
public:
    /// 1, 2 or 4.
    unsigned factor() const { return 1U << count_; }

    /// This node gave the group away for want of health, of reach or of service.
    void count(Instant now) {
        count_ = std::min(count_ + 1, doublings_max);
        last_ = now;
    }

    /// Service was proven, or an operator decided.
    void reset() {
        count_ = 0;
        last_ = {};
    }

    bool idle() const { return count_ == 0; }

    /// No hand-over for want of health before then; in the past when nothing is held back.
    Instant held_until(Duration base) const { return idle() ? Instant{} : last_ + base * factor(); }

private:
    static constexpr unsigned doublings_max = 2;
    unsigned count_{0};
    Instant last_{};
};

} // namespace tandem::ha
