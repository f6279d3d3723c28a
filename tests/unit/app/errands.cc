// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/errands.hh"

#include <boost/test/unit_test.hpp>

#include <memory>

using namespace tandem;
using app::Act;

namespace {

struct Hand {
    std::unique_ptr<app::ToHand> mailbox = std::make_unique<app::ToHand>();
    app::Errands errands{*mailbox};

    void ask(Act act, std::uint8_t group) {
        errands.send({.act = act, .group = group, .standing = {}, .epoch = 1});
    }
    void fill() {
        while (mailbox->send({.act = Act::announce})) {
        }
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(errands)

BOOST_AUTO_TEST_CASE(what_is_taken_leaves_no_debt) {
    Hand hand;
    hand.ask(Act::lower, 0);
    BOOST_CHECK(!hand.errands.take_debt(0));
    app::HandCommand command;
    BOOST_REQUIRE(hand.mailbox->receive(command));
    BOOST_CHECK(command.act == Act::lower);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_owed_to_its_group_once) {
    Hand hand;
    hand.fill();
    hand.ask(Act::lower, 3);
    hand.ask(Act::stand, 3);
    BOOST_CHECK(!hand.errands.take_debt(0));
    BOOST_CHECK(hand.errands.take_debt(3));
    BOOST_CHECK(!hand.errands.take_debt(3));
    hand.ask(Act::lower, 3); // no room yet
    BOOST_CHECK(hand.errands.take_debt(3));
    BOOST_CHECK_GE(hand.errands.refused(), 3U);
}

BOOST_AUTO_TEST_CASE(a_refused_renewal_is_nothing) {
    Hand hand;
    hand.fill();
    hand.ask(Act::renew, 0);
    BOOST_CHECK(!hand.errands.take_debt(0));
}

BOOST_AUTO_TEST_SUITE_END()
