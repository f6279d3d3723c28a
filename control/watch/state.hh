// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What a monitor says of itself: its state, its line in the status, and the changes that are worth an event.
//
// Deliberately absent: how a state is found (a header per monitor), and what follows from it.

#include "control/ha/time.hh"

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::watch {

enum class State : std::uint8_t { off, unknown, ok, repairing, degraded, failed };

std::string_view to_string(State state);

/// One monitor's line in the status.
struct Line {
    std::string monitor; ///< "vip", "nic", "traffic", "listener", "process", "server", "witness"
    State state{State::unknown};
    std::string detail; ///< a sentence without a full stop; never text from the network
    ha::Instant since{};
    std::uint64_t failures{0}; ///< since the start
};

/// A change worth an event. `code` is stable: vip.lost, vip.restored, nic.failed, nic.restored,
/// traffic.unavailable, traffic.running, listener.failed, listener.restored, process.ended, process.restored,
/// server.silent, server.answering, witness.lost, witness.restored.
struct Change {
    std::string code;
    std::string detail;
    State state{State::unknown};
};

/// Keeps a monitor's line.
class Standing {
public:
    Standing(std::string_view monitor, State state)
        : line_{.monitor = std::string(monitor), .state = state, .detail = {}, .since = {}, .failures = 0} {}

    /// Gives the state that was left; the same one when nothing changed. The detail is taken in any case.
    State set(ha::Instant now, State state, std::string_view detail);
    State state() const { return line_.state; }
    const Line& line() const { return line_; }

private:
    Line line_;
};

/// Whether something is wrong that repairs itself no longer.
constexpr bool is_bad(State state) {
    return state == State::degraded || state == State::failed;
}

} // namespace tandem::watch
