// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/traffic.hh"

#include <algorithm>
#include <utility>

namespace tandem::watch {

TrafficJudge::TrafficJudge(std::vector<EndpointTimes> endpoints) {
    for (const EndpointTimes& times : endpoints) {
        const ha::Duration force = std::max(times.force, force_min);
        endpoints_.push_back({.check = times.check, .force = force, .heard = {}, .ask_at = {}});
        period_ = std::max(period_, times.check + force);
    }
}

void TrafficJudge::on_role(ha::Instant now, bool active, std::uint64_t arrived) {
    active_ = active;
    sign_ = false;
    arrived_ = arrived;
    last_sign_ = now;
    for (Endpoint& endpoint : endpoints_) {
        endpoint.heard = now;
        endpoint.ask_at = now + endpoint.check;
    }
}

void TrafficJudge::on_message(ha::Instant now, std::size_t endpoint) {
    if (endpoint >= endpoints_.size())
        return;
    endpoints_[endpoint].heard = now;
    endpoints_[endpoint].ask_at = now + endpoints_[endpoint].check;
    last_sign_ = now;
    sign_ = true;
}

std::vector<std::size_t> TrafficJudge::due(ha::Instant now) {
    std::vector<std::size_t> result;
    for (std::size_t i = 0; active_ && i < endpoints_.size(); ++i) {
        if (now < endpoints_[i].ask_at)
            continue;
        endpoints_[i].ask_at = now + question_interval;
        result.push_back(i);
    }
    return result;
}

TrafficJudge::Verdict TrafficJudge::look(ha::Instant now, std::uint64_t arrived) {
    if (arrived != arrived_) { // a page that was made anew counts from 0
        sign_ = sign_ || arrived > arrived_;
        last_sign_ = arrived > arrived_ ? now : last_sign_;
        arrived_ = arrived;
    }
    Verdict verdict{
        .state = State::unknown, .sign = std::exchange(sign_, false), .since = last_sign_, .failed = 0};
    if (!active_ || endpoints_.empty())
        return verdict;
    verdict.failed =
        static_cast<std::size_t>(std::ranges::count_if(endpoints_, [&](const Endpoint& endpoint) {
            return now - endpoint.heard >= endpoint.check + endpoint.force;
        }));
    const bool silent = now - last_sign_ >= period_;
    verdict.state = verdict.failed == endpoints_.size() && silent ? State::failed : State::ok;
    return verdict;
}

ha::Instant TrafficJudge::deadline() const {
    if (!active_ || endpoints_.empty())
        return ha::end_of_time;
    ha::Instant next = ha::end_of_time;
    for (const Endpoint& endpoint : endpoints_)
        next = std::min(next, endpoint.ask_at);
    return next;
}

} // namespace tandem::watch
