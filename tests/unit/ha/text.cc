// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ha/node.hh"
#include "tests/scenario/words.hh"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

namespace tandem::ha {
namespace {

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(every_event_has_a_name_and_a_sentence_of_its_own) {
    std::set<std::string_view> sentences;
    unsigned count = 0;
    for (unsigned value = 0; word(static_cast<Event>(value)) != "unknown"; ++value, ++count) {
        const auto event = static_cast<Event>(value);
        BOOST_TEST(to_string(event) != "unknown");
        BOOST_TEST(!to_sentence(event).empty());
        BOOST_TEST(sentences.insert(to_sentence(event)).second);
    }
    BOOST_TEST(count == static_cast<unsigned>(Event::dual_active) + 1);
}

BOOST_AUTO_TEST_CASE(every_refusal_has_a_sentence_of_its_own) {
    std::set<std::string_view> sentences;
    for (unsigned value = 0; word(static_cast<Refusal>(value)) != "unknown"; ++value)
        BOOST_TEST(sentences.insert(to_string(static_cast<Refusal>(value))).second);
    BOOST_TEST(sentences.size() == static_cast<unsigned>(Refusal::busy) + 1);
}

BOOST_AUTO_TEST_CASE(what_is_no_value_of_the_enum_does_not_crash) {
    BOOST_TEST(to_string(static_cast<Event>(200)) == "unknown");
    BOOST_TEST(to_string(static_cast<Refusal>(200)) == "unknown");
    BOOST_TEST(to_string(static_cast<PeerState>(200)) == "unknown");
    BOOST_TEST(to_string(static_cast<Role>(200)) == "unknown");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace tandem::ha
