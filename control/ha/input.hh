// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Everything that can happen to a group. The one door in.

#include "control/ha/role.hh"
#include "control/ha/time.hh"

#include <cstddef>
#include <cstdint>
#include <variant>

namespace tandem::ha {

/// Time passed. `late`: how long after the deadline that was asked for this node came to run.
struct Tick {
    Duration late{0};
};

/// What the peer said of this group in a valid heartbeat.
struct PeerBeat {
    std::size_t path{0};
    std::uint8_t node_id{0};
    std::uint32_t incarnation{0};
    Role role{Role::init};
    std::uint64_t epoch{0};
    ConfiguredRole configured{ConfiguredRole::secondary};
    std::uint8_t priority{0};
    bool ready{false};     ///< could take over at once
    bool resigning{false}; ///< active, and asks us to take over
    bool holds{false};     ///< has the VIPs on its outside interface
    bool leaving{false};   ///< shuts down in order; silence will follow
};

/// The peer's process is proven dead as seen on one path.
struct PeerGone {
    std::size_t path{0};
};

/// The outside interface gained or lost its carrier.
struct Port {
    bool usable{true};
};

/// This node's own fitness to take over, judged outside (engine attached, mirror in sync, interface there).
struct Readiness {
    bool ready{false};
};

/// Another station spoke as the owner of one of the group's VIPs.
struct Claim {};

/// The effects of `raise` were carried out, or not.
struct Raised {
    bool succeeded{true};
    std::uint64_t epoch{0};
};

/// A packet from outside reached this node although it has given the group up.
struct Straggler {};

enum class Verb : std::uint8_t { failover, failback, enable, disable, leave };
enum class Force : std::uint8_t { no, yes };

/// An operator's word. `ticket` comes back in the answer.
struct Operator {
    Verb verb{Verb::failover};
    Force force{Force::no};
    std::uint32_t ticket{0};
};

using Input = std::variant<Tick, PeerBeat, PeerGone, Port, Readiness, Claim, Raised, Straggler, Operator>;

} // namespace tandem::ha
