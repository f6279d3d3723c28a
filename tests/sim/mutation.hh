// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Deliberate faults of the node, to prove that the checkers can fail. They are applied by the simulated hand
// around the real engine, on the order of the test executable; no shipped code knows of them.

#include <array>
#include <cstdint>
#include <string_view>

namespace tandem::sim {

enum class Mutation : std::uint8_t {
    none,
    drop_revoke,     ///< the grant is not taken back when the role is lost
    drop_lower,      ///< the addresses stay outside when the role is lost
    keep_renewing,   ///< the grant is renewed by a timer that does not depend on the brain
    ignore_conflict, ///< an active does not believe that the peer is active
    ignore_doubt,    ///< the grant is renewed at once after a pause
    no_reannounce,   ///< one announcement at the takeover and no more
    forget_epoch,    ///< the epoch does not survive a restart
    drop_grant,      ///< the addresses are raised, but nothing may serve
    deaf_standby,    ///< a standby does not notice that the active is silent
};

struct MutationText {
    Mutation mutation;
    std::string_view name;
    std::string_view caught_by; ///< the checker that must catch it
};

inline constexpr std::array<MutationText, 9> mutations{{
    {Mutation::drop_revoke, "drop_revoke", "grant_follows_role"},
    {Mutation::drop_lower, "drop_lower", "loser_releases"},
    {Mutation::keep_renewing, "keep_renewing", "lease_lapses"},
    {Mutation::ignore_conflict, "ignore_conflict", "one_granted"},
    {Mutation::ignore_doubt, "ignore_doubt", "silent_after_pause"},
    {Mutation::no_reannounce, "no_reannounce", "caches_converge"},
    {Mutation::forget_epoch, "forget_epoch", "epochs_grow"},
    {Mutation::drop_grant, "drop_grant", "active_exists"},
    {Mutation::deaf_standby, "deaf_standby", "takes_over_in_time"},
}};

} // namespace tandem::sim
