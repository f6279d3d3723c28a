// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The only source of chance in a simulation. The same seed gives the same world on every machine: nothing of
// the standard library's distributions is used, whose results are not fixed.

#include "control/ha/time.hh"

#include <cstddef>
#include <cstdint>

namespace tandem::sim {

using ha::Duration;
using ha::Instant;

class Random {
public:
    explicit Random(std::uint64_t seed)
        : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL; // splitmix64
        std::uint64_t x = state_;
        x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
        return x ^ (x >> 31U);
    }
    /// 0 to limit - 1. By multiplication: a division at this place was a tenth of the simulation's time.
    std::uint64_t below(std::uint64_t limit) {
        return static_cast<std::uint64_t>((static_cast<Wide>(next()) * limit) >> 64U);
    }
    std::size_t index(std::size_t limit) { return static_cast<std::size_t>(below(limit)); }
    bool per_mille(unsigned chance) { return chance != 0 && below(1000) < chance; }
    Duration between(Duration low, Duration high) {
        const auto span = static_cast<std::uint64_t>((high - low).count());
        return low + Duration{static_cast<Duration::rep>(span == 0 ? 0 : below(span))};
    }

private:
    __extension__ using Wide = unsigned __int128;
    std::uint64_t state_;
};

} // namespace tandem::sim
