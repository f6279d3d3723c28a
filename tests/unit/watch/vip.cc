// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/vip.hh"

#include "tests/unit/watch/time_line.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::testing;
using watch::State;
using watch::VipJudge;
using Event = VipJudge::Event;
using Repair = VipJudge::Repair;

namespace {

const watch::VipFacts served{.active = true, .outside = {true, true}, .claimed = false, .peer_heard = true};
const watch::VipFacts one_missing{
    .active = true, .outside = {true, false}, .claimed = false, .peer_heard = true};
const watch::VipFacts claimed{.active = true, .outside = {true, true}, .claimed = true, .peer_heard = true};
const watch::VipFacts quiet{.active = false, .outside = {false, false}, .claimed = false, .peer_heard = true};
const watch::VipFacts left_behind{
    .active = false, .outside = {false, true}, .claimed = false, .peer_heard = true};

/// A look and what is expected of it.
struct Look {
    std::int64_t when;
    watch::VipFacts facts;
    State state;
    Repair repair{Repair::no};
    Event event{Event::none};
};

void play(VipJudge& judge, const std::vector<Look>& looks) {
    for (const auto& look : looks) {
        const auto verdict = judge.look(at(look.when), look.facts);
        BOOST_CHECK_MESSAGE(verdict.state == look.state,
                            "at " << look.when << ": " << watch::to_string(verdict.state));
        BOOST_CHECK_MESSAGE(verdict.repair == look.repair, "repair at " << look.when);
        BOOST_CHECK_MESSAGE(verdict.event == look.event, "event at " << look.when);
        BOOST_CHECK(!verdict.detail.empty());
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(vip)

BOOST_AUTO_TEST_CASE(missing_on_the_active_is_repaired_then_an_alarm_then_a_failure) {
    VipJudge judge(at(0));
    play(judge, {
                    {1000, served, State::ok},
                    {2000, one_missing, State::repairing, Repair::now, Event::lost},
                    {2100, one_missing, State::repairing},
                    {2999, one_missing, State::repairing},
                    {3000, one_missing, State::degraded, Repair::now},
                    {3100, one_missing, State::degraded},
                    {4000, one_missing, State::degraded, Repair::now},
                    {6999, one_missing, State::degraded, Repair::now},
                    {7000, one_missing, State::failed},
                    {7100, served, State::failed},
                    {7999, served, State::failed},
                    {8000, served, State::ok, Repair::no, Event::restored},
                    {8100, served, State::ok},
                });
}

BOOST_AUTO_TEST_CASE(left_behind_on_the_standby_is_the_same) {
    VipJudge judge(at(0));
    play(judge, {
                    {500, quiet, State::ok},
                    {600, left_behind, State::repairing, Repair::now, Event::lost},
                    {1600, left_behind, State::degraded, Repair::now},
                    {5600, left_behind, State::failed, Repair::now},
                    {5700, quiet, State::failed},
                    {6600, quiet, State::ok, Repair::no, Event::restored},
                });
}

BOOST_AUTO_TEST_CASE(what_the_repair_mends_is_told_and_over_soon) {
    VipJudge judge(at(0));
    play(judge, {
                    {1000, one_missing, State::repairing, Repair::now, Event::lost},
                    {1020, served, State::repairing},
                    {1999, served, State::repairing},
                    {2000, served, State::ok, Repair::no, Event::restored},
                    // and the time begins anew
                    {2900, one_missing, State::repairing, Repair::now, Event::lost},
                    {3800, one_missing, State::repairing},
                    {3900, one_missing, State::degraded, Repair::now},
                });
}

BOOST_AUTO_TEST_CASE(who_takes_it_away_after_each_repair_makes_an_alarm_and_a_failure) {
    VipJudge judge(at(0));
    std::vector<Look> looks{{1000, one_missing, State::repairing, Repair::now, Event::lost}};
    for (std::int64_t when = 1500; when <= 6500; when += 500) {
        const State state = when < 2000 ? State::repairing : when < 6000 ? State::degraded : State::failed;
        looks.push_back({when - 480, served, looks.back().state});
        looks.push_back({when, one_missing, state, when % 1000 == 0 ? Repair::now : Repair::no});
    }
    looks.push_back({6520, served, State::failed});
    looks.push_back({7500, served, State::ok, Repair::no, Event::restored});
    play(judge, looks);
}

BOOST_AUTO_TEST_CASE(nothing_is_wrong_while_the_roles_change) {
    VipJudge judge(at(0));
    play(judge, {{1000, quiet, State::ok}});
    judge.on_role(at(1010));
    play(judge, {
                    {1100, one_missing, State::ok},
                    {1509, one_missing, State::ok},
                    {1510, one_missing, State::repairing, Repair::now, Event::lost},
                    {2509, one_missing, State::repairing},
                    {2510, one_missing, State::degraded, Repair::now},
                });
    // A change of role ends what was told only when the new state of things has been seen.
    judge.on_role(at(2600));
    play(judge, {
                    {2700, left_behind, State::ok},
                    {3100, quiet, State::ok, Repair::no, Event::restored},
                });
}

BOOST_AUTO_TEST_CASE(the_first_moments_of_the_monitor_count_as_a_change) {
    VipJudge judge(at(0));
    play(judge, {{0, one_missing, State::ok},
                 {499, one_missing, State::ok},
                 {500, one_missing, State::repairing, Repair::now, Event::lost}});
}

BOOST_AUTO_TEST_CASE(one_claim_is_over_after_ten_quiet_seconds_and_nothing_is_told) {
    VipJudge judge(at(0));
    play(judge, {
                    {1000, claimed, State::repairing}, // the engine announces; there is nothing to repair
                    {1100, served, State::repairing},
                    {10999, served, State::repairing},
                    {11000, served, State::ok},
                });
}

BOOST_AUTO_TEST_CASE(a_station_that_goes_on_claiming_is_an_alarm_and_a_failure) {
    VipJudge judge(at(0));
    play(judge, {
                    {1000, claimed, State::repairing},
                    {1900, claimed, State::repairing},
                    {2000, claimed, State::degraded, Repair::no, Event::lost},
                    {5000, served, State::degraded},
                    {6000, claimed, State::failed},
                    {15900, served, State::failed},
                    {16000, served, State::ok, Repair::no, Event::restored},
                });
}

BOOST_AUTO_TEST_CASE(a_contest_with_a_node_that_was_not_heard_is_over_when_it_is) {
    VipJudge judge(at(0));
    auto alone = served;
    alone.peer_heard = false;
    auto rival = claimed;
    rival.peer_heard = false;
    play(judge, {
                    {1000, alone, State::ok},
                    {1500, rival, State::repairing},
                    {2500, rival, State::degraded, Repair::no, Event::lost},
                    {2600, alone, State::degraded},
                    {2700, served, State::ok, Repair::no, Event::restored},
                    // The next one has nothing to do with it.
                    {7000, claimed, State::repairing},
                    {7900, claimed, State::repairing},
                    {8000, claimed, State::degraded, Repair::no, Event::lost},
                });
}

BOOST_AUTO_TEST_CASE(the_standby_hears_the_active_and_thinks_nothing_of_it) {
    VipJudge judge(at(0));
    auto hears = quiet;
    hears.claimed = true;
    play(judge, {{1000, hears, State::ok}, {3000, hears, State::ok}, {9000, hears, State::ok}});
    // nor the new active of the old one's last word
    judge.on_role(at(9000));
    play(judge, {{9100, claimed, State::ok}, {9600, served, State::ok}});
}

BOOST_AUTO_TEST_CASE(a_claim_while_an_address_is_missing_does_not_hide_it) {
    VipJudge judge(at(0));
    auto both = one_missing;
    both.claimed = true;
    play(judge, {
                    {1000, both, State::repairing, Repair::now, Event::lost},
                    {2000, both, State::degraded, Repair::now},
                    {2100, claimed, State::degraded}, // the address is back, the other station still there
                    {12099, served, State::degraded},
                    {12100, served, State::ok, Repair::no, Event::restored},
                });
}

BOOST_AUTO_TEST_SUITE_END()
