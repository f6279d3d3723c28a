// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The checks of this node, as the service loop uses them.
//
// Problem: ten thousand targets, each with a rhythm of its own, on one thread that has other work. Idea: each
// check has a pure half that knows the time of its next turn (check.hh); they stand in one order by that
// time, and one timer waits for the first. Questions leave through as few sockets as there are places to ask
// from. Before the time is judged, what has arrived is read: an answer that waits in a socket is no silence.
// Deliberately absent: roles, actions, alarms.

#include "control/config/config.hh"
#include "control/probe/check.hh"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::probe {

/// One check as a status shows it.
struct CheckLine {
    CheckState state{CheckState::stopped};
    std::string detail; ///< a sentence without a full stop, or empty; never text from the network
    Instant since{};    ///< of the state
    std::uint64_t asked{0};
    std::uint64_t answers{0};
    std::uint64_t failures{0}; ///< how often it went down
    std::optional<LatencySummary> latency;
};

class Checks {
public:
    /// `check`: its place among those given.
    using Told = std::function<void(std::size_t check, CheckVerdict verdict)>;

    /// `checks`: they outlive this object. `told` is called on the loop.
    Checks(boost::asio::io_context& io, std::vector<const config::CheckSettings*> checks, Told told);
    ~Checks();
    Checks(const Checks&) = delete;
    Checks& operator=(const Checks&) = delete;

    /// Starts those with auto_start, spread over their intervals or a second, whichever is shorter.
    void start();
    /// Nothing is told afterwards.
    void stop();
    /// One check, by an operator. False: it was so already.
    bool start_one(std::size_t check);
    bool stop_one(std::size_t check);

    CheckState state(std::size_t check) const;
    /// Costs a sort; state() does not.
    CheckLine line(std::size_t check) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// When and how long a target is asked, as a file says it.
CheckPolicy policy_of(const config::CheckSettings& settings);

} // namespace tandem::probe
