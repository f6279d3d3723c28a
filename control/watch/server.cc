// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/server.hh"

#include <algorithm>

namespace tandem::watch {

ServerJudge::Step ServerJudge::turn(ha::Instant now) {
    if (waiting_ && now - asked_ >= timeout_) {
        waiting_ = false;
        misses_ = std::min(misses_ + 1, misses_max);
        if (misses_ == misses_max && why_ != Why::refused)
            why_ = Why::silent;
    }
    if (waiting_ || now < next_)
        return Step::wait;
    waiting_ = true;
    asked_ = now;
    // After a pause the rounds that were missed are not made up for.
    next_ = std::max(next_ + interval_, now);
    if (next_ - now < interval_ / 2)
        next_ = now + interval_;
    return Step::ask;
}

void ServerJudge::answered() {
    waiting_ = false;
    misses_ = 0;
    why_ = Why::answers;
}

void ServerJudge::refused() {
    waiting_ = false;
    misses_ = misses_max;
    why_ = Why::refused;
}

ha::Instant ServerJudge::deadline() const {
    return waiting_ ? asked_ + timeout_ : next_;
}

State ServerJudge::state() const {
    switch (why_) {
    case Why::unknown:
        return State::unknown;
    case Why::answers:
        return State::ok;
    case Why::silent:
    case Why::refused:
        return State::failed;
    }
    return State::unknown;
}

} // namespace tandem::watch
