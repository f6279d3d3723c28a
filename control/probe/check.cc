// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/check.hh"

#include <algorithm>
#include <utility>

namespace tandem::probe {

std::string_view to_string(CheckState state) {
    switch (state) {
    case CheckState::stopped:
        return "stopped";
    case CheckState::unknown:
        return "unknown";
    case CheckState::up:
        return "up";
    case CheckState::failing:
        return "failing";
    case CheckState::down:
        return "down";
    case CheckState::recovering:
        return "recovering";
    }
    return "?";
}

void Check::start(Instant now, Instant first) {
    enter(now, CheckState::unknown);
    asked_at_.fill({}); // what was asked before does not count
    answered_ = number_;
    next_ = heard_ = first;
}

void Check::stop(Instant now) {
    enter(now, CheckState::stopped);
    next_ = ha::end_of_time;
}

void Check::enter(Instant now, CheckState state) {
    if (std::exchange(state_, state) != state)
        since_ = now;
}

std::uint64_t Check::unanswered(Instant now) const {
    std::uint64_t count = std::min(number_ - answered_, kept - 1);
    while (count > 0 && asked_at_[(answered_ + count) % kept] + policy_.interval > now)
        --count;
    return count;
}

Instant Check::down_at() const {
    const bool may_go_down =
        state_ == CheckState::unknown || state_ == CheckState::up || state_ == CheckState::failing;
    const std::uint64_t enough = answered_ + policy_.retry + 1;
    if (!may_go_down || number_ < enough)
        return ha::end_of_time;
    // Of more questions than are kept the first have had their time long ago.
    const Instant asked = number_ - enough < kept ? asked_at_[enough % kept] : Instant{};
    return std::max(heard_ + policy_.timeout, asked + policy_.interval);
}

Instant Check::due() const {
    return state_ == CheckState::stopped ? ha::end_of_time : std::min(next_, down_at());
}

Check::Turn Check::turn(Instant now) {
    Turn turn;
    if (state_ == CheckState::stopped)
        return turn;
    if (down_at() <= now) {
        enter(now, CheckState::down);
        ++failures_;
        turn.verdict = CheckVerdict::down;
    } else if (state_ == CheckState::up && unanswered(now) > 0) {
        enter(now, CheckState::failing);
    } else if (state_ == CheckState::recovering && unanswered(now) > 0) {
        enter(now, CheckState::down);
    }
    if (now < next_)
        return turn;
    // In step, unless this node was late by so much that questions would follow each other too closely.
    next_ = now - next_ > policy_.interval / 2 ? now + policy_.interval : next_ + policy_.interval;
    ++number_;
    ++asked_;
    asked_at_[number_ % kept] = now;
    turn.ask = number_;
    return turn;
}

std::optional<CheckVerdict> Check::answered(Instant now, std::uint64_t number) {
    if (state_ == CheckState::stopped || number == 0 || number > number_ || number_ - number >= kept)
        return std::nullopt;
    const Instant asked = std::exchange(asked_at_[number % kept], {});
    if (asked == Instant{} || now - asked > policy_.timeout)
        return std::nullopt;
    latency_.add(now - asked);
    ++answers_;
    heard_ = now;
    answered_ = std::max(answered_, number);
    switch (state_) {
    case CheckState::unknown: // as everybody expects
    case CheckState::failing:
        enter(now, CheckState::up);
        return std::nullopt;
    case CheckState::down:
        row_ = 0;
        enter(now, CheckState::recovering);
        [[fallthrough]];
    case CheckState::recovering:
        if (++row_ < policy_.recover)
            return std::nullopt;
        enter(now, CheckState::up);
        return CheckVerdict::up;
    case CheckState::stopped:
    case CheckState::up:
        break;
    }
    return std::nullopt;
}

} // namespace tandem::probe
