// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/check.hh"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

using namespace tandem::probe;
using namespace tandem;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{1000s};

/// A check, a target and the way between them; nothing happens but what the check asks for.
struct World {
    Check check;
    Duration rtt{2ms};
    Instant gone{ha::end_of_time}; ///< questions that are asked from then on get no answer
    Instant sick{ha::end_of_time}; ///< or a bad one
    /// What becomes of a question, where it is not for the times above to say; `nothing`: no answer.
    std::function<std::optional<Found>(std::uint64_t number)> fate;
    Instant now{start};
    struct Answer {
        std::uint64_t number;
        Found found;
    };
    std::multimap<Instant, Answer> under_way; ///< by when they arrive
    std::vector<std::pair<Instant, CheckVerdict>> verdicts;
    std::set<CheckState> seen;
    Instant last_answer{}; ///< a good one

    explicit World(const CheckPolicy& policy)
        : check(policy) {
        check.start(start, start);
    }
    void note(std::optional<CheckVerdict> verdict) {
        if (verdict)
            verdicts.emplace_back(now, *verdict);
        seen.insert(check.state());
    }
    void turn() {
        const Check::Turn done = check.turn(now);
        note(done.verdict);
        if (!done.ask)
            return;
        const auto found = fate          ? fate(*done.ask)
                           : now >= gone ? std::nullopt
                                         : std::optional{now >= sick ? Found::bad : Found::good};
        if (found)
            under_way.emplace(now + rtt, Answer{*done.ask, *found});
    }
    /// Until then, as a loop does it: each answer and each turn at its time.
    void run(Instant until) {
        for (;;) {
            const Instant answer = under_way.empty() ? ha::end_of_time : under_way.begin()->first;
            const Instant next = std::min(answer, check.due());
            if (next > until)
                break;
            now = std::max(now, next);
            if (answer <= next) {
                const Answer came = under_way.begin()->second;
                under_way.erase(under_way.begin());
                if (came.found == Found::good)
                    last_answer = now;
                note(check.answered(now, came.number, came.found).verdict);
            } else {
                turn();
            }
        }
        now = until;
    }
    void run(Duration time) { run(now + time); }
};

} // namespace

BOOST_AUTO_TEST_SUITE(check)

BOOST_AUTO_TEST_CASE(a_target_that_answers_is_up) {
    World world{{}};
    BOOST_TEST((world.check.state() == CheckState::unknown));
    world.run(60s);
    BOOST_TEST((world.check.state() == CheckState::up));
    BOOST_TEST((world.check.since() == start + 2ms));
    BOOST_TEST(world.verdicts.empty());
    BOOST_TEST(!world.seen.contains(CheckState::failing));
    BOOST_TEST(world.check.asked() == 121U);
    BOOST_TEST(world.check.answers() == 120U); // the last one is under way
    BOOST_TEST(world.check.latency().summary()->median_us == 2000U);
}

BOOST_AUTO_TEST_CASE(one_that_never_answered_is_down_after_the_timeout) {
    World world{{}};
    world.gone = start;
    world.run(60s);
    BOOST_REQUIRE(world.verdicts.size() == 1U);
    BOOST_TEST((world.verdicts[0] == std::pair{start + 3000ms, CheckVerdict::down}));
    BOOST_TEST(world.check.failures() == 1U);
    BOOST_TEST((world.check.since() == start + 3000ms));
}

BOOST_AUTO_TEST_CASE(as_long_as_questions_are_too_few_silence_says_nothing) {
    // Three questions must have had an interval's time each.
    World world{{.interval = 1000ms, .timeout = 1000ms, .retry = 2}};
    world.gone = start;
    world.run(60s);
    BOOST_REQUIRE(world.verdicts.size() == 1U);
    BOOST_TEST((world.verdicts[0].first == start + 3000ms));
    World without{{.interval = 1000ms, .timeout = 1000ms, .retry = 0}};
    without.gone = start;
    without.run(60s);
    BOOST_TEST((without.verdicts.at(0).first == start + 1000ms));
}

BOOST_AUTO_TEST_CASE(a_lost_answer_is_shown_and_forgotten) {
    World world{{}};
    world.run(10'100ms);
    world.gone = world.now;
    world.run(500ms);
    world.gone = ha::end_of_time;
    BOOST_TEST((world.check.state() == CheckState::up)); // it had its time yet
    world.run(500ms);
    BOOST_TEST(world.seen.contains(CheckState::failing));
    BOOST_TEST((world.check.state() == CheckState::up));
    BOOST_TEST(world.verdicts.empty());
    BOOST_TEST(world.check.failures() == 0U);
}

// Whatever the policy, the way and the moment: down within the time that the status shows, and not before the
// timeout.
BOOST_AUTO_TEST_CASE(it_is_never_found_later_than_said) {
    std::mt19937 random{5880};
    const auto any = [&](int least, int most) {
        return std::uniform_int_distribution<int>{least, most}(random);
    };
    for (int round = 0; round < 2000; ++round) {
        const auto interval = std::chrono::milliseconds{any(5, 1000)};
        const CheckPolicy policy{.interval = interval,
                                 .timeout = interval * any(1, 60),
                                 .retry = static_cast<unsigned>(any(0, 50)),
                                 .recover = 1};
        World world{policy};
        world.rtt = std::chrono::microseconds{any(0, static_cast<int>(interval.count()) * 900)};
        world.run(interval * any(2, 20) + std::chrono::microseconds{any(0, 999)});
        world.gone = world.now;
        world.run(policy.worst_case() * 3);
        BOOST_REQUIRE(world.verdicts.size() == 1U);
        BOOST_REQUIRE((world.verdicts[0].second == CheckVerdict::down));
        const Duration took = world.verdicts[0].first - world.last_answer;
        BOOST_REQUIRE(took.count() <= policy.worst_case().count());
        BOOST_REQUIRE(took.count() >= policy.timeout.count());
    }
}

// Whatever comes, in whatever order: what two rules say, and nothing else, makes it go down.
BOOST_AUTO_TEST_CASE(bad_answers_and_silence_in_any_mixture) {
    std::mt19937 random{5881};
    const auto any = [&](int least, int most) {
        return std::uniform_int_distribution<int>{least, most}(random);
    };
    for (int round = 0; round < 2000; ++round) {
        const auto interval = std::chrono::milliseconds{any(5, 1000)};
        const CheckPolicy policy{.interval = interval,
                                 .timeout = interval * any(1, 60),
                                 .retry = static_cast<unsigned>(any(0, 50)),
                                 .recover = 1};
        World world{policy};
        world.rtt = std::chrono::microseconds{any(0, static_cast<int>(interval.count()) * 900)};
        world.run(interval * any(2, 20) + std::chrono::microseconds{any(0, 999)});
        const int bad_of_ten = any(0, 10);
        unsigned bad = 0;
        std::vector<Instant> failed; // when a bad answer will be there
        world.fate = [&](std::uint64_t) -> std::optional<Found> {
            if (any(1, 10) > bad_of_ten)
                return std::nullopt;
            ++bad;
            failed.push_back(world.now + world.rtt);
            return Found::bad;
        };
        world.run(policy.worst_case() * 3);
        BOOST_REQUIRE(world.verdicts.size() == 1U);
        BOOST_REQUIRE((world.verdicts[0].second == CheckVerdict::down));
        const Instant down = world.verdicts[0].first;
        BOOST_REQUIRE((down - world.last_answer).count() <= policy.worst_case().count());
        const bool by_bad = failed.size() > policy.retry && failed[policy.retry] <= down;
        if (by_bad) // at once
            BOOST_REQUIRE((failed[policy.retry] == down));
        else
            BOOST_REQUIRE((down - world.last_answer).count() >= policy.timeout.count());
        BOOST_REQUIRE(world.check.refusals() + 1 >= bad); // one may be under way
    }
}

BOOST_AUTO_TEST_CASE(bad_answers_need_no_timeout) {
    World world{{}};
    world.run(10'100ms);
    world.sick = world.now;
    world.run(10s);
    BOOST_REQUIRE(world.verdicts.size() == 1U);
    BOOST_TEST(
        (world.verdicts[0] == std::pair{start + 11'502ms, CheckVerdict::down})); // asked at 10.5 to 11.5
    BOOST_TEST(world.seen.contains(CheckState::failing));
    BOOST_TEST((world.check.state() == CheckState::down)); // as long as it goes on
    BOOST_TEST(world.check.failures() == 1U);
    BOOST_TEST(world.check.latency().summary()->median_us == 2000U);
    world.sick = ha::end_of_time;
    world.run(5s);
    BOOST_REQUIRE(world.verdicts.size() == 2U);
    BOOST_TEST((world.verdicts[1].second == CheckVerdict::up));
}

BOOST_AUTO_TEST_CASE(one_that_is_bad_from_the_beginning_is_down_too) {
    World world{{.retry = 0}};
    world.sick = start;
    world.run(1s);
    BOOST_REQUIRE(world.verdicts.size() == 1U);
    BOOST_TEST((world.verdicts[0] == std::pair{start + 2ms, CheckVerdict::down}));
}

BOOST_AUTO_TEST_CASE(a_good_answer_between_bad_ones_begins_anew) {
    World world{{.retry = 2}};
    world.fate = [](std::uint64_t number) { return number % 3 == 0 ? Found::good : Found::bad; };
    world.run(60s);
    BOOST_TEST(world.verdicts.empty());
    BOOST_TEST(world.seen.contains(CheckState::failing));
    // But of four questions three may not be bad.
    world.fate = [](std::uint64_t number) { return number % 4 == 0 ? Found::good : Found::bad; };
    world.run(60s);
    BOOST_TEST(!world.verdicts.empty());
}

BOOST_AUTO_TEST_CASE(silence_between_bad_answers_speaks_for_nobody) {
    World world{{.interval = 100ms, .timeout = 6000ms, .retry = 2}};
    world.run(10'050ms);
    std::uint64_t first = 0;
    world.fate = [&](std::uint64_t number) -> std::optional<Found> {
        if (first == 0)
            first = number;
        return (number - first) % 2 == 0 ? std::optional{Found::bad} : std::nullopt;
    };
    world.run(6s);
    BOOST_REQUIRE(world.verdicts.size() == 1U);
    BOOST_TEST((world.verdicts[0].first == start + 10'502ms)); // bad at 10.1, 10.3 and 10.5
}

BOOST_AUTO_TEST_CASE(a_slow_good_answer_does_not_undo_a_later_bad_one) {
    Check check{{.interval = 100ms, .timeout = 1000ms, .retry = 1, .recover = 1}};
    check.start(start, start);
    std::vector<std::uint64_t> asked;
    for (int i = 0; i < 4; ++i)
        asked.push_back(check.turn(start + 100ms * i).ask.value());
    const Instant then = start + 310ms;
    BOOST_TEST(!check.answered(then, asked[1], Found::bad).verdict.has_value());
    BOOST_TEST(!check.answered(then, asked[0], Found::good).verdict.has_value());
    BOOST_TEST((check.state() == CheckState::failing));
    BOOST_TEST(check.bad_in_a_row() == 1U);
    BOOST_TEST((check.answered(then, asked[2], Found::bad).verdict == CheckVerdict::down));
    // One asked in between that turns out well: the newest is bad all the same.
    BOOST_TEST(!check.answered(then, asked[1], Found::good).counted); // one answer a question
    BOOST_TEST((check.state() == CheckState::down));
    BOOST_TEST((check.answered(then, asked[3], Found::good).verdict == CheckVerdict::up));
    BOOST_TEST(check.bad_in_a_row() == 0U);
}

BOOST_AUTO_TEST_CASE(a_bad_answer_ends_a_recovery) {
    World world{{.recover = 5}};
    world.gone = start;
    world.run(10s);
    world.gone = ha::end_of_time;
    world.run(1100ms);
    BOOST_TEST((world.check.state() == CheckState::recovering));
    world.sick = world.now;
    world.run(500ms);
    BOOST_TEST((world.check.state() == CheckState::down));
    BOOST_TEST(world.verdicts.size() == 1U);
    BOOST_TEST(world.check.failures() == 1U);
}

BOOST_AUTO_TEST_CASE(several_slow_questions_are_under_way_at_once) {
    World world{{.interval = 10s, .timeout = 35s, .retry = 2}};
    world.rtt = 32s;
    world.run(10min);
    BOOST_TEST(world.verdicts.empty());
    world.sick = world.now;
    world.run(10min);
    BOOST_REQUIRE(world.verdicts.size() == 1U);
    BOOST_TEST((world.verdicts[0].first - world.last_answer <= world.check.policy().worst_case()));
}

BOOST_AUTO_TEST_CASE(answers_that_take_longer_than_an_interval_are_answers) {
    World world{{.interval = 10ms, .timeout = 500ms, .retry = 2}};
    world.rtt = 120ms;
    world.run(60s);
    BOOST_TEST(world.verdicts.empty());
    world.gone = world.now;
    world.run(60s);
    BOOST_REQUIRE(world.verdicts.size() == 1U);
    BOOST_TEST((world.verdicts[0].first - world.last_answer == 500ms));
}

BOOST_AUTO_TEST_CASE(a_pause_of_our_own_is_not_the_targets_silence) {
    World world{{}};
    world.run(10s);
    for (int i = 0; i < 20; ++i) {
        world.now += 30s; // nobody called; what was under way has waited in the socket
        world.run(world.now + 1s);
    }
    BOOST_TEST(world.verdicts.empty());
    // But one that went away in that time is found.
    world.gone = world.now;
    world.now += 30s;
    const Instant awake = world.now;
    world.run(world.now + 10s);
    BOOST_REQUIRE(world.verdicts.size() == 1U);
    BOOST_TEST((world.verdicts[0].first - awake <= CheckPolicy{}.worst_case()));
}

BOOST_AUTO_TEST_CASE(back_it_must_answer_several_times_in_a_row) {
    World world{{.recover = 3}};
    world.gone = start;
    world.run(10s);
    world.gone = ha::end_of_time;
    world.run(1100ms); // two questions
    BOOST_TEST((world.check.state() == CheckState::recovering));
    world.gone = world.now;
    world.run(1100ms);
    BOOST_TEST((world.check.state() == CheckState::down)); // again, and nobody is told twice
    BOOST_TEST(world.verdicts.size() == 1U);
    BOOST_TEST(world.check.failures() == 1U);
    world.gone = ha::end_of_time;
    const Instant back = world.now;
    world.run(10s);
    BOOST_REQUIRE(world.verdicts.size() == 2U);
    BOOST_TEST((world.verdicts[1].second == CheckVerdict::up));
    BOOST_TEST((world.verdicts[1].first - back <= 1500ms + 2ms));
    BOOST_TEST((world.verdicts[1].first - back >= 1000ms));
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_changes_nothing) {
    Check check{{}};
    check.start(start, start);
    const auto first = check.turn(start).ask;
    BOOST_REQUIRE(first.has_value());
    for (const std::uint64_t number : {*first + 1, *first - 1, ~std::uint64_t{0}})
        for (const Found found : {Found::good, Found::bad})
            BOOST_TEST(!check.answered(start + 1ms, number, found).counted);
    BOOST_TEST((check.state() == CheckState::unknown));
    BOOST_TEST(!check.answered(start + 3001ms, *first, Found::good).counted); // too late
    BOOST_TEST((check.state() == CheckState::unknown));
    check.turn(start + 3001ms);
    const auto second = check.turn(start + 3500ms + 1ms).ask;
    BOOST_REQUIRE(second.has_value());
    const Check::Heard heard = check.answered(start + 3502ms, *second, Found::good);
    BOOST_TEST((heard.counted && !heard.verdict)); // up is what it was expected to be
    BOOST_TEST((check.state() == CheckState::up));
    const std::uint64_t answers = check.answers();
    BOOST_TEST(!check.answered(start + 3503ms, *second, Found::good).counted); // twice
    BOOST_TEST(!check.answered(start + 3503ms, *second, Found::bad).counted);
    BOOST_TEST(check.answers() == answers);
}

BOOST_AUTO_TEST_CASE(stopped_it_asks_nothing_and_believes_nothing) {
    World world{{}};
    world.run(10s);
    world.rtt = 400ms;
    world.run(600ms); // one answer is under way
    world.check.stop(world.now);
    BOOST_TEST((world.check.due() == ha::end_of_time));
    BOOST_TEST(!world.check.turn(world.now + 1h).ask.has_value());
    const std::uint64_t old = world.under_way.empty() ? 0 : world.under_way.begin()->second.number;
    world.check.start(world.now, world.now);
    BOOST_TEST((world.check.state() == CheckState::unknown));
    BOOST_TEST(!world.check.answered(world.now, old, Found::good).counted); // of the time before
    BOOST_TEST((world.check.state() == CheckState::unknown));
    world.under_way.clear();
    world.run(1s);
    BOOST_TEST((world.check.state() == CheckState::up));
}

BOOST_AUTO_TEST_SUITE_END()
