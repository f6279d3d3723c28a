// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/witness.hh"

#include <algorithm>

namespace tandem::watch {

WitnessJudge::Step WitnessJudge::turn(ha::Instant now) {
    if (now < due_)
        return Step::wait;
    const bool late = now - due_ > interval_ / 2;
    if (asked_ && !answered_ && !late) {
        silent_ = std::min(silent_ + 1, fail_ + patience_);
        if (silent_ == fail_ + patience_)
            state_ = State::failed;
    }
    asked_ = true;
    answered_ = false;
    due_ = late ? now + interval_ : due_ + interval_;
    return Step::ask;
}

void WitnessJudge::answered() {
    answered_ = true;
    silent_ = 0;
    state_ = State::ok;
}

} // namespace tandem::watch
