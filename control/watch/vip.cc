// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/vip.hh"

#include <algorithm>
#include <utility>

namespace tandem::watch {

void VipJudge::on_role(ha::Instant now) {
    role_since_ = now;
    misplacement_.reset();
    contest_.reset();
    repaired_at_.reset();
}

void VipJudge::follow(std::optional<Episode>& episode, ha::Instant now, bool wrong, ha::Duration quiet) {
    if (wrong)
        episode = Episode{episode ? episode->first : now, now};
    else if (episode && now - episode->last >= quiet)
        episode.reset();
}

/// For how long the worse of the two has been wrong.
ha::Duration VipJudge::lasted() const {
    ha::Duration longest{0};
    for (const auto* episode : {&misplacement_, &contest_})
        if (*episode)
            longest = std::max(longest, (*episode)->last - (*episode)->first);
    return longest;
}

VipJudge::Verdict VipJudge::look(ha::Instant now, const VipFacts& facts) {
    const bool settled = now - role_since_ >= role_grace;
    const bool misplaced =
        settled && std::ranges::any_of(facts.outside, [&](bool there) { return there != facts.active; });
    follow(misplacement_, now, misplaced, repair_quiet);
    if (!std::exchange(peer_heard_, facts.peer_heard) && facts.peer_heard)
        contest_.reset();
    // The standby hears the active speak for the VIPs; that is how it should be.
    follow(contest_, now, settled && facts.active && facts.claimed, contest_quiet);

    Verdict verdict{.state = State::ok,
                    .detail = facts.active ? "all addresses are here" : "no address is here"};
    if (misplaced && (!repaired_at_ || now - *repaired_at_ >= repair_interval)) {
        repaired_at_ = now;
        verdict.repair = Repair::now;
    }
    if (misplacement_ || contest_) {
        verdict.detail = misplaced      ? facts.active ? "an address is missing on the active node"
                                                       : "an address is on a node that is not active"
                         : contest_     ? "another station speaks for an address"
                         : facts.active ? "an address was missing and is here again"
                                        : "an address was left here and is gone again";
        const ha::Duration wrong = lasted();
        verdict.state = wrong >= failure_after ? State::failed
                        : wrong >= alarm_after ? State::degraded
                                               : State::repairing;
    }
    if (!told_ && (misplaced || is_bad(verdict.state))) {
        told_ = true;
        verdict.event = Event::lost;
    } else if (told_ && settled && verdict.state == State::ok) {
        told_ = false;
        verdict.event = Event::restored;
    }
    return verdict;
}

} // namespace tandem::watch
