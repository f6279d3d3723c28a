// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/operator_desk.hh"

#include "control/app/clock.hh"

#include <boost/test/unit_test.hpp>

#include <memory>

using namespace tandem;
namespace json = boost::json;
using app::OperatorDesk;
using app::Outcome;

namespace {

/// A desk without a peer, before a pulse that answers when the test says so.
struct Desk {
    Desk() {
        config.groups.resize(2);
        config.groups[0].name = "voice";
        config.groups[1].name = "trunk";
    }
    void ask(const char* method, const json::object& params) {
        desk.ask(
            method, params, OperatorDesk::Origin::here, [this](std::size_t) { return &view; },
            [this](Outcome outcome) { answers.push_back(std::move(outcome)); });
    }
    std::optional<ha::Operator> heard() {
        app::PulseCommand command;
        if (!mailbox->receive(command))
            return std::nullopt;
        return std::get<ha::Operator>(std::get<app::Fact>(command).input);
    }

    config::Config config;
    boost::asio::io_context io;
    std::string key;
    std::unique_ptr<contract::Page> page = std::make_unique<contract::Page>();
    std::unique_ptr<app::ToPulse> mailbox = std::make_unique<app::ToPulse>();
    app::PulseDoor door{*mailbox};
    app::PeerLine peer{io, config, key, *page, door, {}};
    OperatorDesk desk{config, door, peer};
    ha::View view;
    std::vector<Outcome> answers;
};

} // namespace

BOOST_AUTO_TEST_SUITE(operator_desk)

BOOST_AUTO_TEST_CASE(a_command_is_answered_by_the_role_engine) {
    Desk d;
    d.ask("disable", {{"group", "trunk"}, {"force", true}});
    const auto command = d.heard();
    BOOST_REQUIRE(command);
    BOOST_CHECK(command->verb == ha::Verb::disable);
    BOOST_CHECK(command->force == ha::Force::yes);
    BOOST_CHECK(d.answers.empty());
    d.desk.on_answer(1, {.effect = ha::Effect::answer, .ticket = command->ticket, .epoch = 7});
    BOOST_REQUIRE_EQUAL(d.answers.size(), 1U);
    BOOST_CHECK_EQUAL(d.answers[0].code, 0);
    BOOST_CHECK_EQUAL(d.answers[0].result.at("group").as_string(), "trunk");
}

BOOST_AUTO_TEST_CASE(a_refusal_comes_back_with_its_reason) {
    Desk d;
    d.ask("enable", {{"group", "voice"}});
    d.desk.on_answer(0, {.effect = ha::Effect::answer,
                         .refusal = ha::Refusal::not_disabled,
                         .ticket = d.heard().value().ticket});
    BOOST_REQUIRE_EQUAL(d.answers.size(), 1U);
    BOOST_CHECK_NE(d.answers[0].code, 0);
    BOOST_CHECK_EQUAL(d.answers[0].message, ha::to_string(ha::Refusal::not_disabled));
}

BOOST_AUTO_TEST_CASE(what_nobody_can_mean_is_refused_at_the_desk) {
    Desk d;
    d.ask("explode", {{"group", "voice"}});
    d.ask("enable", {}); // which of the two?
    d.ask("enable", {{"group", "absent"}});
    d.ask("enable", {{"group", 7}});
    BOOST_CHECK_EQUAL(d.answers.size(), 4U);
    for (const Outcome& answer : d.answers)
        BOOST_CHECK(answer.code != 0 && answer.message.size() > 10);
    BOOST_CHECK(!d.heard());
}

BOOST_AUTO_TEST_CASE(what_concerns_the_active_peer_is_refused_when_it_cannot_be_asked) {
    Desk d;
    d.view.role = ha::Role::standby;
    d.view.peer = ha::PeerState::up;
    d.view.peer_said = ha::PeerBeat{};
    d.view.peer_said->role = ha::Role::active;
    d.ask("failover", {{"group", "voice"}});
    BOOST_REQUIRE_EQUAL(d.answers.size(), 1U);
    BOOST_CHECK_NE(d.answers[0].code, 0);
    BOOST_CHECK(!d.heard());
}

BOOST_AUTO_TEST_CASE(a_pulse_that_does_not_read_is_no_reason_to_wait) {
    Desk d;
    std::size_t taken = 0;
    while (d.answers.empty() && taken < 100'000) {
        d.ask("enable", {{"group", "voice"}});
        ++taken;
    }
    BOOST_REQUIRE_EQUAL(d.answers.size(), 1U);
    BOOST_CHECK_NE(d.answers[0].code, 0);
}

BOOST_AUTO_TEST_CASE(an_answer_that_never_comes_is_given_up) {
    Desk d;
    d.ask("enable", {{"group", "voice"}});
    const std::uint32_t ticket = d.heard().value().ticket;
    d.desk.expire(app::now() + std::chrono::seconds{10});
    BOOST_CHECK(d.answers.empty());
    d.desk.expire(app::now() + std::chrono::seconds{31});
    BOOST_REQUIRE_EQUAL(d.answers.size(), 1U);
    BOOST_CHECK_NE(d.answers[0].code, 0);
    // What comes after all is nobody's.
    d.desk.on_answer(0, {.effect = ha::Effect::answer, .ticket = ticket});
    BOOST_CHECK_EQUAL(d.answers.size(), 1U);
}

BOOST_AUTO_TEST_CASE(leaving_ends_when_every_group_has_answered) {
    Desk d;
    bool done = false;
    d.desk.leave([&] { done = true; });
    for (std::size_t group = 0; group < 2; ++group) {
        BOOST_CHECK(!done);
        const auto command = d.heard();
        BOOST_REQUIRE(command);
        BOOST_CHECK(command->verb == ha::Verb::leave);
        d.desk.on_answer(group, {.effect = ha::Effect::answer, .ticket = command->ticket});
    }
    BOOST_CHECK(done);
}

BOOST_AUTO_TEST_SUITE_END()
