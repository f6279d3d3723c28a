// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/mail/schedule.hh"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace tandem::mail;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(schedule)

BOOST_AUTO_TEST_CASE(longer_each_time) {
    const std::vector<std::chrono::milliseconds> least{10s, 30s, 120s, 600s, 1800s, 1800s, 1800s};
    for (std::uint64_t seed = 0; seed < 50; ++seed)
        for (unsigned tries = 1; tries <= least.size(); ++tries) {
            const auto wait = wait_after(tries, Setback::unreachable, seed);
            BOOST_TEST((wait >= least[tries - 1]));
            BOOST_TEST((wait <= least[tries - 1] * 11 / 10));
        }
    BOOST_TEST((wait_after(1'000'000, Setback::unreachable, 0) >= 1800s));
    BOOST_TEST((wait_after(1, Setback::refused, 1) >= 600s)); // a wrong password is not hammered
    BOOST_TEST((wait_after(5, Setback::refused, 1) >= 1800s));
}

BOOST_AUTO_TEST_CASE(seeds_spread) {
    std::set<std::chrono::milliseconds> waits;
    for (std::uint64_t seed = 0; seed < 20; ++seed)
        waits.insert(wait_after(5, Setback::unreachable, seed));
    BOOST_TEST(waits.size() > 15U);
    BOOST_TEST((wait_after(3, Setback::unreachable, 7) == wait_after(3, Setback::unreachable, 7)));
}

BOOST_AUTO_TEST_CASE(told_seldom) {
    unsigned told = 0;
    for (unsigned tries = 1; tries <= 100; ++tries)
        told += worth_telling(tries);
    BOOST_TEST(worth_telling(1));
    BOOST_TEST(told == 9U);
}

BOOST_AUTO_TEST_CASE(storms_are_told_from_letters) {
    StormWatch storms;
    const std::vector<std::string> to{"a@b"};
    const Clock::time_point begin{1000s};
    for (int i = 0; i < 5; ++i)
        BOOST_TEST(!storms.on_letter(to, begin + i * 1s, 5, 60s));
    const auto digest = storms.on_letter(to, begin + 5s, 5, 60s);
    BOOST_REQUIRE(digest);
    BOOST_TEST((*digest == begin + 65s));
    BOOST_TEST((storms.on_letter(to, begin + 64s, 5, 60s) == digest)); // all of the window in one
    BOOST_TEST(!storms.on_letter({"c@d"}, begin + 64s, 5, 60s));       // others have nothing to do with it
    BOOST_TEST(!storms.on_letter(to, begin + 66s, 5, 60s));            // it is over
    BOOST_TEST(!storms.on_letter(to, begin + 1000s, 5, 60s));
}

BOOST_AUTO_TEST_CASE(a_digest_names_all) {
    const std::string body = digest_body({{"09:00", "first", "line one"}, {"09:01", "second", "second"}});
    BOOST_TEST(body.starts_with("2 messages"));
    BOOST_TEST(body.find("09:00  first\n    line one\n") != std::string::npos);
    BOOST_TEST(body.ends_with("09:01  second\n"));
    BOOST_TEST(digest_subject(7) == "tandem: 7 messages in one");
}

BOOST_AUTO_TEST_SUITE_END()
