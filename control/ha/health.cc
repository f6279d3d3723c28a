// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/health.hh"

#include "control/ha/invariant.hh"

#include <algorithm>

namespace tandem::ha {

std::size_t HealthBoard::add(std::uint16_t weight, Duration rise) {
    require(weight >= 1 && weight <= score_max && rise >= Duration::zero());
    sources_.push_back({.weight = weight, .rise = rise});
    return sources_.size() - 1;
}

void HealthBoard::set(std::size_t source, Instant now, bool failed) {
    require(source < sources_.size());
    Source& it = sources_[source];
    if (failed)
        it.failed_ever = true;
    else if (it.failed)
        it.well_since = now; // said again, it does not begin anew
    it.failed = failed;
}

std::uint16_t HealthBoard::score(Instant now) const {
    unsigned lost = 0;
    for (std::size_t i = 0; i < sources_.size(); ++i)
        if (failed(i, now))
            lost = std::min<unsigned>(score_max, lost + sources_[i].weight);
    return static_cast<std::uint16_t>(score_max - lost);
}

bool HealthBoard::failed(std::size_t source, Instant now) const {
    require(source < sources_.size());
    const Source& it = sources_[source];
    return it.failed || (it.failed_ever && now < it.well_since + it.rise);
}

Instant HealthBoard::deadline(Instant now) const {
    Instant soonest = end_of_time;
    for (std::size_t i = 0; i < sources_.size(); ++i)
        if (!sources_[i].failed && failed(i, now))
            soonest = std::min(soonest, sources_[i].well_since + sources_[i].rise);
    return soonest;
}

} // namespace tandem::ha
