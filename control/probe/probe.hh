// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The checks of this node, as the service loop uses them.
//
// Problem: ten thousand targets, each with a rhythm of its own, on one thread that has other work; and the
// configuration may change while they run. Idea: each check has a pure half that knows the time of its next
// turn (check.hh); they stand in one order by that time, and one timer waits for the first. Questions leave
// through one prober a method (prober.hh). They leave a hundred at a time, and then others have their turn:
// checks never take the thread for long, nor the whole of a processor. Before the time is judged, what has
// arrived is read: an answer that waits in a socket is no silence. A check is known by its group and its
// name: one whose settings a new configuration leaves alone goes on as if nothing had happened. Deliberately
// absent: roles, actions, alarms.

#include "control/config/check_settings.hh"
#include "control/probe/check.hh"
#include "control/probe/prober.hh"

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
    /// Of the newest question: what was found, or why it did not leave. A part of a sentence without a full
    /// stop, or empty; never raw text from the network.
    std::string detail;
    Instant since{}; ///< of the state
    std::uint64_t asked{0};
    std::uint64_t answers{0};  ///< good ones
    std::uint64_t refusals{0}; ///< bad ones
    std::uint64_t failures{0}; ///< how often it went down
    std::optional<LatencySummary> latency;
};

/// A change that somebody is told of.
struct CheckNews {
    CheckVerdict verdict{CheckVerdict::up};
    /// What the target does, as a part of a sentence: "does not answer", "refuses the connection".
    std::string words;
    Instant at{};
    Instant heard{};   ///< the last good answer; before the first one, when it was asked first
    Duration lasted{}; ///< how long it was the other way round; since its start, before the first change
};

class Checks {
public:
    struct Named {
        std::string group;
        config::CheckSettings settings;
    };
    /// `check`: its place in the list. It may start and stop single checks, and nothing else of this object.
    using Told = std::function<void(std::size_t check, const CheckNews& news)>;
    using MakeProber = std::function<std::unique_ptr<Prober>(const config::Target& target, Prober::Told)>;

    /// `told` is called on the loop. `make`: of each type of target the prober, made when it is first needed.
    Checks(boost::asio::io_context& io, std::vector<Named> checks, Told told, MakeProber make);
    /// With the probers of make_prober().
    Checks(boost::asio::io_context& io, std::vector<Named> checks, Told told);
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

    struct Reconfigured {
        std::size_t added{0};
        std::size_t changed{0};
        std::size_t removed{0};
    };
    /// Another list, in which a check is known by group and name. Unchanged ones keep everything they are.
    /// Others begin anew: they run if an operator has said so, or said nothing and they have auto_start. What
    /// was told of a check that has gone or changed is void: nobody is told that it is up.
    Reconfigured reconfigure(std::vector<Named> checks);

    /// By how much the turn of a check came too late at most, since this was called last: what a busy thread
    /// adds to the times that policies tell.
    Duration take_lateness();

    std::size_t count() const;
    const Named& named(std::size_t check) const;
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
