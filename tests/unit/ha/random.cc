// SPDX-License-Identifier: GPL-3.0-or-later
// A million random inputs from fixed seeds: the engine never aborts, its outputs never overflow, and what it
// says of itself always agrees with what it asked for.
#include "control/ha/node.hh"

#include <boost/test/unit_test.hpp>

#include <random>

namespace tandem::ha {
namespace {

class Chaos {
public:
    explicit Chaos(unsigned seed)
        : random_(seed) {}

    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
    bool chance(unsigned percent) { return below(100) < percent; }

    Input input(const Node& node) {
        switch (below(14)) {
        case 0:
            return Port{chance(80)};
        case 1:
            return Readiness{static_cast<std::uint8_t>(chance(80) ? 0 : lack_mirror)};
        case 2:
            return Claim{below(3)};
        case 3:
            return Raised{chance(70), node.view().epoch - below(2)};
        case 4:
            return PeerGone{below(static_cast<unsigned>(node.policy().paths))};
        case 5:
            if (chance(20))
                return Operator{static_cast<Verb>(below(chance(2) ? 6 : 4)),
                                chance(50) ? Force::yes : Force::no, below(1000)};
            return Straggler{};
        case 6:
        case 7:
            return Tick{std::chrono::milliseconds{chance(80) ? 0 : below(100)}};
        case 8:
            return Witness{chance(80)};
        case 9:
            return Health{static_cast<std::uint16_t>(below(12) * 100)};
        case 10:
            return chance(70) ? Service{}
                              : Service{false, node.view().since, std::chrono::milliseconds{1 + below(50)}};
        case 11:
            return chance(30)   ? Input{Proof{}}
                   : chance(50) ? Input{FailbackWindow{chance(50)}}
                                : Input{Looked{chance(50)}};
        default:
            return beat(node);
        }
    }

private:
    PeerBeat beat(const Node& node) {
        PeerBeat beat;
        beat.path = below(static_cast<unsigned>(node.policy().paths));
        beat.node_id = static_cast<std::uint8_t>(3 - node.policy().node_id);
        beat.incarnation = chance(95) ? 1 : below(3);
        beat.role = static_cast<Role>(below(5));
        beat.epoch = node.view().epoch + below(5) - std::min<std::uint64_t>(2, node.view().epoch);
        beat.configured = chance(50) ? ConfiguredRole::primary : ConfiguredRole::secondary;
        beat.priority = static_cast<std::uint8_t>(99 + below(3));
        beat.ready = chance(50);
        beat.score = static_cast<std::uint16_t>(below(11) * 100);
        beat.lacks = static_cast<std::uint8_t>(chance(70) ? 0 : below(128));
        beat.role_serial = static_cast<std::uint8_t>(chance(95) ? 0 : below(256));
        beat.resigning = chance(10);
        beat.holds = chance(50);
        beat.leaving = chance(3);
        return beat;
    }

    std::mt19937_64 random_;
};

/// What the packet path and the kernel would have been told, followed from the outputs alone.
struct Hand {
    bool outside{false};
    bool active{false};
    std::uint64_t kept{0};

    void take(const Output& output) {
        switch (output.effect) {
        case Effect::keep_epoch:
            BOOST_REQUIRE(output.epoch >= kept);
            kept = output.epoch;
            break;
        case Effect::raise:
            BOOST_REQUIRE(!outside);
            BOOST_REQUIRE(kept == output.epoch); // the epoch is kept before anything is done under it
            outside = true;
            break;
        case Effect::grant_active:
            BOOST_REQUIRE(outside);
            active = true;
            break;
        case Effect::revoke:
            active = false;
            break;
        case Effect::lower:
        case Effect::vacate:
            BOOST_REQUIRE(!active);
            outside = false;
            break;
        case Effect::announce:
            BOOST_REQUIRE(outside);
            break;
        default:
            break;
        }
    }
};

void one_life(unsigned seed, unsigned steps) {
    Chaos chaos{seed};
    Policy policy;
    policy.paths = 1 + chaos.below(paths_max);
    policy.configured = chaos.chance(50) ? ConfiguredRole::primary : ConfiguredRole::secondary;
    policy.multiplier = 2 + chaos.below(4);
    policy.known_epoch = chaos.below(3);
    policy.failback = static_cast<Failback>(chaos.below(3));
    policy.failback_hold = std::chrono::milliseconds{1 + chaos.below(100)};
    policy.damper_base = std::chrono::milliseconds{1 + chaos.below(100)};
    policy.node_id = static_cast<std::uint8_t>(1 + chaos.below(2));
    Instant now = Instant{} + std::chrono::seconds{1};
    Node node{policy, now};
    Hand hand;
    hand.kept = policy.known_epoch;
    std::size_t most = 0;
    for (unsigned step = 0; step < steps; ++step) {
        now += std::chrono::microseconds{chaos.below(chaos.chance(1) ? 2'000'000 : 4'000)};
        node.on(now, chaos.input(node));
        std::size_t count = 0;
        while (const auto output = node.next()) {
            hand.take(*output);
            ++count;
        }
        most = std::max(most, count);
        const bool active = node.view().role == Role::active;
        BOOST_REQUIRE(hand.outside == active);
        BOOST_REQUIRE(hand.active == active);
        BOOST_REQUIRE(!node.may_renew(now) || active || node.view().yielding);
        BOOST_REQUIRE(!node.view().ready || node.view().role == Role::standby);
        BOOST_REQUIRE(hand.kept == node.view().epoch);
    }
    BOOST_REQUIRE(most < 32); // half of the room
}

BOOST_AUTO_TEST_SUITE(random_inputs)

BOOST_AUTO_TEST_CASE(a_million_steps) {
    for (unsigned seed = 1; seed <= 200; ++seed)
        one_life(seed, 5'000);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
