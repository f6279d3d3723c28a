// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The role as the fast path may act on it: a lease.
//
// Problem: a brain that stalls or dies cannot say that it did, while the peer takes over after the detection
// time. Idea: two words. The *standing* says what the group is on this node; it changes at a transition. The
// *expiry* says until when `active` and `yielding` may be believed; the pulse thread pushes it ahead at every
// beat by less than the peer's detection time. An active standing whose expiry has passed is *lapsed*: the
// fast path keeps packets back for a moment (the brain may come back) and then drops them. Deliberately
// absent: clocks of the other node. Both words speak CLOCK_MONOTONIC of this machine.

#include "dataplane/contract/guarded.hh"

#include <atomic>
#include <cstdint>

namespace tandem::contract {

/// What a group is on this node, for the packet path.
enum class Standing : std::uint8_t {
    none = 0, ///< no role yet, or the brain is dead: treat as standby, accept nothing mirrored
    standby,  ///< deliver mirrored packets to the shadow server; traffic from outside is dropped
    yielding, ///< just gave up in a planned switchover: redirect what still arrives to the new active
    active,   ///< serve, mirror
};

struct Role {
    std::uint64_t epoch{0}; ///< of the last change of the active node
    Standing standing{Standing::none};
    std::uint8_t unused[7]{};
};
static_assert(sizeof(Role) == 16);

/// One group's grant in the shared page. `role` is written by the brain's hand (or the guard after the
/// brain's death), `expires_ns` by the pulse thread (or the guard, to 0).
struct Grant {
    Guarded<Role> role;
    std::atomic<std::int64_t> expires_ns{0}; ///< CLOCK_MONOTONIC, nanoseconds
};

/// What a worker holds for the length of one burst.
enum class Verdictable : std::uint8_t {
    standby, ///< none or standby
    yielding,
    active,
    lapsed, ///< active or yielding, but not renewed in time
};

constexpr Verdictable effective(const Role& role, std::int64_t expires_ns, std::int64_t now_ns) {
    switch (role.standing) {
    case Standing::active:
        return now_ns <= expires_ns ? Verdictable::active : Verdictable::lapsed;
    case Standing::yielding:
        return now_ns <= expires_ns ? Verdictable::yielding : Verdictable::lapsed;
    case Standing::none:
    case Standing::standby:
        break;
    }
    return Verdictable::standby;
}

} // namespace tandem::contract
