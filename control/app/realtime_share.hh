// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Whether a thread may have its real-time priority.
//
// Problem: real-time priority is for being punctual, not for much work. The kernel lets real-time threads run
// for 950 ms of a second on a processor and then stops them all for the rest (sched(7)): a thread that works
// without a pause would take the heartbeats down with it, and starve the SIP server besides. Idea: a thread
// that used more than half of a processor for a while goes on without real-time priority, until it has been
// calm for some time. Pure: times are arguments. Deliberately absent: how a priority is changed.

#include "control/ha/time.hh"

namespace tandem::app {

class RealtimeShare {
public:
    /// The use of a processor is judged over so long: well below the kernel's second.
    static constexpr ha::Duration window = std::chrono::milliseconds{100};
    /// Per cent of a processor: more is too much; less, for as long as `calm`, is calm.
    static constexpr int busy_percent = 50;
    static constexpr int calm_percent = 30;
    static constexpr ha::Duration calm = std::chrono::seconds{5};

    enum class Step : std::uint8_t { keep, give_up, take_back };

    /// `used`: what the thread has had of processors since it began. Call it more often than `window`.
    Step look(ha::Instant now, ha::Duration used) {
        if (begun_ == ha::Instant{}) {
            begin(now, used);
            return Step::keep;
        }
        if (now - begun_ < window)
            return Step::keep;
        const auto percent = (used - used_) * 100 / (now - begun_);
        begin(now, used);
        if (!given_up_) {
            given_up_ = percent > busy_percent;
            calm_since_ = ha::Instant{};
            return given_up_ ? Step::give_up : Step::keep;
        }
        if (percent >= calm_percent)
            calm_since_ = ha::Instant{};
        else if (calm_since_ == ha::Instant{})
            calm_since_ = now;
        if (calm_since_ == ha::Instant{} || now - calm_since_ < calm)
            return Step::keep;
        given_up_ = false;
        return Step::take_back;
    }

private:
    void begin(ha::Instant now, ha::Duration used) {
        begun_ = now;
        used_ = used;
    }

    ha::Instant begun_{};
    ha::Duration used_{};
    ha::Instant calm_since_{};
    bool given_up_{false};
};

} // namespace tandem::app
