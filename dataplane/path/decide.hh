// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What happens to a packet: one table, what it is × where it came from × what this node is for its group.
//
// Deliberately absent: doing it. Time matters in two places only, and both are outside: a lapsed grant is a
// stance (found by contract::effective), an old epoch is a kind.

#include "dataplane/contract/counters.hh"
#include "dataplane/contract/grant.hh"
#include "dataplane/path/inspect.hh"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tandem::path {

/// Where a packet came in.
enum class Ingress : std::uint8_t {
    outside,  ///< the network of the phones
    mirror,   ///< HA link: a numbered copy
    redirect, ///< HA link: what arrived at the old active after a planned switchover
    shadow,   ///< the shadow interface: what the shadow server sends
    inside,   ///< the network of the server behind an appliance: what has a VIP as its source
    count_
};
inline constexpr std::size_t ingress_count = static_cast<std::size_t>(Ingress::count_);

/// contract::Verdictable, with a node that has no role yet apart from a standby: it accepts nothing mirrored.
enum class Stance : std::uint8_t { none, standby, yielding, active, lapsed, count_ };
inline constexpr std::size_t stance_count = static_cast<std::size_t>(Stance::count_);

constexpr Stance stance_of(const contract::Role& role, std::int64_t expires_ns, std::int64_t now_ns) {
    switch (contract::effective(role, expires_ns, now_ns)) {
    case contract::Verdictable::active:
        return Stance::active;
    case contract::Verdictable::yielding:
        return Stance::yielding;
    case contract::Verdictable::lapsed:
        return Stance::lapsed;
    case contract::Verdictable::standby:
        break;
    }
    return role.standing == contract::Standing::none ? Stance::none : Stance::standby;
}

enum class Action : std::uint8_t {
    forward, ///< pass on to the local server
    drop,
    hold,      ///< keep until the grant is renewed, the role changes or time is up
    redirect,  ///< send to the new active over the HA link; if that fails, forward
    deliver,   ///< write to the shadow interface
    defer,     ///< keep in order until this node is standby
    hold_back, ///< read from the shadow interface and go no further
};

enum class Copy : std::uint8_t { none, mirror };

struct Decision {
    Action action{Action::drop};
    Copy copy{Copy::none};
    contract::Counter counter{};
    constexpr bool operator==(const Decision&) const = default;
};

/// The table. Every combination has an entry, the impossible ones the safe one.
Decision decide(Ingress ingress, Kind kind, Stance stance) noexcept;

std::string_view to_string(Action action);
std::string_view to_string(Ingress ingress);
std::string_view to_string(Stance stance);

} // namespace tandem::path
