// SPDX-License-Identifier: GPL-3.0-or-later

// Whom the clients reach, and how soon.

#include "tests/sim/bounds.hh"
#include "tests/sim/checkers.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant never = ha::end_of_time;

/// A node that could serve the clients, and whose peer is in no position to or on the other side of a full
/// partition, serves them in time; so does one that is better than an active that knows of it.
class ActiveExists final : public Checker {
public:
    std::string_view name() const override { return "active_exists"; }
    Promise promise() const override { return Promise::liveness; }
    std::optional<std::string> look(const World& world) override {
        const ha::Policy& policy = world.setting().policy();
        const Instant now = world.now();
        for (const Report& report : world.reports)
            if (report.event == ha::Event::dual_active)
                rival_at_ = now;
        bool served = false;
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            served = served || (host.granted() && host.holds_vip() && world.reaches_any_client(i));
        }
        const Duration bound = bounds::vacancy(policy);
        const Instant free = rival_at_ == Instant{} ? Instant{} : rival_at_ + bounds::after_rival();
        for (std::size_t i = 0; i < 2; ++i) {
            const bool fit = able(world, i);
            const Host& other = world.hosts()[1 - i];
            const bool absent = other.role() != ha::Role::active || !other.running();
            const bool serves = world.hosts()[i].granted() && world.hosts()[i].holds_vip();
            waiting_[i].update(fit && ((!served && absent) || (!serves && severed(world, i))), now);
            if (waiting_[i].holds() && overdue(std::max(waiting_[i].instant(), free), bound, now))
                return "nobody serves although node " + std::to_string(i + 1) + " could for more than " +
                       ms(bound);
            if (auto sentence = look_at_active(world, i, fit && ready_to_follow(world, i)))
                return sentence;
        }
        return std::nullopt;
    }

private:
    static bool able(const World& world, std::size_t i) {
        const Host& host = world.hosts()[i];
        if (!host.running() || host.leaving() || !host.port_usable() || !world.reaches_any_client(i) ||
            host.raise_failures != 0 || host.role() == ha::Role::disabled || !host.witness_told())
            return false;
        // A secondary whose group never served does not claim it unasked.
        const ha::View& view = host.brain()->view();
        return view.epoch != 0 || view.configured != ha::ConfiguredRole::secondary;
    }

    /// Nothing that the other one says gets to this node, not even the answer to a probe.
    static bool severed(const World& world, std::size_t i) {
        return world.audible_since(1 - i) == never && !world.lan_between_hosts();
    }

    /// The active serves worse than the other one could, and knows it.
    std::optional<std::string> look_at_active(const World& world, std::size_t i, bool follower) {
        const Host& active = world.hosts()[1 - i];
        const Instant now = world.now();
        const bool cut_off = !active.witness_told() || !active.port_usable();
        const std::string who = ", although node " + std::to_string(i + 1) + " could for more than ";
        lost_[i].update(follower && cut_off, now);
        const Duration soon = bounds::out_of_reach(active.policy(), world.way());
        if (overdue(lost_[i], soon, now))
            return "the active has lost its outside network and keeps the group" + who + ms(soon);
        unwell_[i].update(follower && (cut_off || active.score_told() == 0), now);
        const Duration longest = bounds::hand_over(active.policy(), world.setting().patience);
        if (overdue(unwell_[i], longest, now))
            return "the active serves nobody" + who + ms(longest);
        return std::nullopt;
    }

    /// Nothing keeps this node from taking over from an active that asks, and they talk.
    static bool ready_to_follow(const World& world, std::size_t i) {
        const Host& host = world.hosts()[i];
        const Host& active = world.hosts()[1 - i];
        return active.role() == ha::Role::active && active.running() && !world.faults_on_hand_over() &&
               host.role() == ha::Role::standby && host.lacks_told() == 0 &&
               host.score_told() == ha::score_max && host.server_well() && world.audible_since(0) != never &&
               world.audible_since(1) != never;
    }
    std::array<Since, 2> waiting_;
    std::array<Since, 2> lost_;
    std::array<Since, 2> unwell_;
    Instant rival_at_{};
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
            const bool fits = standby.running() && standby.port_usable() && standby.witness_told() &&
                              !standby.slow_hand && standby.raise_failures == 0 && !standby.leaving() &&
                              standby.resumed_at() < crash_[i] && standby.role() != ha::Role::disabled;
            if (active.powered() || !fits || standby.granted())
                crash_[i] = never;
            const Duration bound = bounds::takeover(standby.policy());
            if (overdue(crash_[i], bound, world.now()))
                return "the active machine has crashed and nobody took over within " + ms(bound);
        }
        return std::nullopt;
    }

private:
    std::array<bool, 2> well_{};
    std::array<Instant, 2> crash_{never, never};
};

/// The clients send to the node that serves, through switches that lead there. Where the active can know that
/// another one held the address, its announcements put that right within a second; where it cannot, the
/// clients find out by themselves or the slow refresh tells them.
class CachesConverge final : public Checker {
public:
    std::string_view name() const override { return "caches_converge"; }
    Promise promise() const override { return Promise::liveness; }
    std::optional<std::string> look(const World& world) override {
        const Instant now = world.now();
        const auto& hosts = world.hosts();
        for (std::size_t i = 0; i < 2; ++i)
            if (hosts[i].holds_vip() || hosts[i].granted())
                held_[i] = now;
        clean_.update(world.lan().loss == 0, now);
        const Instant audible = std::max(world.audible_since(0), world.audible_since(1));
        for (std::size_t i = 0; i < 2; ++i) {
            serving_[i].update(hosts[i].granted() && hosts[i].holds_vip(), now);
            reigns_[i].update(hosts[i].role() == ha::Role::active, now);
            if (!serving_[i].holds() || !clean_.holds() || !hosts[i].port_usable())
                continue;
            const Instant alone = std::max({serving_[i].instant(), held_[1 - i], clean_.instant()});
            for (std::size_t client = 0; client < world.clients().size(); ++client) {
                const int cached = world.clients()[client].cached;
                const bool led = cached == static_cast<int>(i) && world.lan().leads_to(i, now);
                misled_[i][client].update(!led && cached >= 0 && world.reaches(i, client), now);
                if (!misled_[i][client].holds())
                    continue;
                const Instant reached = world.reaches_since(i, client);
                // What it announced in the beginning, and when the other one let go, got there. A short pause
                // or lost frames later tell it nothing about a client that came later or missed that.
                const Instant last_word = std::max(reigns_[i].instant(), held_[1 - i]);
                const bool told = std::max(reached, clean_.instant()) <= last_word;
                const bool knows = audible != never && told && cached != static_cast<int>(i);
                // The node learns of it by itself only when something is said between the two.
                const Instant from =
                    std::max({alone, reached, knows ? audible : misled_[i][client].instant()});
                const Duration bound = knows ? bounds::caches_known(hosts[i].policy())
                                             : bounds::caches_unknown(hosts[i].policy());
                if (overdue(from, bound, now))
                    return "client " + std::to_string(client) +
                           " still sends to the node that does not serve, " + ms(bound) + " after it stopped";
            }
        }
        return std::nullopt;
    }

private:
    std::array<Since, 2> serving_;
    std::array<Since, 2> reigns_;
    std::array<Instant, 2> held_{};
    std::array<std::array<Since, clients_max>, 2> misled_;
    Since clean_;
};

/// Nothing leaves a node from the VIP unless it is active, or still redirects after a planned switchover. A
/// node whose brain does not run goes on for no longer than its lease, which lease_lapses checks.
class StandbyEgress final : public Checker {
public:
    std::string_view name() const override { return "standby_egress"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (const Departure& packet : world.left)
            if (!packet.permitted)
                return "a packet left a node that is " + std::string{to_string(packet.role)} +
                       " from the VIP";
        return std::nullopt;
    }
};

} // namespace

void add_service_checkers(Checkers& all) {
    all.push_back(std::make_unique<ActiveExists>());
    all.push_back(std::make_unique<TakesOverInTime>());
    all.push_back(std::make_unique<CachesConverge>());
    all.push_back(std::make_unique<StandbyEgress>());
}

} // namespace tandem::sim
