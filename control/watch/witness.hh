// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Is anybody out there?
//
// Problem: a carrier proves a cable, not a network. Idea: some addresses on the outside network (a gateway,
// a switch) are asked in rounds; when all have been silent for some rounds in a row, this node is isolated,
// and one answer of any of them ends that at once. A round in which this thread itself came late proves
// nothing: the answers may have been as late as we were. When the gateway itself dies, both nodes lose it
// within a round; the active waits one round more, so that it knows of the other one before it hands over to
// a node that is no better. Deliberately absent: how they are asked.

#include "control/watch/state.hh"

namespace tandem::watch {

class WitnessJudge {
public:
    enum class Step : std::uint8_t { wait, ask };

    /// `fail` silent rounds of `interval` in a row mean isolation.
    WitnessJudge(ha::Instant first, ha::Duration interval, unsigned fail)
        : interval_(interval)
        , fail_(fail)
        , due_(first) {}

    /// What was found stays; how long it takes from here on is another matter.
    void on_role(bool active) { patience_ = active ? 1 : 0; }
    /// Ends a round whose time is over and says whether to begin the next. Read what has arrived before.
    Step turn(ha::Instant now);
    void answered();
    ha::Instant deadline() const { return due_; }
    State state() const { return state_; }

private:
    ha::Duration interval_;
    unsigned fail_;
    unsigned patience_{0}; ///< rounds more
    ha::Instant due_;
    bool asked_{false};
    bool answered_{false};
    unsigned silent_{0};
    State state_{State::unknown};
};

} // namespace tandem::watch
