// SPDX-License-Identifier: GPL-3.0-or-later

// Two that both speak as the owner of the group's addresses.
//
// Two active nodes that hear each other's heartbeats decide by epoch, priority and node id (arbiter.hh). When
// the data LAN is their only contact they hear no epochs, only each other's ARP and ND; then priority and
// node id decide, once the same station has claimed for a second. Any other station gets an answer: the
// addresses are announced again, at first at once, then ever more slowly, so that two stubborn stations do
// not storm.

#include "control/ha/node.hh"

#include <algorithm>

namespace tandem::ha {
namespace {

constexpr Duration spacing_min = std::chrono::milliseconds{100};
constexpr Duration spacing_max = std::chrono::seconds{1};
constexpr Duration rival_after = std::chrono::seconds{1};
constexpr unsigned rival_claims = 3;
/// A loser that took over because nothing was served elsewhere gives the other one so long to notice that.
constexpr Duration rival_insists = std::chrono::seconds{3};
/// The loser does not take the group from a station that answers, even if its SIP server does not.
constexpr Duration loser_wait = std::chrono::seconds{30};

} // namespace

/// True when the role is given up: the peer is active too, and stays.
bool Node::lost_to_heard_peer(Instant now) {
    if (view_.peer != PeerState::up || !peer_is_active()) {
        if (conflict_) {
            // The other one has released: whatever it told the network last is corrected now.
            conflict_ = false;
            announcements_.begin(now);
        }
        return false;
    }
    const bool stays = arbitrate_actives(self_claim(), peer_claim()) == Winner::self;
    // Make before break: until the other one has the addresses, the one that hands over goes on serving.
    const bool too_early = resigning_ && !view_.peer_said->holds && now < resigning_->until;
    if (!stays && !too_early) {
        if (resigning_) {
            yield(now, resigning_->purpose == Purpose::failover ? Role::standby : Role::disabled);
        } else {
            view_.epoch = std::max(view_.epoch, view_.peer_said->epoch);
            fall(now, Role::standby, Event::lost_conflict);
        }
        return true;
    }
    if (stays && !conflict_) {
        conflict_ = true;
        if (!view_.peer_said->resigning) { // else it has not yet seen that this node followed
            report(Event::won_conflict);
            announcements_.begin(now);
        }
    }
    return false;
}

void Node::on_claim(Instant now, const Claim& claim) {
    if (probing_)
        probing_->answered = true;
    if (ahead_)
        ahead_->answered = true;
    if (view_.role != Role::active) {
        // Who announces while the peer is heard to be active is the peer. Who answers a probe may be anybody.
        if (claim.station != 0 && view_.peer == PeerState::up && peer_is_active() && now >= solicited_until_)
            peer_station_ = claim.station;
        return;
    }
    if (resigning_) { // asked to take over, the peer announces: do not contradict it
        resigning_->claimed = resigning_->claimed || may_be_peer(claim.station);
        return;
    }
    // Perhaps paused, and the claim comes from the new active: the tick or the peer's next heartbeat tells.
    if (tick_owed_ || now < doubt_until_) {
        announcements_.hasten(now);
        return;
    }
    if (view_.peer != PeerState::up && may_be_peer(claim.station) && lost_to_rival(now, claim.station))
        return;
    if (now < claim_answered_ + claim_spacing_) {
        announcements_.hasten(claim_answered_ + claim_spacing_); // the last word must be ours
        return;
    }
    const bool stubborn = claim_spacing_ != Duration::zero() && now < claim_answered_ + 2 * spacing_max;
    claim_spacing_ = stubborn ? std::min(claim_spacing_ * 2, spacing_max) : spacing_min;
    claim_answered_ = now;
    put({.effect = Effect::announce});
    report(Event::claim_seen);
}

/// Whether a station may be the other node: it is known as such, or nothing is known.
bool Node::may_be_peer(std::uint64_t station) const {
    return station != 0 && (peer_station_ == 0 || station == peer_station_);
}

/// Who stays, as far as a node can tell that hears nothing but claims. A node that serves nothing goes, if
/// the other one was well when it was last heard. A node that never heard the other one knows the ids: 1
/// and 2.
bool Node::outranks_rival() const {
    if (!view_.peer_said)
        return policy_.node_id == 1;
    const PeerBeat& peer = *view_.peer_said;
    const bool serves = service_.working && own_score() > 0;
    if (!serves && peer.score > own_score() + policy_.hysteresis)
        return false;
    return policy_.priority != peer.priority ? policy_.priority > peer.priority
                                             : policy_.node_id < peer.node_id;
}

/// Counts the claims of one station; true when this node has given up for it.
bool Node::lost_to_rival(Instant now, std::uint64_t station) {
    const bool unserved = view_.reason == Event::took_over_unserved;
    if (unserved && peer_station_ == 0)
        return false; // somebody unknown answered before this node took over, and goes on doing so
    if (!rival_ || rival_->station != station || now >= rival_->last + rival_silence)
        rival_ = Rival{.station = station, .since = now};
    ++rival_->claims;
    rival_->last = now;
    const bool stays = outranks_rival();
    const Duration patience = unserved && !stays ? rival_insists : rival_after;
    if (rival_->decided || rival_->claims < rival_claims || now < rival_->since + patience)
        return false;
    report(Event::dual_active);
    if (stays) {
        rival_->decided = true;
        announcements_.begin(now);
        return false;
    }
    unserved_again_ = now + loser_wait;
    ++view_.epoch; // the other one's reign may be this one
    fall(now, Role::standby, Event::lost_conflict);
    return true;
}

/// No claims any more: the other one has released, and what it told the network last is corrected.
void Node::forget_rival(Instant now) {
    if (!rival_ || now < rival_->last + rival_silence)
        return;
    if (rival_->decided)
        announcements_.begin(now);
    rival_.reset();
}

} // namespace tandem::ha
