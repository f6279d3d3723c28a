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
    bad_ = 0;
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
    while (count > 0 && asked_at_[(answered_ + count) % kept] + policy_.interval > now + policy_.lead)
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
    return std::max(heard_ + policy_.timeout, asked + policy_.interval) - policy_.lead;
}

unsigned Check::bad_in_a_row() const {
    unsigned count = 0;
    if (bad_ != 0)
        for (std::uint64_t number = number_; number > answered_ && number_ - number < kept; --number)
            count += (bad_ & bit(number)) != 0 ? 1 : 0;
    return count;
}

void Check::go_down(Instant now) {
    enter(now, CheckState::down);
    ++failures_;
}

Instant Check::due() const {
    return state_ == CheckState::stopped ? ha::end_of_time : std::min(next_, down_at());
}

Check::Turn Check::turn(Instant now) {
    Turn turn;
    if (state_ == CheckState::stopped)
        return turn;
    if (down_at() <= now) {
        go_down(now);
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
    bad_ &= ~bit(number_);
    turn.ask = number_;
    return turn;
}

Check::Heard Check::answered(Instant now, std::uint64_t number, Found found) {
    if (state_ == CheckState::stopped || number == 0 || number > number_ || number_ - number >= kept)
        return {};
    Instant& asked = asked_at_[number % kept];
    const bool bad_before = (bad_ & bit(number)) != 0;
    if (asked == Instant{} || bad_before || now - asked > policy_.timeout)
        return {};
    if (found == Found::bad) {
        ++refusals_;
        bad_ |= bit(number);
        return {true, number > answered_ ? heard_bad(now) : std::nullopt};
    }
    latency_.add(now - std::exchange(asked, {}));
    ++answers_;
    heard_ = now;
    answered_ = std::max(answered_, number);
    return {true, heard_good(now)};
}

std::optional<CheckVerdict> Check::heard_bad(Instant now) {
    switch (state_) {
    case CheckState::unknown:
    case CheckState::up:
    case CheckState::failing:
        if (bad_in_a_row() <= policy_.retry) {
            if (state_ == CheckState::up)
                enter(now, CheckState::failing);
            return std::nullopt;
        }
        go_down(now);
        return CheckVerdict::down;
    case CheckState::recovering:
        enter(now, CheckState::down);
        return std::nullopt;
    case CheckState::stopped:
    case CheckState::down:
        break;
    }
    return std::nullopt;
}

std::optional<CheckVerdict> Check::heard_good(Instant now) {
    // What was asked later and answered badly says more.
    const bool well = bad_in_a_row() == 0;
    switch (state_) {
    case CheckState::unknown: // as everybody expects
    case CheckState::failing:
        enter(now, well ? CheckState::up : CheckState::failing);
        return std::nullopt;
    case CheckState::down:
        if (!well)
            return std::nullopt;
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
