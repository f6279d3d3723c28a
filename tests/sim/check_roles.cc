// SPDX-License-Identifier: GPL-3.0-or-later

// Who may act as active, and for how long.

#include "tests/sim/bounds.hh"
#include "tests/sim/checkers.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant never = ha::end_of_time;

bool is_unasked_takeover(ha::Event event) {
    return event == ha::Event::took_over_silence || event == ha::Event::took_over_gone ||
           event == ha::Event::took_over_vacant || event == ha::Event::took_over_unserved;
}

bool is_takeover(ha::Event event) {
    return is_unasked_takeover(event) || event == ha::Event::took_over_unfit ||
           event == ha::Event::took_over_resigned || event == ha::Event::took_over_operator;
}

/// Two nodes whose packet paths both act as active, although each can hear the other, or although each can
/// see the other on the LAN and nothing gets lost there.
class OneGranted final : public Checker {
public:
    std::string_view name() const override { return "one_granted"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        const auto& hosts = world.hosts();
        const Instant now = world.now();
        both_.update(hosts[0].granted() && hosts[1].granted(), now);
        const bool alike =
            world.lan_between_hosts() && world.lan().loss == 0 && knows(hosts[0]) && knows(hosts[1]);
        lan_.update(alike, now);
        if (!both_.holds())
            return std::nullopt;
        handing_over_ = resigns(hosts[0]) || resigns(hosts[1]) ? now : handing_over_;
        const ha::Policy& policy = hosts[0].policy();
        const Instant audible = std::max(world.audible_since(0), world.audible_since(1));
        const Duration bound = bounds::conflict(policy, world.way(), handing_over_ >= both_.instant());
        if (audible != never && overdue(std::max(audible, both_.instant()), bound, now))
            return "both nodes act as active and hear each other for more than " + ms(bound);
        if (!lan_.holds())
            return std::nullopt;
        const Duration on_lan = bounds::conflict_on_lan(policy);
        const Instant met = std::max({both_.instant(), lan_.instant(), world.lan_since(),
                                      hosts[0].resumed_at(), hosts[1].resumed_at()});
        if (overdue(met, on_lan, now))
            return "both nodes act as active and meet on the LAN for more than " + ms(on_lan);
        return std::nullopt;
    }

private:
    /// A node that never heard its peer cannot tell it from any other station.
    static bool knows(const Host& host) {
        return host.running() && host.brain()->view().peer_said.has_value();
    }
    static bool resigns(const Host& host) {
        return host.brain() != nullptr && host.brain()->view().resigning;
    }
    Since both_;
    Since lan_;
    Instant handing_over_{};
};

/// The grant is taken back in the same moment in which the role is lost. Only in a hand-over, in which it
/// goes on serving what still arrives, it does so as active until the hand has done what it was doing.
class GrantFollowsRole final : public Checker {
public:
    std::string_view name() const override { return "grant_follows_role"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            const bool wrong = host.running() && host.granted() && host.role() != ha::Role::active;
            const bool yields = wrong && host.brain()->view().yielding && !host.hand_idle();
            yielding_[i].update(yields, world.now());
            if ((wrong && !yields) || overdue(yielding_[i], bounds::release(host.policy()), world.now()))
                return "the packet path of a node that is " + std::string{to_string(host.role())} +
                       " acts as active";
        }
        return std::nullopt;
    }

private:
    std::array<Since, 2> yielding_;
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
            if (overdue(asleep_[i], bounds::lease(host.policy()), world.now()))
                return "a packet path acts as active although its brain has not run for longer than the "
                       "lease";
        }
        return std::nullopt;
    }

private:
    std::array<Since, 2> asleep_;
};

/// A node that was paused for longer than its lease, and whose peer has taken over meanwhile, serves nothing
/// before it had the time to hear the peer. A machine whose clock stood with it cannot know that it was
/// paused: there one_granted has the bound.
class SilentAfterPause final : public Checker {
public:
    std::string_view name() const override { return "silent_after_pause"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        const Instant now = world.now();
        for (const Report& report : world.reports)
            if (is_unasked_takeover(report.event))
                taken_[report.host] = now;
        for (std::size_t i = 0; i < 2; ++i)
            granted_[i].update(world.hosts()[i].granted(), now);
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            const Duration pause = host.resumed_at() - host.paused_at();
            const Duration interval = host.policy().interval;
            // A lateness is measured from the wake-up that was missed: up to an interval less than the pause.
            if (!host.granted() || host.clock_stood() || !host.served_at_pause() ||
                !host.peer_was_up_at_pause() || host.paused_at() < host.up_since() ||
                pause < bounds::drifted(host.policy().lease() + interval) ||
                now - host.resumed_at() >= interval * 2)
                continue;
            // It did step down, and took the group anew: no_false_takeover judges that.
            if (taken_[i] >= host.resumed_at())
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
    std::array<Instant, 2> taken_{};
};

/// A node that is not active has no VIP outside.
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
            if (overdue(awake_[i], bounds::release(host.policy()), world.now()))
                return "a node that is " + std::string{to_string(host.role())} + " still has the VIP outside";
            if (overdue(asleep_[i], bounds::kernel_lease(), world.now()))
                return "the kernel holds the VIP for longer than its lease without a brain";
        }
        return std::nullopt;
    }

private:
    std::array<Since, 2> awake_;
    std::array<Since, 2> asleep_;
};

/// The epoch of a node never goes back behind what its disk had, and every reign has one that the node never
/// saw before in this life. (What a crash took before the disk had it is learned again from the peer.)
class EpochsGrow final : public Checker {
public:
    std::string_view name() const override { return "epochs_grow"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            const ha::Node* brain = host.brain();
            if (brain == nullptr) {
                reigning_[i] = false;
                continue;
            }
            if (life_[i] != host.life()) {
                life_[i] = host.life();
                seen_[i] = host.disk_epoch();
                reigning_[i] = false;
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
    std::array<std::uint32_t, 2> life_{};
    std::array<bool, 2> reigning_{};
};

/// Nobody takes the group unasked from an active that serves and that it could see serving on the LAN.
class NoFalseTakeover final : public Checker {
public:
    std::string_view name() const override { return "no_false_takeover"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        const Instant now = world.now();
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            serving_[i].update(host.running() && host.granted() && host.holds_vip() && host.server_well() &&
                                   world.lan_between_hosts() && world.lan().loss == 0 &&
                                   world.lan().leads_to(i, now),
                               now);
        }
        for (const Report& report : world.reports) {
            const Since& other = serving_[1U - report.host];
            if (!is_unasked_takeover(report.event) || !other.holds())
                continue;
            // Whoever was suspended takes old news for new: nothing tells it that time has passed.
            const Host& host = world.hosts()[report.host];
            if (host.clock_stood() && now - host.resumed_at() < seconds{1})
                continue;
            if (now - other.instant() > bounds::drifted(world.setting().policy().detection() + seconds{2}))
                return "node " + std::to_string(report.host + 1) +
                       " took the group although the other one served it in plain sight";
        }
        return std::nullopt;
    }

private:
    std::array<Since, 2> serving_;
};

/// A node that knows that it has lost its outside network does not take the group.
class IsolatedStaysOut final : public Checker {
public:
    std::string_view name() const override { return "isolated_stays_out"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        std::optional<std::string> sentence;
        for (const Report& report : world.reports) {
            const Host& host = world.hosts()[report.host];
            const bool still = !host.port_usable() || !host.witness_told();
            if (is_takeover(report.event) && still && isolated_[report.host].instant() < world.now())
                sentence = "a node without an outside network took the group, host " +
                           std::to_string(report.host) +
                           (host.port_usable() ? " (no witness)" : " (no carrier)");
        }
        for (std::size_t i = 0; i < 2; ++i) {
            const Host& host = world.hosts()[i];
            isolated_[i].update(host.running() && host.resumed_at() < world.now() &&
                                    (!host.port_usable() || !host.witness_told()),
                                world.now());
        }
        return sentence;
    }

private:
    std::array<Since, 2> isolated_;
};

/// Hand-overs for want of health or service obey the damper, and without a disturbance no role changes. A
/// node whom no client reaches has no service to lose: its hand-over is not held back (it counts, though),
/// and only the disturbances that cost it the network limit how often that happens.
class NoFlapping final : public Checker {
public:
    std::string_view name() const override { return "no_flapping"; }
    Promise promise() const override { return Promise::safety; }
    std::optional<std::string> look(const World& world) override {
        for (const Report& report : world.reports)
            if (auto sentence = judge(world, report))
                return sentence;
        return std::nullopt;
    }

private:
    struct Swing {
        std::uint32_t life{0};
        unsigned given_away{0}; ///< since service was proven or an operator decided
        Instant last{};
        Instant decided{}; ///< by an operator
        ha::Event why{ha::Event::started};
        bool isolated{false}; ///< when it asked
        Instant rose{};
    };

    std::optional<std::string> judge(const World& world, const Report& report) {
        const Setting& setting = world.setting();
        const Instant now = world.now();
        Swing& swing = swings_[report.host];
        if (swing.life != world.hosts()[report.host].life())
            swing = Swing{.life = world.hosts()[report.host].life()};
        if (world.hosts()[report.host].decided_at() > swing.decided) {
            swing.decided = world.hosts()[report.host].decided_at();
            swing.given_away = 0;
        }
        const Duration calm = bounds::calm(setting.policy(), setting.patience);
        if (is_takeover(report.event)) {
            swing.rose = now;
            ++rises_;
            if (world.faults_open() == 0 && now - world.disturbed_at() > calm)
                return "a role changed " + ms(now - world.disturbed_at()) + " after the last disturbance";
            if (rises_ > 8 + 3 * world.disturbances() + alternations_)
                return std::to_string(rises_) + " takeovers after " + std::to_string(world.disturbances()) +
                       " disturbances";
        }
        switch (report.event) {
        case ha::Event::proven:
        case ha::Event::took_over_operator:
            swing.given_away = 0;
            return std::nullopt;
        case ha::Event::resigning:
            swing.given_away = 0;
            swing.why = ha::Event::started;
            return std::nullopt;
        case ha::Event::resigning_unserved:
        case ha::Event::resigning_health:
            swing.why = report.event;
            swing.isolated = report.isolated;
            return judge_asking(setting, swing, now);
        case ha::Event::yielded:
            if (swing.why != ha::Event::started) {
                ++swing.given_away;
                alternations_ += swing.isolated ? 0U : 1U;
                swing.last = now;
            }
            swing.why = ha::Event::started;
            return std::nullopt;
        case ha::Event::failing_back:
        case ha::Event::resign_failed:
        case ha::Event::lost_conflict: // the group went some other way
        case ha::Event::raise_failed:
        case ha::Event::paused:
        case ha::Event::unfit:
        case ha::Event::disabled:
            swing.why = ha::Event::started;
            return std::nullopt;
        default:
            return std::nullopt;
        }
    }

    static std::optional<std::string> judge_asking(const Setting& setting, const Swing& swing, Instant now) {
        const unsigned factor = swing.given_away == 0 ? 1 : swing.given_away == 1 ? 2 : 4;
        const bool health = swing.why == ha::Event::resigning_health;
        if (health && swing.isolated)
            return std::nullopt;
        const Instant from = health ? swing.last : swing.rose;
        const Duration least = (health ? setting.policy().damper_base : setting.patience) * factor;
        if ((health && swing.given_away == 0) || now - from >= least - least / 64)
            return std::nullopt;
        return "handed over for want of " + std::string{health ? "health" : "service"} + " after " +
               ms(now - from) + ", the damper asks for " + ms(least);
    }

    std::array<Swing, 2> swings_;
    std::uint64_t rises_{0};
    std::uint64_t alternations_{0};
};

} // namespace

void add_role_checkers(Checkers& all) {
    all.push_back(std::make_unique<GrantFollowsRole>());
    all.push_back(std::make_unique<LeaseLapses>());
    all.push_back(std::make_unique<SilentAfterPause>());
    all.push_back(std::make_unique<NoFalseTakeover>());
    all.push_back(std::make_unique<OneGranted>());
    all.push_back(std::make_unique<LoserReleases>());
    all.push_back(std::make_unique<EpochsGrow>());
    all.push_back(std::make_unique<IsolatedStaysOut>());
    all.push_back(std::make_unique<NoFlapping>());
}

} // namespace tandem::sim
