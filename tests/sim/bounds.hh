// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How long each promise may take: the formulas that docs/ha.md argues, in the only place where the simulation
// has them. Every bound is measured in the world's time; a node measures its own share with a clock that may
// be wrong by half a per cent, so each is given one sixty-fourth more.

#include "control/ha/node.hh"

#include <algorithm>

namespace tandem::sim::bounds {

using ha::Duration;
using ha::Policy;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Whether frames may be lost on the way.
enum class Way : std::uint8_t { clean, lossy };

/// Two clocks that are each wrong by up to 5,000 ppm.
constexpr Duration drifted(Duration duration) {
    return duration + duration / 64;
}

/// How late a brain that is not paused comes to run: the modelled scheduler's worst.
constexpr Duration lateness(const Policy& policy) {
    return std::min(policy.interval, Duration{milliseconds{50}}) + milliseconds{1};
}

/// One heartbeat that says what is true now has reached the other node: an interval, the lateness of the one
/// that sends and of the one that reads, the slowest modelled delay (5 ms). Where up to one in ten is lost,
/// ten in a row are not.
constexpr Duration heartbeat(const Policy& policy, Way way) {
    const int times = way == Way::clean ? 1 : 10;
    return drifted((policy.interval + lateness(policy)) * times) + lateness(policy) + milliseconds{6};
}

/// Two nodes that both act as active and hear each other: the loser hears one heartbeat of the winner. In a
/// planned switchover both serve until the new one has the addresses, at most `resign_wait`.
constexpr Duration conflict(const Policy& policy, Way way, bool handing_over) {
    return heartbeat(policy, way) + (handing_over ? drifted(policy.resign_wait) : Duration{});
}

/// Two that both act as active and meet on the LAN only: each learns of the other at the slow refresh of its
/// announcement, and decides after it was claimed three times within a second or more.
constexpr Duration conflict_on_lan(const Policy& policy) {
    return drifted(ha::AnnounceSchedule::refresh + seconds{6}) + lateness(policy);
}

/// The packet path of a node whose brain does not run.
inline Duration lease(const Policy& policy) {
    return drifted(policy.lease());
}

/// The addresses of a node that runs and has lost the role: the hand finishes what it is doing, up to three
/// operations of 20 ms each.
constexpr Duration release(const Policy& policy) {
    return drifted(milliseconds{70}) + lateness(policy);
}

/// The addresses of a node whose brain does not run: the kernel's lease of one second.
constexpr Duration kernel_lease() {
    return drifted(seconds{1}) + milliseconds{1};
}

/// The machine of the active is gone: detection, the probe, and a hand that is not slow.
inline Duration takeover(const Policy& policy) {
    return drifted(policy.detection() + policy.interval + policy.probe_wait) + 2 * lateness(policy) +
           milliseconds{6};
}

/// Nobody acts as active and one node could: the longest of the waits that may have to pass one after the
/// other (the lone wait after a start, a look at the service and the pause before the next, a refused raise,
/// the lease of a kernel whose brain is gone, an unanswered resignation, the vacancy's own wait).
inline Duration vacancy(const Policy& policy) {
    return drifted(policy.lone_wait + policy.fault_wait + policy.look_wait + policy.look_again +
                   policy.resign_wait + seconds{2} + 5 * policy.detection());
}

/// A node that lost to a station on the LAN does not take the group from it for half a minute.
constexpr Duration after_rival() {
    return drifted(seconds{31});
}

/// The active has lost the outside network, knows it, and the peer is ready. This is not damped: a
/// resignation that was under way for something else and was not followed, the pause of five seconds after
/// it, and one that is followed. Where up to one in ten is lost, ten in a row are not.
constexpr Duration out_of_reach(const Policy& policy, Way way) {
    const int attempts = way == Way::clean ? 1 : 10;
    return drifted(policy.resign_wait + (seconds{5} + policy.resign_wait) * attempts) +
           2 * heartbeat(policy, way);
}

/// The active serves nobody, or worse than the peer, knows it, and the peer is ready: the damper's longest
/// wait, the time for which the peer has to be better, a resignation that was not followed and the pause
/// after it.
inline Duration hand_over(const Policy& policy, Duration patience) {
    const Duration damped = 4 * std::max(policy.damper_base, patience);
    const Duration refused = 2 * (policy.resign_wait + seconds{5}) + seconds{5};
    return vacancy(policy) + drifted(damped + policy.better_wait + refused);
}

/// The caches of clients that an active reaches and of which it knows that another one held the address.
constexpr Duration caches_known(const Policy& policy) {
    return drifted(milliseconds{1500}) + lateness(policy);
}

/// Where it cannot know, the slow refresh tells them, or they find out by themselves.
constexpr Duration caches_unknown(const Policy& policy) {
    return drifted(ha::AnnounceSchedule::refresh + seconds{5}) + lateness(policy);
}

/// After the last disturbance no role changes any more: every wait of the engine and the monitors has passed.
inline Duration calm(const Policy& policy, Duration patience) {
    return hand_over(policy, patience) + drifted(policy.failback_hold + policy.yield_max + seconds{36});
}

} // namespace tandem::sim::bounds
