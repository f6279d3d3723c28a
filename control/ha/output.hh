// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Everything that the brain may ask for. The one door out. The order in which outputs come is the order in
// which they are to be carried out.

#include "control/ha/role.hh"
#include "control/ha/time.hh"

#include <cstdint>
#include <string_view>

namespace tandem::ha {

enum class Effect : std::uint8_t {
    keep_epoch,     ///< `epoch` is in use from now on: it must not be used again after a restart
    raise,          ///< VIPs onto the outside interface, egress of the server open; answer with Raised
    grant_active,   ///< the packet path may act as active
    grant_yielding, ///< the packet path redirects what still arrives to the new active
    grant_standby,  ///< the packet path delivers mirrored packets and drops the rest
    revoke,         ///< nothing may act as active any more, from this moment
    announce,       ///< tell the network
    lower,          ///< egress of the server closed, VIPs off the outside interface
    vacate,         ///< VIPs off the outside interface, egress still open
    seal,           ///< egress of the server closed
    probe,          ///< ask the network whether somebody has the VIPs; answers come as Claim
    look,           ///< ask the service itself (SIP OPTIONS to a VIP, over the network); answer with Looked
    beat,           ///< send a heartbeat now, not at the next interval
    keep_role,      ///< the configured role has changed: keep it with its serial (`value`)
    report,         ///< an event for people; see `event`
    answer,         ///< to the operator whose `ticket` it is; see `refusal`
};

/// Why the role changed, or what else is worth telling. The names are stable.
enum class Event : std::uint8_t {
    started,            ///< the brain began; listens before it decides
    settled,            ///< has listened long enough: standby
    took_over_silence,  ///< the active was silent on every path
    took_over_gone,     ///< the active's process was proven dead
    took_over_resigned, ///< the active asked for it (planned switchover)
    took_over_unfit,    ///< the active declared itself unfit
    took_over_vacant,   ///< nobody was active
    took_over_operator, ///< an operator forced it
    took_over_unserved, ///< the active is not heard, something answers ARP or ND for the VIP, but no SIP
    yielded,            ///< gave up in a planned switchover; stragglers are redirected
    yield_ended,        ///< no stragglers any more
    lost_conflict,      ///< two actives: the other one stays
    won_conflict,       ///< two actives: this one stays
    unfit,              ///< own outside interface lost, or addresses refused by the kernel
    fit,                ///< fit again
    resigning,          ///< asks the peer to take over
    resign_failed,      ///< the peer did not take over in time; this node stays active
    disabled,
    enabled,
    peer_up,
    peer_silent,
    peer_gone,
    peer_left,
    path_up,            ///< `value`: the path
    path_down,          ///< `value`: the path
    claim_seen,         ///< another station claimed a VIP of ours; announced again
    serving_elsewhere,  ///< peer unreachable, but something still answers for the VIP: not taking over
    stalled,            ///< this node was not scheduled; `value`: for how long, in microseconds
    raise_failed,       ///< the kernel refused the addresses
    paused,             ///< was active, and did not run for so long that the peer must have taken over
    isolated,           ///< no witness answers
    reachable,          ///< a witness answers again
    resigning_health,   ///< hands over: the peer's health is better; `value`: both scores, own << 16 | peer's
    resigning_unserved, ///< hands over: nothing is served from here; `value`: the damper's factor
    failing_back,       ///< hands over to the configured primary
    damped,             ///< a hand-over is held back by the damper; `value`: for how long yet, milliseconds
    proven,             ///< proof of service: the damper is reset
    role_followed,      ///< the configured role is now the role; `value`: 1 primary, 0 secondary
    forced,             ///< an operator overrode a refusal; `value`: the Refusal
    health_changed,     ///< `value`: the new score
    dual_active,        ///< the other active is seen on the data LAN only
};

/// The stable name of an event; the take-overs share one.
std::string_view to_string(Event event);
/// What happened, in words.
std::string_view to_sentence(Event event);

enum class Refusal : std::uint8_t {
    none,       ///< accepted
    not_active, ///< only the active node can hand over
    already_active,
    already_home, ///< failback: the configured primary has the group already
    no_primary,   ///< failback: neither node is the configured primary
    peer_absent,  ///< nobody to hand over to
    peer_not_ready,
    peer_unfit, ///< in role `fault`, or isolated
    peer_disabled,
    peer_engine,       ///< its packet path is absent or hangs
    peer_mirror,       ///< it has not handled everything that was mirrored
    peer_server,       ///< its SIP server does not answer
    peer_config,       ///< the configurations differ
    peer_yielding,     ///< it still redirects stragglers of the last hand-over
    peer_state,        ///< its registrations or dialogs are known to be incomplete
    last_fit,          ///< no other node could serve the group
    serving_elsewhere, ///< something answers for the VIP
    peer_worse,        ///< its health is worse by more than the hysteresis
    self_not_ready,
    self_unfit,
    not_disabled,
    already_disabled,
    not_followed, ///< the peer was asked and did not take over in time
    busy,         ///< another switchover is under way
};

/// A sentence for the operator.
std::string_view to_string(Refusal refusal);

struct Output {
    Effect effect{};
    Event event{};           ///< of `report`
    Refusal refusal{};       ///< of `answer`
    std::uint32_t ticket{0}; ///< of `answer`
    std::uint64_t epoch{0};  ///< of the group after this step
    std::uint64_t value{0};  ///< as the event says
    Instant last_heard{};    ///< of a take-over: the peer's last sign of life
    Instant detected{};      ///< of a take-over: when its absence was established
    Instant decided{};       ///< when this output was decided
};

} // namespace tandem::ha
