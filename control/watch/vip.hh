// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Are the VIPs where the role wants them?
//
// Problem: an address disappears from the active (a script, an operator, another manager of addresses), stays
// behind on the standby, or a third station speaks for it. Idea: three steps. What is wrong is repaired and
// told at once; wrong still after `alarm_after`, it is an alarm; after `failure_after` it is a failure and
// counts in the health. Whoever takes an address away again and again makes one episode of it, so that a
// fight with another manager of addresses is not a row of successful repairs: an episode ends when all was
// well for `repair_quiet`, and has lasted from the first moment in which something was wrong to the latest.
// The same holds of a station that claims a VIP, which is heard only now and then: its contest is over after
// `contest_quiet`. One claim is no more than a repair. Who claimed while the other node was not heard may
// have been that node; once it is heard, such a contest is over. While the roles change nothing is wrong: the
// addresses move a moment after the decision. Deliberately absent: the repair itself, and the announcement
// against a claim, which is the role engine's.

#include "control/watch/state.hh"

#include <optional>
#include <vector>

namespace tandem::watch {

struct VipFacts {
    bool active{false};        ///< this node's role
    std::vector<bool> outside; ///< for each VIP: is it on the outside interface
    bool claimed{false};       ///< another station spoke for a VIP since the last look
    bool peer_heard{true};     ///< the other node, over an HA path
};

class VipJudge {
public:
    static constexpr ha::Duration role_grace = std::chrono::milliseconds{500};
    static constexpr ha::Duration repair_interval = std::chrono::seconds{1};
    static constexpr ha::Duration alarm_after = std::chrono::seconds{1};
    static constexpr ha::Duration failure_after = std::chrono::seconds{5};
    static constexpr ha::Duration repair_quiet = std::chrono::seconds{1};
    static constexpr ha::Duration contest_quiet = std::chrono::seconds{10};

    enum class Repair : std::uint8_t { no, now };
    enum class Event : std::uint8_t { none, lost, restored };
    struct Verdict {
        State state{State::unknown};
        std::string_view detail;
        Repair repair{Repair::no};
        Event event{Event::none};
    };

    explicit VipJudge(ha::Instant now)
        : role_since_(now) {}
    /// The addresses are about to move.
    void on_role(ha::Instant now);
    Verdict look(ha::Instant now, const VipFacts& facts);

private:
    /// From the first to the latest moment in which something was wrong.
    struct Episode {
        ha::Instant first;
        ha::Instant last;
    };
    static void follow(std::optional<Episode>& episode, ha::Instant now, bool wrong, ha::Duration quiet);
    ha::Duration lasted() const;

    ha::Instant role_since_;
    std::optional<Episode> misplacement_;
    std::optional<Episode> contest_;
    std::optional<ha::Instant> repaired_at_;
    bool peer_heard_{true};
    bool told_{false};
};

} // namespace tandem::watch
