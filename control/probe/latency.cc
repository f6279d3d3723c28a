// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/latency.hh"

#include <algorithm>

namespace tandem::probe {

void Latency::add(ha::Duration took) {
    constexpr std::int64_t most = 0xffff'ffff;
    const std::int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    times_us_[count_ % kept] = static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 0, most));
    ++count_;
}

std::optional<LatencySummary> Latency::summary() const {
    if (count_ == 0)
        return std::nullopt;
    auto sorted = times_us_;
    const std::size_t n = std::min<std::uint64_t>(count_, kept);
    std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(n));
    // Nearest rank: the smallest time that so many of all do not exceed.
    const auto rank = [&](std::size_t percent) { return sorted[(n * percent + 99) / 100 - 1]; };
    return LatencySummary{times_us_[(count_ - 1) % kept], sorted[0], rank(50), rank(99)};
}

} // namespace tandem::probe
