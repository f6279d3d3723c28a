// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The action lists of one group, one after the other.
//
// Problem: several things may want to act at once; actions may hang; what was begun for a role that is gone
// must not go on; and a list may cause what triggers it. Idea: a state machine without a clock: runs come in
// by submit(), one list runs at a time, its steps in order, the others wait in a bounded queue in which an
// identical one is folded into the one that waits. A newer role ends the runs that were begun by an older
// one. A list that begins too often is held back. What is to be done and told comes out of next().
// Deliberately absent: what a step does.

#include "control/act/template.hh"
#include "control/ha/time.hh"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tandem::act {

using ha::Duration;
using ha::Instant;

enum class OnError : std::uint8_t { proceed, stop };

/// One action of a run, by its place in the list.
struct Step {
    std::size_t action{0};
    Duration timeout{};
    OnError on_error{OnError::proceed};
};

using RunId = std::uint64_t;

/// A list that is to be run, and why.
struct Run {
    RunId id{0}; ///< given by submit()
    std::string list;
    std::string subject; ///< runs of the same list and subject are identical
    std::string role;    ///< which the run is for; empty: it outlives a change of role
    std::vector<Step> steps;
    Variables variables;
    enum class Limit : std::uint8_t { yes, no };
    Limit limited{Limit::yes}; ///< no: somebody asked for it
};

enum class StepResult : std::uint8_t { done, failed, timed_out, cancelled };
std::string_view to_string(StepResult result);

enum class RunEnd : std::uint8_t {
    done,      ///< every step succeeded
    failed,    ///< every step was tried, one failed
    stopped,   ///< at a step that failed
    obsolete,  ///< the role has changed again
    cancelled, ///< by an operator, or at the end of the process
    folded,    ///< the same waits already
    full,      ///< too many wait
    limited,   ///< the list has run too often lately
};
std::string_view to_string(RunEnd end);

class Runner {
public:
    struct Settings {
        std::size_t waiting_max{16};
        unsigned runs_max{10}; ///< of one list within `window`
        Duration window{std::chrono::seconds{60}};
        /// A step that was told to end and does not is left behind after this.
        Duration patience{std::chrono::seconds{10}};
    };
    struct Output {
        enum class Kind : std::uint8_t {
            began,  ///< the run
            begin,  ///< perform `step`, and call finished()
            cancel, ///< end `step`, and call finished()
            step,   ///< it ended with `result`
            ended,  ///< the run, as `end` says
        };
        Kind kind{};
        Run run;
        std::size_t step{0}; ///< place in Run::steps
        StepResult result{};
        RunEnd end{};
    };

    explicit Runner(Settings settings)
        : settings_{settings} {}

    /// Of what has begun within the window, as many count as did.
    void reconfigure(const Settings& settings) { settings_ = settings; }

    RunId submit(Instant now, Run run);
    /// The group's role is now another one.
    void on_role(Instant now, std::string_view role);
    /// The answer to `begin`. A late one, of a step that is not under way any more, is nothing.
    void finished(Instant now, RunId run, std::size_t step, StepResult result);
    /// Those of this list, running and waiting; of every list where it is empty. How many.
    std::size_t cancel(Instant now, std::string_view list);
    /// Call it when deadline() has come.
    void tick(Instant now);
    Instant deadline() const;
    /// Drain it after every call.
    std::optional<Output> next();

    bool idle() const { return !current_; }
    const Run* current() const { return current_ ? &current_->run : nullptr; }
    const std::deque<Run>& waiting() const { return waiting_; }

private:
    struct Current {
        Run run;
        std::size_t step{0};
        Instant due{};
        bool ending{false}; ///< the step was told to end
        bool failed{false}; ///< a step of the run
        StepResult ending_as{StepResult::timed_out};
        std::optional<RunEnd> end{}; ///< the run ends with this step
    };
    bool permitted(Instant now, const Run& run);
    void begin_run(Instant now);
    void begin_step(Instant now);
    void end_step(Instant now, StepResult result);
    void end_run(Instant now, RunEnd end);
    void drop(Run run, RunEnd end);
    void stop_current(Instant now, RunEnd end);

    Settings settings_;
    RunId next_id_{1};
    std::optional<Current> current_;
    std::deque<Run> waiting_;
    std::deque<Output> out_;
    std::map<std::string, std::deque<Instant>, std::less<>> begun_;
};

} // namespace tandem::act
