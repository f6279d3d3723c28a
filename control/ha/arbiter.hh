// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Who may be active when both could be, or both are.
//
// Problem: both nodes must come to opposite answers from the same facts, without another message.
// Idea: two total orders over what each node says of itself in its heartbeat. For two actives, the higher
// epoch stays (it is the later decision), then the higher priority, then the lower node id. For two nodes of
// which neither is active, the configured primary goes first, then priority, then node id; epochs say nothing
// there. Deliberately absent: time, reachability, health.

#include "control/ha/role.hh"

#include <cstdint>

namespace tandem::ha {

/// One node's side of the question.
struct Claimant {
    std::uint64_t epoch{0};
    ConfiguredRole configured{ConfiguredRole::secondary};
    std::uint8_t priority{0};
    std::uint8_t node_id{0}; ///< different on the two nodes
};

enum class Winner : std::uint8_t { self, peer };

/// Both are active: who stays?
constexpr Winner arbitrate_actives(const Claimant& self, const Claimant& peer) {
    if (self.epoch != peer.epoch)
        return self.epoch > peer.epoch ? Winner::self : Winner::peer;
    if (self.priority != peer.priority)
        return self.priority > peer.priority ? Winner::self : Winner::peer;
    return self.node_id < peer.node_id ? Winner::self : Winner::peer;
}

/// Neither is active and both are fit: who takes the group?
constexpr Winner arbitrate_vacancy(const Claimant& self, const Claimant& peer) {
    if (self.configured != peer.configured)
        return self.configured == ConfiguredRole::primary ? Winner::self : Winner::peer;
    if (self.priority != peer.priority)
        return self.priority > peer.priority ? Winner::self : Winner::peer;
    return self.node_id < peer.node_id ? Winner::self : Winner::peer;
}

} // namespace tandem::ha
