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

/// What keeps a node from taking over without loss; a set. The numbers stand on the wire.
enum Lack : std::uint8_t {
    lack_engine = 1, ///< the packet path is absent or hangs
    lack_mirror = 2, ///< not everything that was mirrored has been handled
    lack_server = 4, ///< the SIP server behind this node does not answer
    lack_config = 8, ///< the two nodes' configurations differ
    lack_yield = 16, ///< the last hand-over still redirects stragglers
    lack_reach = 32, ///< isolated: no carrier, or no witness answers
    lack_state = 64, ///< registrations or dialogs are known to be incomplete
};

/// Health: 1000 is all well, 0 is nothing works. See health.hh for how it is made.
inline constexpr std::uint16_t score_max = 1000;

/// What the peer said of this group in a valid heartbeat.
struct PeerBeat {
    std::size_t path{0};
    std::uint8_t node_id{0};
    std::uint32_t incarnation{0};
    Role role{Role::init};
    std::uint64_t epoch{0};
    ConfiguredRole configured{ConfiguredRole::secondary};
    std::uint8_t priority{0};
    std::uint16_t score{score_max};
    std::uint8_t lacks{0};       ///< see Lack
    std::uint8_t role_serial{0}; ///< of the configured role; see Verb::follow
    bool ready{false};           ///< standby, and lacks nothing
    bool resigning{false};       ///< active, and asks us to take over
    bool holds{false};           ///< has the VIPs on its outside interface
    bool leaving{false};         ///< shuts down in order; silence will follow
};

/// The peer's process is proven dead as seen on one path.
struct PeerGone {
    std::size_t path{0};
};

/// The outside interface gained or lost its carrier.
struct Port {
    bool usable{true};
};

/// Whether anything answers on the outside network: the witnesses (a gateway, any address), judged outside.
/// Never given when no witness is configured.
struct Witness {
    bool reachable{true};
};

/// What this node lacks, judged outside: see Lack; lack_yield and lack_reach are the engine's own.
struct Readiness {
    std::uint8_t lacks{0};
};

/// The folded health of this node changed: 0 to score_max.
struct Health {
    std::uint16_t score{score_max};
};

/// Whether anything is served from here at all, as the monitors of listener and SIP traffic say. An active
/// node that does not serve hands over after `patience` times the damper's factor, also to a peer that is no
/// better: the role alternates until one of them serves (requirements G09, G10, G19).
struct Service {
    bool working{true};
    Instant since{};     ///< when it stopped to work
    Duration patience{}; ///< positive when not working
};

/// A request from outside was answered from a VIP through this node while it was active: proof of service.
struct Proof {};

/// The calendar and the number of calls permit a failback now, or no longer (policy `window`).
struct FailbackWindow {
    bool open{false};
};

/// Another station spoke as the owner of one of the group's VIPs.
struct Claim {
    std::uint64_t station{0}; ///< its link-layer address as a number; 0: not known
};

/// The answer to `look`: a SIP server answered at the VIP, or nothing did within the time.
struct Looked {
    bool served{false};
};

/// The effects of `raise` were carried out, or not.
struct Raised {
    bool succeeded{true};
    std::uint64_t epoch{0};
};

/// A packet from outside reached this node although it has given the group up.
struct Straggler {};

/// `follow`: the configured roles become what the roles are now, on both nodes and without a restart: the
/// active becomes the primary, the other the secondary. The new setting has a serial number, which travels in
/// the heartbeats; the later one wins.
enum class Verb : std::uint8_t { failover, failback, enable, disable, leave, follow };
enum class Force : std::uint8_t { no, yes };

/// An operator's word. `ticket` comes back in the answer.
struct Operator {
    Verb verb{Verb::failover};
    Force force{Force::no};
    std::uint32_t ticket{0};
};

using Input = std::variant<Tick, PeerBeat, PeerGone, Port, Witness, Readiness, Health, Service, Proof,
                           FailbackWindow, Claim, Looked, Raised, Straggler, Operator>;

} // namespace tandem::ha
