// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/query.hh"
#include "folder.hh"
#include "tests/unit/time_zone.hh"

using namespace tandem::ledger;
using test::entry;
using test::kept;

namespace {

/// An entry of a node at a time of its clock, in seconds.
EntryPtr at(std::uint8_t node, std::uint64_t sequence, double seconds, double ahead = 0) {
    Entry made = entry(sequence, node, node);
    made.wall_us = static_cast<std::int64_t>(seconds * 1e6);
    made.ahead_us = static_cast<std::int64_t>(ahead * 1e6);
    return kept(std::move(made));
}

std::string order(const Slice& slice) {
    std::string text;
    for (const EntryPtr& each : slice.entries)
        text += each->node + std::to_string(each->sequence) + " ";
    return text + (slice.more ? "more" : "");
}

constexpr std::int64_t second = 1'000'000;

} // namespace

BOOST_AUTO_TEST_SUITE(queries)

BOOST_AUTO_TEST_CASE(patterns) {
    BOOST_TEST(matches("path.up", "path.up"));
    BOOST_TEST(!matches("path.up", "path.upper"));
    BOOST_TEST(matches("*", ""));
    BOOST_TEST(matches("alarm.*", "alarm.raised"));
    BOOST_TEST(!matches("alarm.*", "alarms"));
    BOOST_TEST(matches("*.d*n", "path.down"));
    BOOST_TEST(!matches("", "x"));
    // One that would take for ever if it were tried in every way.
    BOOST_TEST(!matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

BOOST_AUTO_TEST_CASE(filters) {
    Entry one = entry(5);
    one.severity = Severity::warning;
    const auto passes = [&](const Filter& filter) { return matches(filter, one); };
    BOOST_TEST(passes({}));
    BOOST_TEST(passes({.group = "sip"}));
    BOOST_TEST(!passes({.group = "trunk"}));
    BOOST_TEST(passes({.name = "path.*"}));
    BOOST_TEST(!passes({.name = "path"}));
    BOOST_TEST(passes({.severity = Severity::warning}));
    BOOST_TEST(!passes({.severity = Severity::error}));
    BOOST_TEST(!passes({.gravity = Gravity::warning})); // it is about no alarm
    one.data["severity"] = "major";
    BOOST_TEST(passes({.gravity = Gravity::warning}));
    BOOST_TEST(passes({.gravity = Gravity::major}));
    BOOST_TEST(!passes({.gravity = Gravity::critical}));
    one.data["severity"] = "nonsense";
    BOOST_TEST(!passes({.gravity = Gravity::warning}));
    BOOST_TEST(passes({.after = 4}));
    BOOST_TEST(!passes({.after = 5}));
    BOOST_TEST(passes({.since_us = one.wall_us}));
    BOOST_TEST(!passes({.since_us = one.wall_us + 1}));
}

BOOST_AUTO_TEST_CASE(two_nodes_in_time_order) {
    const std::array<Slice, 2> slices{Slice{{at(1, 1, 1), at(1, 2, 3), at(1, 3, 5)}, false},
                                      Slice{{at(2, 8, 2), at(2, 9, 4)}, false}};
    BOOST_TEST(order(merge(slices, 10, From::oldest)) == "a1 b8 a2 b9 a3 ");
    BOOST_TEST(order(merge(slices, 3, From::oldest)) == "a1 b8 a2 more");
    BOOST_TEST(order(merge(slices, 3, From::newest)) == "a2 b9 a3 more");
    BOOST_TEST(order(merge({Slice{}, Slice{}}, 3, From::newest)).empty());
}

BOOST_AUTO_TEST_CASE(a_clock_that_differs_or_was_set) {
    // The other node's clock is an hour ahead, and known to be.
    const std::array<Slice, 2> ahead{Slice{{at(1, 1, 1), at(1, 2, 3)}, false},
                                     Slice{{at(2, 8, 3602, 3600), at(2, 9, 3604, 3600)}, false}};
    BOOST_TEST(order(merge(ahead, 10, From::oldest)) == "a1 b8 a2 b9 ");
    // A clock was set back: the numbers of that node stay in order.
    const std::array<Slice, 2> back{Slice{{at(1, 1, 100), at(1, 2, 5), at(1, 3, 6)}, false},
                                    Slice{{at(2, 8, 7)}, false}};
    BOOST_TEST(order(merge(back, 10, From::oldest)) == "b8 a1 a2 a3 ");
    BOOST_TEST(order(merge(back, 10, From::newest)) == "a1 a2 a3 b8 ");
}

BOOST_AUTO_TEST_CASE(nothing_is_shown_before_what_is_not_known_yet) {
    // The first list goes on: what comes behind its end may be earlier than the rest of the other.
    const std::array<Slice, 2> slices{Slice{{at(1, 1, 1), at(1, 2, 2)}, true}, Slice{{at(2, 8, 9)}, false}};
    BOOST_TEST(order(merge(slices, 10, From::oldest)) == "a1 a2 more");
}

BOOST_AUTO_TEST_CASE(moments) {
    const tandem::test::TimeZone zone{"Europe/Berlin"};
    constexpr std::int64_t now = 1'800'000'000 * second;
    BOOST_TEST(moment_of("10m", now).value() == now - 600 * second);
    BOOST_TEST(moment_of("0s", now).value() == now);
    BOOST_TEST(moment_of("2h", now).value() == now - 7200 * second);
    BOOST_TEST(moment_of("3d", now).value() == now - 3 * 86'400 * second);
    BOOST_TEST(moment_of("2026-11-22T16:00Z", now).value() == 1'795'363'200 * second);
    BOOST_TEST(moment_of("2026-11-22T16:00", now).value() == (1'795'363'200 - 3600) * second);
    BOOST_TEST(moment_of("2026-11-22 16:00:05.25+01:00", now).value() ==
               (1'795'363'205 - 3600) * second + 250'000);
    BOOST_TEST(moment_of("2026-11-22T11:00:00-05:00", now).value() == 1'795'363'200 * second);
    BOOST_TEST(moment_of("2026-11-22", now).value() == (1'795'363'200 - 17 * 3600) * second);
    for (const char* wrong :
         {"", "m", "-5m", "10", "10w", "99999999999m", "2026-13-01", "2026-02-30", "2026-11-22T",
          "2026-11-22T25:00", "2026-11-22T16:00:00.", "2026-11-22T16:00+1:00", "2026-11-22T16:00Zx",
          "26-11-22", "2026-11-22T-1:00", "yesterday"})
        BOOST_TEST(!moment_of(wrong, now).has_value(), wrong);
}

BOOST_AUTO_TEST_SUITE_END()
