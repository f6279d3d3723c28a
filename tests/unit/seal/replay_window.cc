// SPDX-License-Identifier: GPL-3.0-or-later

#include "dataplane/seal/seal.hh"

#include <boost/test/unit_test.hpp>

#include <limits>
#include <random>
#include <set>

namespace {

using tandem::seal::ReplayWindow;

enum class Expect : std::uint8_t { fresh, stale };

struct Case {
    int number;
    std::uint64_t sequence;
    Expect expect; ///< what is fresh is accepted before the next case
};

constexpr std::uint64_t width = ReplayWindow::width;
constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();

void run(ReplayWindow& window, std::span<const Case> cases) {
    for (const Case& c : cases) {
        const bool fresh = window.fresh(c.sequence);
        BOOST_TEST(fresh == (c.expect == Expect::fresh), "case " << c.number << ", sequence " << c.sequence);
        if (fresh)
            window.accept(c.sequence);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(replay_window)

BOOST_AUTO_TEST_CASE(one_stream) {
    const Case cases[] = {
        {1, 0, Expect::stale}, // numbers begin at 1
        {2, 1, Expect::fresh},
        {3, 1, Expect::stale},
        {4, 3, Expect::fresh},
        {5, 2, Expect::fresh}, // reordered
        {6, 2, Expect::stale},
        {7, 3, Expect::stale},
        {8, 63, Expect::fresh},
        {9, 64, Expect::fresh},
        {10, 65, Expect::fresh},
        {11, 64, Expect::stale},
        {12, width, Expect::fresh},
        {13, width + 1, Expect::fresh},
        {14, 1, Expect::stale}, // just left the window
        {15, 2, Expect::stale}, // still in it, and seen
        {16, 4, Expect::fresh}, // still in it
        {17, width + 4, Expect::fresh},
        {18, 4, Expect::stale},
        {19, 5, Expect::fresh}, // the oldest place of the window
        {20, 3 * width, Expect::fresh},
        {21, 2 * width, Expect::stale},
        {22, 2 * width + 1, Expect::fresh},
        {23, 2 * width + 1, Expect::stale},
        {24, 3 * width - 1, Expect::fresh},
        {25, width + 5, Expect::stale},
        {26, 3 * width + 64 * 33, Expect::fresh}, // ahead by exactly the ring
        {27, 3 * width, Expect::stale},
        {28, 3 * width + 64 * 33 - 1, Expect::fresh},
        {29, std::uint64_t{1} << 40, Expect::fresh}, // far ahead
        {30, (std::uint64_t{1} << 40) - 1, Expect::fresh},
        {31, (std::uint64_t{1} << 40) - width + 1, Expect::fresh},
        {32, (std::uint64_t{1} << 40) - width, Expect::stale},
        {33, top, Expect::fresh},
        {34, top, Expect::stale},
        {35, top - 1, Expect::fresh},
        {36, top - width + 1, Expect::fresh},
        {37, top - width, Expect::stale},
        {38, 1, Expect::stale}, // no way around the end
        {39, 0, Expect::stale},
    };
    ReplayWindow window;
    run(window, cases);
}

BOOST_AUTO_TEST_CASE(after_a_restart) {
    const Case cases[] = {
        {1, 100, Expect::stale},  {2, 99, Expect::stale},           {3, 1, Expect::stale},
        {4, 101, Expect::fresh},  {5, 101, Expect::stale},          {6, 127, Expect::fresh},
        {7, 126, Expect::fresh},  {8, 100, Expect::stale},          {9, 128, Expect::fresh},
        {10, 102, Expect::fresh}, {11, 100 + width, Expect::fresh}, {12, 129, Expect::fresh},
        {13, 100, Expect::stale}, {14, 101, Expect::stale},         {15, 103, Expect::fresh},
    };
    ReplayWindow window;
    window.accept(500); // forgotten
    window.begin_after(100);
    run(window, cases);
}

BOOST_AUTO_TEST_CASE(begin_after_at_every_place_in_a_word) {
    for (std::uint64_t start = 0; start < 200; ++start) {
        ReplayWindow window;
        window.begin_after(start);
        for (std::uint64_t s = 0; s <= start; ++s)
            BOOST_TEST(!window.fresh(s));
        for (std::uint64_t s = start + 1; s < start + 200; ++s) {
            BOOST_TEST(window.fresh(s));
            window.accept(s);
            BOOST_TEST(!window.fresh(s));
        }
    }
}

BOOST_AUTO_TEST_CASE(accepting_what_is_behind_changes_nothing) {
    ReplayWindow window;
    window.accept(10 * width);
    window.accept(1); // its bit belongs to another number by now
    for (std::uint64_t s = 9 * width + 1; s < 10 * width; ++s)
        BOOST_TEST(window.fresh(s));
}

// Against a set that remembers everything.
BOOST_AUTO_TEST_CASE(agrees_with_a_model) {
    std::mt19937_64 random(20240611);
    ReplayWindow window;
    std::set<std::uint64_t> seen;
    std::uint64_t highest = 0;
    unsigned disagreements = 0;
    for (unsigned i = 0; i < 200'000; ++i) {
        const std::uint64_t back = random() % (random() % 8 == 0 ? 3 * width : 50);
        const std::uint64_t ahead = random() % 64 == 0 ? random() % (3 * width) : random() % 4;
        const std::uint64_t s = random() % 2 == 0 ? highest + ahead : (highest > back ? highest - back : 0);
        const bool expected = s != 0 && (s > highest || (highest - s < width && !seen.contains(s)));
        disagreements += window.fresh(s) != expected ? 1 : 0;
        if (expected) {
            window.accept(s);
            seen.insert(s);
            highest = std::max(highest, s);
        }
    }
    BOOST_TEST(disagreements == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
