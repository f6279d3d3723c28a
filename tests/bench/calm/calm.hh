// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Does this program have its core for itself?
//
// Problem: on a machine that is shared, a neighbour on the other thread of the same core takes half of its
// units, for milliseconds or seconds, and no clock of a process tells. Idea: a piece of arithmetic that needs
// all the units that add takes a fixed time when nobody else adds; measured before and behind a slice of
// work, it says whether that slice had the core. Deliberately absent: memory and caches, which a neighbour
// also shares.

#include <emmintrin.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdint>

namespace calm {

/// For one thread that stays on its core.
class Calm {
public:
    /// Takes a few milliseconds.
    Calm() {
        for (int i = 0; i < 4096; ++i)
            least_ = std::min(least_, ticks());
    }

    /// Is nobody else adding? Takes about a microsecond.
    bool now() {
        const std::uint64_t took = ticks();
        least_ = std::min(least_, took);
        return took * 100 <= least_ * 104;
    }

private:
    /// Of the time-stamp counter, for 8,192 additions.
    static std::uint64_t ticks() {
        std::uint64_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
        _mm_lfence();
        const std::uint64_t before = __rdtsc();
        for (int i = 0; i < 16; ++i)
            asm volatile(".rept 64\n"
                         "lea 1(%0), %0\n lea 1(%1), %1\n lea 1(%2), %2\n lea 1(%3), %3\n"
                         "lea 1(%4), %4\n lea 1(%5), %5\n lea 1(%6), %6\n lea 1(%7), %7\n"
                         ".endr"
                         : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h));
        _mm_lfence();
        return __rdtsc() - before;
    }

    std::uint64_t least_{~std::uint64_t{0}};
};

} // namespace calm
