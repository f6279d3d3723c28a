// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/pulse_door.hh"

#include <boost/test/unit_test.hpp>

#include <memory>

using namespace tandem;
using app::Fact;
using app::PulseCommand;

namespace {

/// A pulse that does not read.
struct Door {
    std::unique_ptr<app::ToPulse> mailbox = std::make_unique<app::ToPulse>();
    app::PulseDoor door{*mailbox};

    void fill() {
        while (door.ask(app::Stop{})) {
        }
    }
    std::vector<PulseCommand> read() {
        std::vector<PulseCommand> commands;
        for (PulseCommand command; mailbox->receive(command);)
            if (!std::holds_alternative<app::Stop>(command))
                commands.push_back(command);
        return commands;
    }
};

const ha::Input& input_of(const PulseCommand& command) {
    return std::get<Fact>(command).input;
}

} // namespace

BOOST_AUTO_TEST_SUITE(pulse_door)

BOOST_AUTO_TEST_CASE(what_the_mailbox_takes_does_not_wait) {
    Door d;
    d.door.tell(Fact{0, ha::Port{false}});
    BOOST_CHECK_EQUAL(d.door.waiting(), 0U);
    BOOST_CHECK_EQUAL(d.read().size(), 1U);
}

BOOST_AUTO_TEST_CASE(what_is_refused_arrives_later_and_in_order) {
    Door d;
    d.fill();
    d.door.tell(Fact{0, ha::Port{false}});
    d.door.tell(Fact{0, ha::Health{700}});
    d.door.tell(app::PathGone{1});
    d.door.flush();
    BOOST_CHECK_EQUAL(d.door.waiting(), 3U);
    BOOST_CHECK(d.read().empty());
    // Nobody overtakes what waits, an operator neither.
    BOOST_CHECK(!d.door.ask(Fact{0, ha::Operator{}}));
    d.door.tell(app::Repair{0});
    BOOST_CHECK_EQUAL(d.door.waiting(), 4U);
    d.door.flush();
    BOOST_CHECK_EQUAL(d.door.waiting(), 0U);
    const auto commands = d.read();
    BOOST_REQUIRE_EQUAL(commands.size(), 4U);
    BOOST_CHECK(!std::get<ha::Port>(input_of(commands[0])).usable);
    BOOST_CHECK_EQUAL(std::get<ha::Health>(input_of(commands[1])).score, 700);
    BOOST_CHECK_EQUAL(std::get<app::PathGone>(commands[2]).path, 1U);
    BOOST_CHECK(std::holds_alternative<app::Repair>(commands[3]));
    BOOST_CHECK(d.door.ask(Fact{0, ha::Operator{}}));
}

BOOST_AUTO_TEST_CASE(the_latest_word_counts_and_the_row_stays_short) {
    Door d;
    d.fill();
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        d.door.tell(Fact{0, ha::Port{i % 2 == 0}});
        d.door.tell(Fact{1, ha::Health{static_cast<std::uint16_t>(i % 1000)}});
        d.door.tell(app::Rekey{.path = i % 2, .association = i, .transmit = {}, .receive = {}});
    }
    BOOST_CHECK_EQUAL(d.door.waiting(), 4U);
    d.door.tell(Fact{1, ha::Port{true}}); // another group's is another fact
    BOOST_CHECK_EQUAL(d.door.waiting(), 5U);
    d.read();
    d.door.flush();
    const auto commands = d.read();
    BOOST_REQUIRE_EQUAL(commands.size(), 5U);
    BOOST_CHECK_EQUAL(std::get<app::Rekey>(commands[0]).association, 99'998U);
    BOOST_CHECK(!std::get<ha::Port>(input_of(commands[1])).usable);
    BOOST_CHECK_EQUAL(std::get<ha::Health>(input_of(commands[2])).score, 999);
    BOOST_CHECK_EQUAL(std::get<app::Rekey>(commands[3]).association, 99'999U);
    BOOST_CHECK(std::get<ha::Port>(input_of(commands[4])).usable);
}

BOOST_AUTO_TEST_SUITE_END()
