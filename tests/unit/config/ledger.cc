// SPDX-License-Identifier: GPL-3.0-or-later
#include "example.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::config;
using namespace std::chrono_literals;

namespace {

Config read(std::string_view more) {
    auto config = parse(with_more(more), "test.toml");
    BOOST_REQUIRE(config.has_value());
    return *config;
}

} // namespace

BOOST_AUTO_TEST_SUITE(ledger)

BOOST_AUTO_TEST_CASE(defaults) {
    const Config config = read("");
    BOOST_TEST((config.ledger.journal == JournalSettings{16, 4096}));
    BOOST_TEST((config.ledger.alarm == AlarmSettings{AlarmClear::automatic, 3600s, {}}));
}

BOOST_AUTO_TEST_CASE(everything_said) {
    const Config config =
        read("[journal]\nsize_mb = 64\nkept_in_memory = 100\n"
             "[alarm]\nclear = \"after\"\nclear_after_s = 60\n"
             "[[alarm.rule]]\ncode = \"check.down\"\nclear = \"manual\"\nseverity = \"minor\"\n"
             "[[alarm.rule]]\ncode = \"path.down\"\nclear_after_s = 5\n");
    BOOST_TEST((config.ledger.journal == JournalSettings{64, 100}));
    const AlarmSettings& alarm = config.ledger.alarm;
    BOOST_TEST((alarm.clear == AlarmClear::after));
    BOOST_TEST((alarm.clear_after == 60s));
    BOOST_REQUIRE(alarm.rules.size() == 2U);
    BOOST_TEST(
        (alarm.rules[0] == AlarmRule{"check.down", AlarmClear::manual, std::nullopt, AlarmSeverity::minor}));
    BOOST_TEST((alarm.rules[1] == AlarmRule{"path.down", std::nullopt, 5s, std::nullopt}));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_where_it_stands) {
    const auto wrong = [](std::string_view more, std::size_t line, std::string_view what,
                          std::string_view hint) {
        expect_one(with_more(more), last_line() + line, what, hint);
    };
    wrong("[journal]\nsize_mb = 0\n", 2, "size_mb", "");
    wrong("[journal]\nsize = 5\n", 2, "unknown key", "size_mb");
    wrong("[journal]\nkept_in_memory = 5\n", 2, "kept_in_memory", "");
    wrong("[alarm]\nclear = \"never\"\n", 2, "clear", "");
    wrong("[[alarm.rule]]\nclear = \"auto\"\n", 1, "code", "");
    wrong("[[alarm.rule]]\ncode = \"check.dwn\"\n", 2, "no alarm's code", "check.down");
    wrong("[[alarm.rule]]\ncode = \"damped\"\n[[alarm.rule]]\ncode = \"damped\"\n", 4, "second", "one");
    wrong("[[alarm.rule]]\ncode = \"damped\"\nseverity = \"error\"\n", 3, "severity", "");
}

BOOST_AUTO_TEST_SUITE_END()
