// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Is the peer alive? One watch per HA path.
//
// Problem: silence is the only sign of a crash, and it looks the same when we ourselves were not running. A
// shorter detection time turns every stall of the machine into a takeover. Idea: a path is down when nothing
// valid came for interval x multiplier. Time in which this node was itself not scheduled is not counted: the
// watch is told how late the node was, and moves its last sign of life by that. What arrived meanwhile is
// still in the socket and is read before the watch is asked. Evidence of process death (stream reset, port
// unreachable) makes a path gone at once, until a newer heartbeat refutes it. Deliberately absent: sockets,
// and what to do about it.

#include "control/ha/time.hh"

#include <cstdint>

namespace tandem::ha {

enum class PathState : std::uint8_t {
    never, ///< nothing was ever heard on it
    up,
    silent, ///< nothing valid for the detection time
    gone,   ///< proof that the peer's process is dead
};

class PathWatch {
public:
    /// A valid heartbeat came.
    void heard(Instant now) {
        state_ = PathState::up;
        last_heard_ = now;
        heard_ever_ = true;
    }

    /// The peer's process was proven dead on this path.
    void proven_gone() {
        if (state_ != PathState::never)
            state_ = PathState::gone;
    }

    /// A heartbeat on another path showed that the process lives: what is known of this one is silence.
    void refute_gone() {
        if (state_ == PathState::gone)
            state_ = PathState::silent;
    }

    /// This node was not scheduled for `late`: do not count it.
    void excuse(Duration late, Instant now) {
        if (state_ != PathState::up)
            return;
        last_heard_ += late;
        if (last_heard_ > now)
            last_heard_ = now;
    }

    /// Looks at the clock.
    void judge(Instant now, Duration detection) {
        if (state_ == PathState::up && now >= last_heard_ + detection)
            state_ = PathState::silent;
    }

    /// When `judge` would next change its mind.
    Instant deadline(Duration detection) const {
        return state_ == PathState::up ? last_heard_ + detection : end_of_time;
    }

    PathState state() const { return state_; }
    bool is_up() const { return state_ == PathState::up; }
    bool heard_ever() const { return heard_ever_; }
    Instant last_heard() const { return last_heard_; }

private:
    PathState state_{PathState::never};
    bool heard_ever_{false};
    Instant last_heard_{};
};

} // namespace tandem::ha
