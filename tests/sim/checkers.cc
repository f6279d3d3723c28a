// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/checkers.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant never = ha::end_of_time;

/// Since when something holds; never, if it does not.
class Since {
public:
    void update(bool holds, Instant now) {
        if (!holds)
            since_ = never;
        else if (since_ == never)
            since_ = now;
    }
    bool longer_than(Duration bound, Instant now) const { return since_ != never && now - since_ > bound; }
    Instant instant() const { return since_; }

private:
    Instant since_{never};
};

std::string ms(Duration duration) {
    return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count()) + " ms";
}

/// Two nodes whose packet paths both act as active, although each can hear the other. Bound: the loser hears
/// one heartbeat of the winner; with the losses modelled here (10 %), six intervals, and the slowest delay.
class OneGranted final : public Checker {
public:
    std::string_view name() const override { return "one_granted"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        const auto& hosts = world.hosts();
        const Instant now = world.now();
        both_.update(hosts[0].granted() && hosts[1].granted(), now);
        if (both_.instant() == never)
            return std::nullopt;
        const Instant audible = std::max(world.audible_since(0), world.audible_since(1));
        const Duration bound = hosts[0].policy().interval * 6 + milliseconds{10};
        if (audible == never || now - std::max(audible, both_.instant()) <= bound)
            return std::nullopt;
        return "both nodes act as active and hear each other for more than " + ms(bound);
    }

private:
    Since both_;
};

/// The grant is taken back in the same moment in which the role is lost.
class GrantFollowsRole final : public Checker {
public:
    std::string_view name() const override { return "grant_follows_role"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (const Host& host : world.hosts())
            if (host.running() && host.granted() && host.role() != ha::Role::active)
                return "the packet path of a node that is " + std::string{to_string(host.role())} +
                       " acts as active";
        return std::nullopt;
    }
};

/// A brain that does not run renews nothing: its packet path stops within the lease.
class LeaseLapses final : public Checker {
public:
    std::string_view name() const override { return "lease_lapses"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            asleep_[i].update(host.granted() && !host.running(), world.now());
            if (asleep_[i].longer_than(host.policy().lease(), world.now()))
                return "a packet path acts as active although its brain has not run for longer than the "
                       "lease";
        }
        return std::nullopt;
    }

private:
    std::array<Since, 2> asleep_;
};

/// A node that was paused for longer than its lease, and whose peer has taken over meanwhile, serves nothing
/// before it had the time to hear the peer.
class SilentAfterPause final : public Checker {
public:
    std::string_view name() const override { return "silent_after_pause"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        const Instant now = world.now();
        for (std::size_t i = 0; i < 2; ++i)
            granted_[i].update(world.hosts()[i].granted(), now);
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            const Duration pause = host.resumed_at() - host.paused_at();
            const Duration interval = host.policy().interval;
            // A lateness is measured from the wake-up that was missed: up to an interval less than the pause.
            if (!host.granted() || !host.peer_was_up_at_pause() || host.paused_at() < host.up_since() ||
                pause < host.policy().lease() + interval || now - host.resumed_at() >= interval * 2)
                continue;
            const ha::Node* other = world.hosts()[1 - i].brain();
            const bool outdated = other != nullptr && host.brain() != nullptr &&
                                  other->view().epoch > host.brain()->view().epoch;
            if (outdated && granted_[1 - i].instant() > host.paused_at() &&
                granted_[1 - i].instant() < host.resumed_at())
                return "a node serves on after a pause of " + ms(pause) +
                       " although the other has taken over";
        }
        return std::nullopt;
    }

private:
    std::array<Since, 2> granted_;
};

/// A node that is not active has no VIP outside. Bound: twice the slowest hand (a raise may be under way);
/// the lease of the kernel, if the brain does not run.
class LoserReleases final : public Checker {
public:
    std::string_view name() const override { return "loser_releases"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            const bool holds = host.holds_vip();
            awake_[i].update(holds && host.running() && host.role() != ha::Role::active, world.now());
            asleep_[i].update(holds && !host.running(), world.now());
            if (awake_[i].longer_than(milliseconds{60}, world.now()))
                return "a node that is " + std::string{to_string(host.role())} + " still has the VIP outside";
            if (asleep_[i].longer_than(seconds{2}, world.now()))
                return "the kernel holds the VIP for longer than its lease without a brain";
        }
        return std::nullopt;
    }

private:
    std::array<Since, 2> awake_;
    std::array<Since, 2> asleep_;
};

/// The epoch of a node never goes back, over restarts too, and every reign has one that the node never saw
/// before.
class EpochsGrow final : public Checker {
public:
    std::string_view name() const override { return "epochs_grow"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (std::size_t i = 0; i < 2; ++i) {
            const ha::Node* brain = world.hosts()[i].brain();
            if (brain == nullptr) {
                reigning_[i] = false;
                continue;
            }
            const std::uint64_t epoch = brain->view().epoch;
            const bool active = brain->view().role == ha::Role::active;
            const std::uint64_t before = seen_[i];
            const bool begins = active && !reigning_[i];
            seen_[i] = std::max(before, epoch);
            reigning_[i] = active;
            if (epoch < before)
                return "the epoch went back from " + std::to_string(before) + " to " + std::to_string(epoch);
            if (begins && epoch == before)
                return "a reign began under epoch " + std::to_string(epoch) + ", which was known before";
        }
        return std::nullopt;
    }

private:
    std::array<std::uint64_t, 2> seen_{};
    std::array<bool, 2> reigning_{};
};

/// A node that could serve the clients, and whose peer is in no position to, serves them within the longest
/// wait: the lone wait after a start, the kernel's lease of a node whose brain is gone, a refused raise, and
/// a second.
class ActiveExists final : public Checker {
public:
    std::string_view name() const override { return "active_exists"; }
    Promise promise() const override { return Promise::liveness; }
    std::optional<std::string> look(const World& world) override {
        constexpr Duration bound = seconds{7};
        bool served = false;
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            served = served || (host.granted() && host.holds_vip() && world.reaches_any_client(i));
        }
        for (std::size_t i = 0; i < 2; ++i) {
            waiting_[i].update(!served && able(world, i), world.now());
            if (waiting_[i].longer_than(bound, world.now()))
                return "nobody serves although node " + std::to_string(i + 1) + " could for more than " +
                       ms(bound);
        }
        return std::nullopt;
    }

private:
    static bool able(const World& world, std::size_t i) {
        const Host& host = world.hosts()[i];
        const Host& other = world.hosts()[1 - i];
        if (!host.running() || host.leaving() || !host.port_usable() || !world.reaches_any_client(i) ||
            host.raise_failures != 0 || host.role() == ha::Role::disabled)
            return false;
        const ha::View& view = host.brain()->view();
        if (view.epoch == 0 && host.policy().configured == ha::ConfiguredRole::secondary)
            return false; // a secondary whose group never served does not claim it unasked
        // An active peer that the clients do not reach keeps the group while it is heard or answers for the
        // VIP: that judgement needs a witness outside.
        return other.role() != ha::Role::active;
    }
    std::array<Since, 2> waiting_;
};

/// A crash of the active machine is over within the detection time, the probe and the hand, if the standby is
/// well and nothing else happens.
class TakesOverInTime final : public Checker {
public:
    std::string_view name() const override { return "takes_over_in_time"; }
    Promise promise() const override { return Promise::liveness; }
    std::optional<std::string> look(const World& world) override {
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& standby = world.hosts()[i];
            const Host& active = world.hosts()[1 - i];
            const bool was_well = well_[i];
            const ha::Node* brain = standby.brain();
            well_[i] = active.powered() && standby.running() && active.granted() && brain != nullptr &&
                       brain->view().role == ha::Role::standby && brain->view().peer == ha::PeerState::up &&
                       brain->view().peer_said->role == ha::Role::active && !brain->view().probing &&
                       !brain->view().yielding;
            if (was_well && !active.powered())
                crash_[i] = world.now();
            const bool fits = standby.running() && standby.port_usable() && !standby.slow_hand &&
                              standby.raise_failures == 0 && !standby.leaving() &&
                              standby.resumed_at() < crash_[i] && standby.role() != ha::Role::disabled;
            if (active.powered() || !fits || standby.granted())
                crash_[i] = never;
            const ha::Policy& policy = standby.policy();
            const Duration bound = policy.detection() + policy.interval + policy.probe_wait + milliseconds{8};
            if (crash_[i] != never && world.now() - crash_[i] > bound)
                return "the active machine has crashed and nobody took over within " + ms(bound);
        }
        return std::nullopt;
    }

private:
    std::array<bool, 2> well_{};
    std::array<Instant, 2> crash_{never, never};
};

/// The clients send to the node that serves. Where the active can know that another one held the address, its
/// announcements put that right within a second; where it cannot, the clients find out by themselves or the
/// slow refresh tells them.
class CachesConverge final : public Checker {
public:
    std::string_view name() const override { return "caches_converge"; }
    Promise promise() const override { return Promise::liveness; }
    std::optional<std::string> look(const World& world) override {
        const Instant now = world.now();
        const auto& hosts = world.hosts();
        if (hosts[0].holds_vip() || hosts[0].granted())
            held_[0] = now;
        if (hosts[1].holds_vip() || hosts[1].granted())
            held_[1] = now;
        for (std::size_t i = 0; i < 2; ++i) {
            serving_[i].update(hosts[i].granted() && hosts[i].holds_vip(), now);
            if (serving_[i].instant() == never)
                continue;
            const Instant alone = std::max(serving_[i].instant(), held_[1 - i]);
            const Instant audible = std::max(world.audible_since(0), world.audible_since(1));
            for (std::size_t client = 0; client < world.clients().size(); ++client) {
                const int cached = world.clients()[client].cached;
                if (cached == static_cast<int>(i) || !world.reaches(i, client) || !hosts[i].port_usable())
                    continue;
                const Instant reached = world.reaches_since(i, client);
                const bool knows = audible != never && reached <= alone;
                const Instant from = std::max({alone, reached, knows ? audible : alone});
                const Duration bound = knows ? Duration{milliseconds{1500}} : Duration{seconds{35}};
                if (now - from > bound && cached >= 0)
                    return "client " + std::to_string(client) +
                           " still sends to the node that does not serve, " + ms(bound) + " after it stopped";
            }
        }
        return std::nullopt;
    }

private:
    std::array<Since, 2> serving_;
    std::array<Instant, 2> held_{};
};

} // namespace

std::vector<std::unique_ptr<Checker>> all_checkers() {
    std::vector<std::unique_ptr<Checker>> all;
    all.push_back(std::make_unique<OneGranted>());
    all.push_back(std::make_unique<GrantFollowsRole>());
    all.push_back(std::make_unique<LeaseLapses>());
    all.push_back(std::make_unique<SilentAfterPause>());
    all.push_back(std::make_unique<LoserReleases>());
    all.push_back(std::make_unique<EpochsGrow>());
    all.push_back(std::make_unique<ActiveExists>());
    all.push_back(std::make_unique<TakesOverInTime>());
    all.push_back(std::make_unique<CachesConverge>());
    return all;
}

} // namespace tandem::sim
