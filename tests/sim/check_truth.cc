// SPDX-License-Identifier: GPL-3.0-or-later

// What the pair says of itself: the mirror's books, the status, what is kept on disk.

#include "tests/sim/bounds.hh"
#include "tests/sim/checkers.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant never = ha::end_of_time;

/// A shadow server sees no request twice.
class MirrorAtMostOnce final : public Checker {
public:
    std::string_view name() const override { return "mirror_at_most_once"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (const Host& host : world.hosts())
            if (host.mirror() != nullptr && host.mirror()->books().delivered_twice != 0)
                return "a mirrored request was delivered twice";
        return std::nullopt;
    }
};

/// Whatever the receiver is through with was delivered, or counted as lost.
class MirrorLossesCounted final : public Checker {
public:
    std::string_view name() const override { return "mirror_losses_counted"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (const Host& host : world.hosts())
            if (host.mirror() != nullptr && !host.mirror()->balanced())
                return "delivered " + std::to_string(host.mirror()->books().delivered) + " and lost " +
                       std::to_string(host.mirror()->books().lost) + " do not add up to what was handled";
        return std::nullopt;
    }
};

/// Status says what is so: of this node at once, of the peer after a heartbeat.
class StatusTrue final : public Checker {
public:
    std::string_view name() const override { return "status_true"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (std::size_t i = 0; i < 2; ++i) {
            if (auto sentence = look_at_self(world, i))
                return sentence;
            if (auto sentence = look_at_peer(world, i))
                return sentence;
        }
        return std::nullopt;
    }

private:
    enum Lie : std::uint8_t {
        role,
        serves,
        holds,
        vacated,
        ready,
        isolated,
        score,
        peer_lives,
        peer_role,
        peer_score,
        lies_max
    };

    bool lies(Lie lie, std::size_t i, bool wrong, Duration bound, Instant now) {
        since_[i][lie].update(wrong, now);
        return overdue(since_[i][lie], bound, now);
    }

    /// The same, not counted before `from`.
    bool lies(Lie lie, std::size_t i, bool wrong, Instant from, Duration bound, Instant now) {
        since_[i][lie].update(wrong, now);
        return wrong && overdue(std::max(from, since_[i][lie].instant()), bound, now);
    }

    std::optional<std::string> look_at_self(const World& world, std::size_t i) {
        const Host& host = world.hosts()[i];
        const Instant now = world.now();
        if (!host.running()) {
            since_[i] = {};
            return std::nullopt;
        }
        const ha::View& says = host.status();
        const ha::Policy& policy = host.policy();
        const bool active = says.role == ha::Role::active;
        const Duration soon = bounds::release(policy) + drift_of_renewal;
        const bool cut_off = !host.port_usable() || !host.witness_told();
        const std::uint16_t due_score =
            cut_off || says.role == ha::Role::fault ? std::uint16_t{0} : host.score_told();
        const std::string who = "status of node " + std::to_string(i + 1);
        if (lies(role, i, says.role != host.role(), Duration{}, now))
            return who + " says " + std::string{to_string(says.role)} + ", but it is " +
                   std::string{to_string(host.role())};
        // After a pause the grant waits until the peer was heard.
        if (lies(serves, i, active && says.holds && !host.granted(),
                 soon + bounds::drifted(2 * policy.detection()), now))
            return who + " says active, but nothing is served";
        // After a pause the kernel's lease is not renewed either before the peer was heard or is silent.
        const Instant sure =
            host.resumed_at() + bounds::drifted(policy.detection()) + bounds::lateness(policy);
        if (lies(holds, i, says.holds && !host.holds_vip(), sure, soon, now))
            return who + " says that the VIP is there, and it is not";
        if (lies(vacated, i, !says.holds && active && host.holds_vip() && host.hand_idle(), soon, now))
            return who + " says that the VIP is absent, and it is not";
        if (lies(ready, i, says.ready && !host.server_well(), seconds{2}, now))
            return who + " says ready, and its SIP server is not";
        if (lies(isolated, i, says.isolated != cut_off, bounds::lateness(policy), now))
            return who + " is wrong about its outside network";
        if (lies(Lie::score, i, says.score != due_score, bounds::lateness(policy), now))
            return who + " says a score of " + std::to_string(says.score) + " instead of " +
                   std::to_string(due_score);
        return std::nullopt;
    }

    std::optional<std::string> look_at_peer(const World& world, std::size_t i) {
        const Host& host = world.hosts()[i];
        const Host& other = world.hosts()[1 - i];
        if (!host.running())
            return std::nullopt;
        const Instant now = world.now();
        const ha::View& says = host.status();
        const ha::Policy& policy = host.policy();
        const std::string who = "status of node " + std::to_string(i + 1);
        const Duration silence =
            bounds::drifted(policy.detection() + policy.interval) + 2 * bounds::lateness(policy);
        if (says.peer == ha::PeerState::up &&
            overdue(std::max(host.heard_at(), host.resumed_at()), silence, now))
            return who + " says that the peer is up, " + ms(silence) + " after its last word";
        const bool audible = world.audible_since(1 - i) != never;
        const Instant since = world.audible_since(1 - i);
        const Duration bound = bounds::heartbeat(policy, world.way());
        const bool silent = audible && says.peer != ha::PeerState::up;
        if (lies(peer_lives, i, silent, since, bound, now))
            return who + " does not hear a peer that speaks";
        const bool known = audible && says.peer == ha::PeerState::up && says.peer_said && other.running();
        const bool wrong_role = known && says.peer_said->role != other.role();
        if (lies(peer_role, i, wrong_role, since, bound, now))
            return who + " says that the peer is " + std::string{to_string(says.peer_said->role)} +
                   ", but it is " + std::string{to_string(other.role())};
        const bool wrong_score = known && says.peer_said->score != other.brain()->view().score;
        if (lies(peer_score, i, wrong_score, since, bound, now))
            return who + " is wrong about the peer's score";
        return std::nullopt;
    }

    static constexpr Duration drift_of_renewal = milliseconds{250};
    std::array<std::array<Since, lies_max>, 2> since_;
};

/// A configured role that was followed is not forgotten, and the two nodes agree on the last one.
class RolesKept final : public Checker {
public:
    std::string_view name() const override { return "roles_kept"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            if (host.brain() == nullptr)
                continue;
            const std::uint8_t serial = host.brain()->view().role_serial;
            const bool excused = host.roles_lost() != roles_lost_[i];
            roles_lost_[i] = host.roles_lost();
            if (!excused && static_cast<std::int8_t>(static_cast<std::uint8_t>(serial - serial_[i])) < 0)
                return "node " + std::to_string(i + 1) + " forgot a configured role that it had followed";
            serial_[i] = serial;
        }
        const ha::Node* one = world.hosts()[0].brain();
        const ha::Node* two = world.hosts()[1].brain();
        const Instant audible = std::max(world.audible_since(0), world.audible_since(1));
        differ_.update(one != nullptr && two != nullptr && audible != never &&
                           one->view().role_serial != two->view().role_serial,
                       world.now());
        const Duration bound = bounds::heartbeat(world.setting().policy(), world.way());
        if (differ_.holds() && overdue(std::max(audible, differ_.instant()), bound, world.now()))
            return "the two nodes differ on the configured roles for more than " + ms(bound);
        return std::nullopt;
    }

private:
    std::array<std::uint8_t, 2> serial_{};
    std::array<std::uint32_t, 2> roles_lost_{};
    Since differ_;
};

} // namespace

std::string ms(Duration duration) {
    return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count()) + " ms";
}

void add_truth_checkers(Checkers& all) {
    all.push_back(std::make_unique<MirrorAtMostOnce>());
    all.push_back(std::make_unique<MirrorLossesCounted>());
    all.push_back(std::make_unique<StatusTrue>());
    all.push_back(std::make_unique<RolesKept>());
}

Checkers all_checkers() {
    Checkers all;
    add_role_checkers(all);
    add_service_checkers(all);
    add_truth_checkers(all);
    return all;
}

} // namespace tandem::sim
