// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// When to announce: at once, 50 ms, 500 ms, 2 s, 5 s after a cause, then every 30 s for as long as the node
// is active.
//
// Why so often: single announcements get lost while switches learn, and some neighbours ignore the first. Why
// forever: a neighbour's table and a switch's table age apart, and a node that says nothing for hours can be
// forgotten by one of them (requirements P01, P17).

#include "control/ha/time.hh"

#include <array>
#include <cstddef>

namespace tandem::ha {

class AnnounceSchedule {
public:
    static constexpr std::array<Duration, 5> offsets{
        std::chrono::milliseconds{0}, std::chrono::milliseconds{50}, std::chrono::milliseconds{500},
        std::chrono::seconds{2}, std::chrono::seconds{5}};
    static constexpr Duration refresh{std::chrono::seconds{30}};

    /// Begins the series; the first announcement is due now.
    void begin(Instant now) {
        began_ = now;
        index_ = 0;
        due_ = now;
    }
    void stop() { due_ = end_of_time; }
    Instant due() const { return due_; }
    /// One more announcement, at `at` unless one is due before; the series goes on as planned.
    void hasten(Instant at) { due_ = at < due_ ? at : due_; }

    /// True when an announcement is due; moves on to the next.
    bool take(Instant now) {
        if (now < due_)
            return false;
        while (index_ < offsets.size() && began_ + offsets[index_] <= now)
            ++index_; // after a stall one announcement stands for those that were missed
        due_ = index_ < offsets.size() ? began_ + offsets[index_] : now + refresh;
        return true;
    }

private:
    Instant began_{};
    Instant due_{end_of_time};
    std::size_t index_{0};
};

} // namespace tandem::ha
