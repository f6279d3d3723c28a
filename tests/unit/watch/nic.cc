// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/nic.hh"

#include "tests/unit/watch/time_line.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::testing;
using watch::NicJudge;
using watch::PortFacts;
using watch::PortUse;
using watch::State;

namespace {

NicJudge three_ports(ha::Duration rx_silence = {}) {
    return {at(0),
            {{"eth0", PortUse::outside}, {"eth1", PortUse::path}, {"eth2", PortUse::management}},
            rx_silence};
}

PortFacts works(std::uint64_t received = 7) {
    return {.present = true, .carrier = true, .received = received};
}
constexpr PortFacts dark{.present = true, .carrier = false, .received = 7};
constexpr PortFacts absent{};

NicJudge::Verdict look(NicJudge& judge, std::int64_t when, const std::vector<PortFacts>& facts) {
    return judge.look(at(when), facts);
}

} // namespace

BOOST_AUTO_TEST_SUITE(nic)

BOOST_AUTO_TEST_CASE(all_well_says_nothing) {
    auto judge = three_ports();
    const auto verdict = look(judge, 0, {works(), works(), works()});
    BOOST_CHECK(verdict.state == State::ok);
    BOOST_CHECK(verdict.events.empty());
}

BOOST_AUTO_TEST_CASE(each_port_has_its_own_pair_of_events) {
    auto judge = three_ports();
    auto verdict = look(judge, 0, {dark, works(), works()});
    BOOST_CHECK(verdict.state == State::failed);
    BOOST_CHECK_EQUAL(verdict.detail, "outside interface eth0 has no carrier");
    BOOST_REQUIRE_EQUAL(verdict.events.size(), 1U);
    BOOST_CHECK(!verdict.events[0].restored);

    verdict = look(judge, 100, {dark, absent, works()});
    BOOST_REQUIRE_EQUAL(verdict.events.size(), 1U); // the first has been told
    BOOST_CHECK_EQUAL(verdict.events[0].detail, "interface of an HA path, eth1 does not exist");

    verdict = look(judge, 200, {works(), absent, works()});
    BOOST_CHECK(verdict.state == State::degraded);
    BOOST_REQUIRE_EQUAL(verdict.events.size(), 1U);
    BOOST_CHECK(verdict.events[0].restored);
    BOOST_CHECK_EQUAL(verdict.events[0].detail, "outside interface eth0 works again");

    verdict = look(judge, 300, {works(), works(), works()});
    BOOST_CHECK(verdict.state == State::ok);
    BOOST_CHECK_EQUAL(verdict.events.size(), 1U);
}

BOOST_AUTO_TEST_CASE(another_fault_of_the_same_port_is_no_new_event) {
    auto judge = three_ports();
    look(judge, 0, {dark, works(), works()});
    const auto verdict = look(judge, 100, {absent, works(), works()});
    BOOST_CHECK(verdict.events.empty());
    BOOST_CHECK_EQUAL(verdict.detail, "outside interface eth0 does not exist");
}

BOOST_AUTO_TEST_CASE(what_no_call_depends_on_alarms_and_never_fails) {
    auto judge = three_ports();
    auto verdict = look(judge, 0, {works(), works(), dark});
    BOOST_CHECK(verdict.state == State::degraded);
    BOOST_CHECK_EQUAL(verdict.events.size(), 1U);
    BOOST_CHECK_EQUAL(verdict.detail, "management interface eth2 has no carrier");
    verdict = look(judge, 100, {works(), dark, works()});
    BOOST_CHECK(verdict.state == State::degraded);
    BOOST_CHECK_EQUAL(verdict.detail, "interface of an HA path, eth1 has no carrier");
    // A worse fault gives the words.
    verdict = look(judge, 200, {dark, dark, dark});
    BOOST_CHECK(verdict.state == State::failed);
    BOOST_CHECK_EQUAL(verdict.detail, "outside interface eth0 has no carrier");
}

BOOST_AUTO_TEST_CASE(silence_of_the_outside_interface) {
    auto judge = three_ports(ms(10000));
    const auto state_at = [&](std::int64_t when, std::uint64_t received) {
        return look(judge, when, {works(received), works(1), works(1)}).state;
    };
    BOOST_CHECK(state_at(0, 5) == State::ok);
    BOOST_CHECK(state_at(9999, 5) == State::ok); // the silence of the other ports is nothing
    BOOST_CHECK(state_at(10000, 5) == State::failed);
    BOOST_CHECK(state_at(11000, 6) == State::ok);
    BOOST_CHECK(state_at(20999, 6) == State::ok);
    BOOST_CHECK(state_at(21000, 6) == State::failed);
    BOOST_CHECK(state_at(21100, 0) == State::ok); // the driver was loaded again
}

BOOST_AUTO_TEST_CASE(a_port_that_returns_has_all_its_time_to_receive) {
    auto judge = three_ports(ms(10000));
    look(judge, 0, {works(5), works(), works()});
    BOOST_CHECK(look(judge, 30000, {dark, works(), works()}).detail ==
                "outside interface eth0 has no carrier");
    BOOST_CHECK(look(judge, 30100, {works(7), works(), works()}).state == State::ok);
    BOOST_CHECK(look(judge, 39999, {works(7), works(), works()}).state == State::ok);
    BOOST_CHECK(look(judge, 40000, {works(7), works(), works()}).state == State::failed);
}

BOOST_AUTO_TEST_CASE(no_silence_asked_for_none_found) {
    auto judge = three_ports();
    look(judge, 0, {works(5), works(), works()});
    BOOST_CHECK(look(judge, 86'400'000, {works(5), works(), works()}).state == State::ok);
}

BOOST_AUTO_TEST_CASE(fewer_facts_than_ports_are_no_fault) {
    auto judge = three_ports();
    BOOST_CHECK(look(judge, 0, {}).state == State::ok);
}

BOOST_AUTO_TEST_SUITE_END()
