// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Deliberate faults of the node, to prove that the checkers can fail. They are applied by the simulated
// machine around the real engine, on the order of the test executable; no shipped code knows of them.

#include <array>
#include <cstdint>
#include <string_view>

namespace tandem::sim {

enum class Mutation : std::uint8_t {
    none,
    drop_revoke,       ///< the grant is not taken back when the role is lost
    drop_lower,        ///< the addresses stay outside when the role is lost
    keep_renewing,     ///< the grant is renewed by a timer that does not depend on the brain
    ignore_conflict,   ///< an active does not believe that the peer is active
    ignore_doubt,      ///< a pause is not told to the brain, and the grant is renewed at once after it
    no_reannounce,     ///< one announcement at the takeover and no more
    forget_epoch,      ///< the epoch does not survive a restart
    drop_grant,        ///< the addresses are raised, but nothing may serve
    deaf_standby,      ///< a standby does not notice that the active is silent
    ignore_claims,     ///< nobody listens to the answers to a probe
    skip_look,         ///< the service is not asked; the answer is always that nothing serves
    no_damper,         ///< every hand-over counts as proof of service
    mirror_duplicates, ///< a copy that came twice is delivered twice
    uncounted_loss,    ///< what the mirror gives up is not counted
    standby_leaks,     ///< the egress of the server is never closed
    stale_status,      ///< status shows what was true when the brain started
    ignore_witness,    ///< the engine is not told that the witness is lost
    forget_role,       ///< a followed role does not survive a restart
    no_lease,          ///< nothing renews the kernel's lease of the addresses
    late_score,        ///< the peer's heartbeats always say that it is well
    ignore_port,       ///< the engine is not told that the outside interface has lost its carrier
    clock_back,        ///< the engine is told a time that lies behind the last one
};

struct MutationText {
    Mutation mutation;
    std::string_view name;
    std::string_view caught_by; ///< the checker that must catch it
};

/// What catches a mutation when the engine itself does, by ending the process.
inline constexpr std::string_view own_invariant = "invariant";

inline constexpr std::array<MutationText, 22> mutations{{
    {Mutation::drop_revoke, "drop_revoke", "grant_follows_role"},
    {Mutation::drop_lower, "drop_lower", "loser_releases"},
    {Mutation::keep_renewing, "keep_renewing", "lease_lapses"},
    {Mutation::ignore_conflict, "ignore_conflict", "one_granted"},
    {Mutation::ignore_doubt, "ignore_doubt", "silent_after_pause"},
    {Mutation::no_reannounce, "no_reannounce", "caches_converge"},
    {Mutation::forget_epoch, "forget_epoch", "epochs_grow"},
    {Mutation::drop_grant, "drop_grant", "active_exists"},
    {Mutation::deaf_standby, "deaf_standby", "takes_over_in_time"},
    {Mutation::ignore_claims, "ignore_claims", "no_false_takeover"},
    {Mutation::skip_look, "skip_look", "no_false_takeover"},
    {Mutation::no_damper, "no_damper", "no_flapping"},
    {Mutation::mirror_duplicates, "mirror_duplicates", "mirror_at_most_once"},
    {Mutation::uncounted_loss, "uncounted_loss", "mirror_losses_counted"},
    {Mutation::standby_leaks, "standby_leaks", "standby_egress"},
    {Mutation::stale_status, "stale_status", "status_true"},
    {Mutation::ignore_witness, "ignore_witness", "active_exists"},
    {Mutation::forget_role, "forget_role", "roles_kept"},
    {Mutation::no_lease, "no_lease", "status_true"},
    {Mutation::late_score, "late_score", "status_true"},
    {Mutation::ignore_port, "ignore_port", "isolated_stays_out"},
    {Mutation::clock_back, "clock_back", own_invariant},
}};

} // namespace tandem::sim
