// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A broken invariant ends the process, in release builds too: the guard takes the addresses away, which is
// the one safe thing that is left to do.

#include <cstdlib>

namespace tandem::ha {

inline void require(bool holds) {
    if (!holds)
        std::abort();
}

} // namespace tandem::ha
