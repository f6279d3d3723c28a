// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The service's way to the pulse, on which nothing that holds is lost.
//
// Problem: the pulse's mailbox is bounded, and a pulse that stands still does not empty it. A port's lost
// carrier or a path's new keys that were dropped would stay unknown. Idea: what the mailbox refuses waits
// here, and of each kind and subject only the latest word counts, so that what waits is bounded by itself and
// what is left out is never the truth. Deliberately absent: patience for operators, who can be told to try
// again; a lock, for one thread sends.

#include "control/app/messages.hh"

#include <algorithm>
#include <tuple>
#include <vector>

namespace tandem::app {

class PulseDoor {
public:
    explicit PulseDoor(ToPulse& pulse)
        : pulse_(pulse) {}
    PulseDoor(const PulseDoor&) = delete;
    PulseDoor& operator=(const PulseDoor&) = delete;

    /// Arrives, now or at a later `flush`, unless a later word of the same kind does.
    void tell(const PulseCommand& command) {
        if (waiting_.empty() && pulse_.send(command))
            return;
        std::erase_if(waiting_, [&](const PulseCommand& earlier) { return kind(earlier) == kind(command); });
        waiting_.push_back(command);
    }

    /// Arrives now, behind all that was told before, or not at all.
    bool ask(const PulseCommand& command) { return waiting_.empty() && pulse_.send(command); }

    /// Call it often.
    void flush() {
        const auto refused = std::find_if(waiting_.begin(), waiting_.end(),
                                          [&](const PulseCommand& command) { return !pulse_.send(command); });
        waiting_.erase(waiting_.begin(), refused);
    }

    std::size_t waiting() const { return waiting_.size(); }

private:
    /// What it is, of which path or group, and of a fact which one.
    static std::tuple<std::size_t, std::size_t, std::size_t> kind(const PulseCommand& command) {
        return std::visit(
            [&](const auto& c) {
                std::size_t subject = 0;
                std::size_t input = 0;
                if constexpr (requires { c.path; })
                    subject = c.path;
                if constexpr (requires { c.group; })
                    subject = c.group;
                if constexpr (requires { c.input; })
                    input = c.input.index();
                return std::tuple{command.index(), subject, input};
            },
            command);
    }

    ToPulse& pulse_;
    std::vector<PulseCommand> waiting_;
};

} // namespace tandem::app
