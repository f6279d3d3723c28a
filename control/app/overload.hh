// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Whether there are more checks than this node can ask in time.
//
// Problem: one late second is a busy moment, and nobody is to be told of it; many of them mean that targets
// are found later than was told. Idea: once a second, by how much the worst was late; so many such seconds in
// a row, and it is so; as many good ones, and it is over. Pure. Deliberately absent: which check it was.

#include "control/ha/time.hh"

namespace tandem::app {

class Overload {
public:
    static constexpr ha::Duration late_max = std::chrono::milliseconds{100};
    static constexpr unsigned seconds = 5;

    /// Once a second.
    void note(ha::Duration late) {
        late_ = late;
        row_ = (late > late_max) == overloaded_ ? 0 : row_ + 1;
        if (row_ < seconds)
            return;
        row_ = 0;
        overloaded_ = !overloaded_;
    }
    bool overloaded() const { return overloaded_; }
    /// As it was noted last.
    ha::Duration late() const { return late_; }

private:
    ha::Duration late_{};
    unsigned row_{0}; ///< seconds in a row that differ from what is said
    bool overloaded_{false};
};

} // namespace tandem::app
