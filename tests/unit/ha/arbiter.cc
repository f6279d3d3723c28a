// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/arbiter.hh"

#include <boost/test/unit_test.hpp>

#include <array>
#include <utility>
#include <vector>

namespace tandem::ha {
namespace {

std::vector<Claimant> claimants(std::uint8_t node_id) {
    std::vector<Claimant> all;
    for (const std::uint64_t epoch : {0UL, 1UL, 2UL, ~0UL})
        for (const auto configured : {ConfiguredRole::secondary, ConfiguredRole::primary})
            for (const std::uint8_t priority : std::array<std::uint8_t, 4>{0, 1, 100, 255})
                all.push_back({epoch, configured, priority, node_id});
    return all;
}

BOOST_AUTO_TEST_SUITE(arbiter)

BOOST_AUTO_TEST_CASE(the_two_nodes_always_come_to_opposite_answers) {
    for (const auto& [low, high] :
         std::vector<std::pair<std::uint8_t, std::uint8_t>>{{1, 2}, {0, 255}, {7, 9}})
        for (const Claimant& a : claimants(low))
            for (const Claimant& b : claimants(high)) {
                BOOST_REQUIRE(arbitrate_actives(a, b) != arbitrate_actives(b, a));
                BOOST_REQUIRE(arbitrate_vacancy(a, b) != arbitrate_vacancy(b, a));
            }
}

BOOST_AUTO_TEST_CASE(between_two_actives_epoch_goes_before_priority_before_node_id) {
    for (const Claimant& a : claimants(1))
        for (const Claimant& b : claimants(2)) {
            bool self = true; // the lower id
            if (a.priority != b.priority)
                self = a.priority > b.priority;
            if (a.epoch != b.epoch)
                self = a.epoch > b.epoch;
            BOOST_REQUIRE((arbitrate_actives(a, b) == Winner::self) == self);
        }
}

BOOST_AUTO_TEST_CASE(for_a_vacancy_the_primary_goes_before_priority_before_node_id_and_epochs_say_nothing) {
    for (const Claimant& a : claimants(1))
        for (const Claimant& b : claimants(2)) {
            bool self = true;
            if (a.priority != b.priority)
                self = a.priority > b.priority;
            if (a.configured != b.configured)
                self = a.configured == ConfiguredRole::primary;
            BOOST_REQUIRE((arbitrate_vacancy(a, b) == Winner::self) == self);
        }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
