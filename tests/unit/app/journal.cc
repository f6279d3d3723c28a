// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/journal.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;

BOOST_AUTO_TEST_SUITE(journal)

BOOST_AUTO_TEST_CASE(entries_are_numbered_timed_and_told) {
    app::Journal journal{config::LogTarget::standard_error, "a"};
    std::vector<std::uint64_t> told;
    journal.on_entry([&](const app::JournalEntry& entry) { told.push_back(entry.sequence); });
    journal.add(app::Severity::info, "peer.up", "", "the peer is heard");
    journal.add(app::Severity::warning, "takeover", "sip", "took over", {{"epoch", 2}});
    BOOST_REQUIRE(journal.entries().size() == 2U);
    BOOST_TEST((told == std::vector<std::uint64_t>{1, 2}));
    const auto json = app::to_json(journal.entries().back());
    BOOST_TEST(json.at("name").get_string() == "takeover");
    BOOST_TEST(json.at("group").get_string() == "sip");
    BOOST_TEST(json.at("data").get_object().at("epoch").to_number<int>() == 2);
    const std::string time{json.at("time").get_string()};
    BOOST_TEST(time.size() == std::string_view{"2026-01-01T00:00:00.000000+00:00"}.size());
    BOOST_TEST(time[19] == '.');
}

BOOST_AUTO_TEST_CASE(the_oldest_entries_make_room) {
    app::Journal journal{config::LogTarget::standard_error, "a"};
    for (std::size_t i = 0; i < app::Journal::entries_max + 10; ++i)
        journal.add(app::Severity::info, "path.up", "", "x");
    BOOST_TEST(journal.entries().size() == app::Journal::entries_max);
    BOOST_TEST(journal.entries().front().sequence == 11U);
}

BOOST_AUTO_TEST_SUITE_END()
