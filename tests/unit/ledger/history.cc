// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/history.hh"
#include "folder.hh"

using namespace tandem::ledger;
using test::entry;
using test::Folder;
using test::kept;

namespace {

/// Entries 1 to 3000 on disk in several files; from 2901 on in memory, and 3001 to 3010 only there.
struct World {
    Folder folder;
    Segments segments{{folder.path(), 1U << 20U, 0}};
    std::vector<EntryPtr> recent;

    World() {
        std::string lines;
        for (std::uint64_t i = 1; i <= 3000; ++i)
            lines += to_line(entry(i));
        BOOST_REQUIRE(segments.append(lines).has_value());
        for (std::uint64_t i = 2901; i <= 3010; ++i)
            recent.push_back(kept(entry(i)));
    }
    History history() { return {segments, recent}; }
};

void expect(const Slice& slice, std::uint64_t first, std::uint64_t last, bool more) {
    BOOST_REQUIRE(slice.entries.size() == last - first + 1);
    for (std::size_t i = 0; i < slice.entries.size(); ++i)
        BOOST_REQUIRE(slice.entries[i]->sequence == first + i);
    BOOST_TEST(slice.more == more);
}

} // namespace

BOOST_AUTO_TEST_SUITE(histories)

BOOST_AUTO_TEST_CASE(disk_and_memory_are_one) {
    World world;
    expect(world.history().oldest({}, std::nullopt, 10'000), 1, 3010, false);
    expect(world.history().newest({}, 10'000), 1, 3010, false);
    expect(world.history().oldest({}, std::nullopt, 100), 1, 100, true);
    expect(world.history().newest({}, 200), 2811, 3010, true);
    expect(world.history().newest({}, 5), 3006, 3010, true);
}

BOOST_AUTO_TEST_CASE(page_by_page) {
    World world;
    std::optional<Position> after;
    std::uint64_t next = 1;
    for (bool more = true; more;) {
        const Slice slice = world.history().oldest({}, after, 700);
        more = slice.more;
        expect(slice, next, std::min<std::uint64_t>(next + 699, 3010), next + 699 < 3010);
        next += slice.entries.size();
        after = position_of(*slice.entries.back());
    }
    BOOST_TEST(next == 3011U);
    BOOST_TEST(world.history().oldest({}, after, 700).entries.empty());
}

BOOST_AUTO_TEST_CASE(by_number_and_by_time) {
    World world;
    expect(world.history().oldest({.after = 2990}, std::nullopt, 100), 2991, 3010, false);
    expect(world.history().oldest({.after = 1500}, std::nullopt, 100), 1501, 1600, true);
    expect(world.history().oldest({.since_us = entry(2000).wall_us}, std::nullopt, 5000), 2000, 3010, false);
    expect(world.history().newest({.since_us = entry(2000).wall_us}, 5000), 2000, 3010, false);
    BOOST_TEST(world.history().oldest({.name = "no.such"}, std::nullopt, 5000).entries.empty());
}

BOOST_AUTO_TEST_CASE(behind_one_that_is_gone) {
    World world;
    // Of a life that nobody knows: all, rather than none.
    expect(world.history().oldest({}, Position{99, 5}, 10'000), 1, 3010, false);
    expect(world.history().oldest({}, Position{99, 0}, 10'000), 1, 3010, false);
}

BOOST_AUTO_TEST_CASE(lives) {
    World world;
    // The numbers of a life that was cut off come again in the next.
    std::string lines;
    for (std::uint64_t i = 2990; i <= 3020; ++i)
        lines += to_line(entry(i, 8));
    BOOST_REQUIRE(world.segments.append(lines).has_value());
    world.recent = {kept(entry(3020, 8)), kept(entry(3021, 8))};
    const Slice slice = world.history().oldest({}, Position{7, 2999}, 100);
    BOOST_REQUIRE(slice.entries.size() == 33U);
    BOOST_TEST((position_of(*slice.entries[0]) == Position{7, 3000}));
    BOOST_TEST((position_of(*slice.entries[1]) == Position{8, 2990}));
    BOOST_TEST((position_of(*slice.entries[32]) == Position{8, 3021}));
}

BOOST_AUTO_TEST_CASE(what_memory_alone_can_tell) {
    World world;
    BOOST_TEST(index_after(world.recent, {7, 2900}).value() == 0U);
    BOOST_TEST(index_after(world.recent, {7, 2950}).value() == 50U);
    BOOST_TEST(index_after(world.recent, {7, 3010}).value() == world.recent.size());
    BOOST_TEST(!index_after(world.recent, {7, 2899}).has_value());
    BOOST_TEST(!index_after(world.recent, {8, 2950}).has_value());
    BOOST_TEST(!index_after({}, {8, 1}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
