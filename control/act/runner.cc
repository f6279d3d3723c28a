// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/act/runner.hh"

#include <algorithm>
#include <utility>

namespace tandem::act {

using Kind = Runner::Output::Kind;

std::string_view to_string(StepResult result) {
    switch (result) {
    case StepResult::done:
        return "done";
    case StepResult::failed:
        return "failed";
    case StepResult::timed_out:
        return "timed out";
    case StepResult::cancelled:
        return "cancelled";
    }
    return "unknown";
}

std::string_view to_string(RunEnd end) {
    switch (end) {
    case RunEnd::done:
        return "done";
    case RunEnd::failed:
        return "failed";
    case RunEnd::stopped:
        return "stopped";
    case RunEnd::obsolete:
        return "obsolete";
    case RunEnd::cancelled:
        return "cancelled";
    case RunEnd::folded:
        return "folded";
    case RunEnd::full:
        return "full";
    case RunEnd::limited:
        return "limited";
    }
    return "unknown";
}

RunId Runner::submit(Instant now, Run run) {
    run.id = next_id_++;
    const RunId id = run.id;
    const auto same = std::ranges::find_if(waiting_, [&](const Run& other) {
        return other.list == run.list && other.subject == run.subject && other.limited == run.limited;
    });
    if (same != waiting_.end()) {
        // The later cause is the truer one; who waits for the earlier run hears of its end.
        std::swap(*same, run);
        drop(std::move(run), RunEnd::folded);
    } else if (waiting_.size() >= settings_.waiting_max) {
        drop(std::move(run), RunEnd::full);
    } else {
        waiting_.push_back(std::move(run));
    }
    if (!current_)
        begin_run(now);
    return id;
}

void Runner::on_role(Instant now, std::string_view role) {
    const auto old = [&](const Run& run) { return !run.role.empty() && run.role != role; };
    for (std::size_t i = 0; i < waiting_.size();) {
        if (!old(waiting_[i])) {
            ++i;
            continue;
        }
        Run run = std::move(waiting_[i]);
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
        drop(std::move(run), RunEnd::obsolete);
    }
    if (current_ && old(current_->run))
        stop_current(now, RunEnd::obsolete);
}

std::size_t Runner::cancel(Instant now, std::string_view list) {
    const auto meant = [&](const Run& run) { return list.empty() || run.list == list; };
    std::size_t count = 0;
    std::deque<Run> left;
    for (Run& run : std::exchange(waiting_, {})) {
        if (!meant(run)) {
            left.push_back(std::move(run));
            continue;
        }
        ++count;
        drop(std::move(run), RunEnd::cancelled);
    }
    waiting_ = std::move(left);
    if (current_ && meant(current_->run) && !current_->end) {
        ++count;
        stop_current(now, RunEnd::cancelled);
    }
    return count;
}

void Runner::finished(Instant now, RunId run, std::size_t step, StepResult result) {
    if (!current_ || current_->run.id != run || current_->step != step)
        return;
    end_step(now, current_->ending ? current_->ending_as : result);
}

void Runner::tick(Instant now) {
    if (!current_ || now < current_->due)
        return;
    if (current_->ending) // and does not end
        return end_step(now, current_->ending_as);
    current_->ending = true;
    current_->ending_as = StepResult::timed_out;
    current_->due = now + settings_.patience;
    out_.push_back({.kind = Kind::cancel, .run = current_->run, .step = current_->step});
}

Instant Runner::deadline() const {
    return current_ ? current_->due : ha::end_of_time;
}

std::optional<Runner::Output> Runner::next() {
    if (out_.empty())
        return std::nullopt;
    Output output = std::move(out_.front());
    out_.pop_front();
    return output;
}

/// A list may begin so often in a window that slides; what somebody asks for is not counted.
bool Runner::permitted(Instant now, const Run& run) {
    if (run.limited == Run::Limit::no)
        return true;
    auto& times = begun_[run.list];
    while (!times.empty() && times.front() + settings_.window <= now)
        times.pop_front();
    if (times.size() >= settings_.runs_max)
        return false;
    times.push_back(now);
    return true;
}

void Runner::begin_run(Instant now) {
    while (!current_ && !waiting_.empty()) {
        Run run = std::move(waiting_.front());
        waiting_.pop_front();
        if (!permitted(now, run)) {
            drop(std::move(run), RunEnd::limited);
            continue;
        }
        current_ = Current{.run = std::move(run)};
        out_.push_back({.kind = Kind::began, .run = current_->run});
        if (current_->run.steps.empty())
            end_run(now, RunEnd::done);
        else
            begin_step(now);
    }
}

void Runner::begin_step(Instant now) {
    current_->ending = false;
    current_->due = now + current_->run.steps[current_->step].timeout;
    out_.push_back({.kind = Kind::begin, .run = current_->run, .step = current_->step});
}

void Runner::end_step(Instant now, StepResult result) {
    out_.push_back({.kind = Kind::step, .run = current_->run, .step = current_->step, .result = result});
    const bool failed = result != StepResult::done;
    current_->failed = current_->failed || failed;
    if (current_->end)
        return end_run(now, *current_->end);
    if (failed && current_->run.steps[current_->step].on_error == OnError::stop)
        return end_run(now, RunEnd::stopped);
    if (++current_->step == current_->run.steps.size())
        return end_run(now, current_->failed ? RunEnd::failed : RunEnd::done);
    begin_step(now);
}

void Runner::end_run(Instant now, RunEnd end) {
    out_.push_back({.kind = Kind::ended, .run = std::move(current_->run), .end = end});
    current_.reset();
    begin_run(now);
}

void Runner::drop(Run run, RunEnd end) {
    out_.push_back({.kind = Kind::ended, .run = std::move(run), .end = end});
}

/// The step under way is told to end, and no other follows.
void Runner::stop_current(Instant now, RunEnd end) {
    if (current_->end)
        return;
    current_->end = end;
    if (current_->ending)
        return; // it was told already
    current_->ending = true;
    current_->ending_as = StepResult::cancelled;
    current_->due = now + settings_.patience;
    out_.push_back({.kind = Kind::cancel, .run = current_->run, .step = current_->step});
}

} // namespace tandem::act
