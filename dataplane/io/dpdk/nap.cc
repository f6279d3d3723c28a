// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/nap.hh"

#include <algorithm>
#include <ctime>

namespace tandem::dpdk {

path::Instant clock_now() {
    return std::chrono::time_point_cast<path::Duration>(std::chrono::steady_clock::now());
}

void Nap::watch(int descriptor) {
    if (descriptor >= 0 && count_ < sources_.size())
        sources_[count_++] = {descriptor, POLLIN, 0};
}

void Nap::watch(Lane& lane, path::Instant look_again) {
    if (!lane.receives() || lane_count_ == lanes_.size())
        return;
    watch(lane.port().descriptor(lane.queue()));
    const Missed missed = lane.port().arm(lane.queue());
    if (missed == Missed::yes)
        no_later(clock_now());
    else if (missed == Missed::perhaps || lane.port().waiting() == Waiting::blind)
        no_later(look_again);
    lanes_[lane_count_++] = &lane;
}

void Nap::no_later(path::Instant at) {
    until_ = std::min(until_, at);
}

void Nap::sleep() {
    const path::Duration left = std::clamp(until_ - clock_now(), path::Duration::zero(), longest);
    timespec timeout{};
    timeout.tv_nsec = static_cast<long>(left.count());
    ::ppoll(sources_.data(), static_cast<nfds_t>(count_), &timeout, nullptr);
    for (std::size_t i = 0; i < lane_count_; ++i)
        lanes_[i]->port().disarm(lanes_[i]->queue());
}

} // namespace tandem::dpdk
