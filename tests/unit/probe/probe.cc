// SPDX-License-Identifier: GPL-3.0-or-later
// The frame of all checks, with a prober that says what the test wants.
#include "control/probe/probe.hh"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>

using namespace tandem;
using namespace tandem::probe;
using namespace std::chrono_literals;

namespace {

struct Asked {
    CheckId check;
    std::string name;
    std::uint64_t number;
};

/// Answers at once, as `answers` says by the check's name; without a word about it, never.
class Oracle : public Prober {
public:
    struct Book {
        std::map<std::string, std::pair<Found, std::string>> answers;
        std::map<std::string, std::string> troubles;
        std::vector<Asked> asked;
        std::vector<CheckId> forgotten;
        Told told;
        int receives{0};
        int undrained{0}; ///< so often there is more than one receive() reads
    };
    Oracle(Book& book, Told told)
        : book_(book) {
        book_.told = std::move(told);
    }
    std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                   std::uint64_t number) override {
        book_.asked.push_back({check, settings.name, number});
        if (const auto trouble = book_.troubles.find(settings.name); trouble != book_.troubles.end())
            return trouble->second;
        if (const auto answer = book_.answers.find(settings.name); answer != book_.answers.end())
            book_.told({check, number, answer->second.first, answer->second.second, moment()});
        return std::nullopt;
    }
    void forget(CheckId check) override { book_.forgotten.push_back(check); }
    Drained receive() override {
        ++book_.receives;
        return book_.undrained > 0 && book_.undrained-- > 0 ? Drained::no : Drained::yes;
    }

private:
    Book& book_;
};

struct World {
    boost::asio::io_context io;
    Oracle::Book book;
    std::vector<Checks::Named> list;
    std::vector<std::pair<std::string, CheckNews>> news;
    std::function<void(std::size_t)> on_news{[](std::size_t) {}};
    std::unique_ptr<Checks> checks;

    config::CheckSettings& add(const std::string& name) {
        config::CheckSettings settings;
        settings.name = name;
        settings.target = config::NetworkTarget{wire::IpAddress::v4({192, 0, 2, 1})};
        settings.interval = 5ms;
        settings.timeout = 30ms;
        settings.recover = 1;
        list.push_back({"group", settings});
        return list.back().settings;
    }
    void open() {
        checks = std::make_unique<Checks>(
            io, list,
            [this](std::size_t check, const CheckNews& told) {
                news.emplace_back(checks->named(check).settings.name, told);
                on_news(check);
            },
            [this](const config::Target&, Prober::Told told) {
                return std::make_unique<Oracle>(book, std::move(told));
            });
        checks->start();
    }
    void run_until(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!condition() && std::chrono::steady_clock::now() < end) {
            io.restart();
            io.run_for(2ms);
        }
        BOOST_REQUIRE(condition());
    }
    void comes_to(std::size_t check, CheckState state) {
        run_until([&] { return checks->state(check) == state; });
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(frame)

BOOST_FIXTURE_TEST_CASE(what_is_found_is_what_is_said, World) {
    add("refusing");
    add("silent");
    add("unable");
    add("well");
    book.answers["refusing"] = {Found::bad, "refuses the connection"};
    book.troubles["unable"] = "there is no way";
    book.answers["well"] = {Found::good, "its MAC is known"};
    open();
    run_until([&] { return news.size() == 3; });
    for (const auto& [name, told] : news) {
        BOOST_TEST((told.verdict == CheckVerdict::down));
        BOOST_TEST(told.words == (name == "refusing" ? "refuses the connection"
                                  : name == "silent" ? "does not answer"
                                                     : "does not answer: there is no way"));
    }
    BOOST_TEST(news[0].first == "refusing"); // three questions, and no timeout
    comes_to(3, CheckState::up);
    BOOST_TEST(checks->line(3).detail == "its MAC is known");
    BOOST_TEST(checks->line(0).detail == "refuses the connection");
    BOOST_TEST(checks->line(0).refusals >= 3U);
    BOOST_TEST(checks->line(0).answers == 0U);
    BOOST_TEST(!checks->line(0).latency.has_value());
    BOOST_TEST(checks->line(2).detail == "there is no way");
    BOOST_TEST(book.receives > 0);
    book.answers["refusing"] = {Found::good, ""};
    run_until([&] { return news.size() == 4; });
    BOOST_TEST((news[3].second.verdict == CheckVerdict::up));
    BOOST_TEST(news[3].second.words == "answers");
    BOOST_TEST((news[3].second.lasted > 0ms));
}

BOOST_FIXTURE_TEST_CASE(others_have_their_turn_between_many, World) {
    constexpr std::size_t many = 1000;
    constexpr std::size_t in_one_go = 128;
    for (std::size_t i = 0; i < many; ++i)
        add("check" + std::to_string(i)).interval = 1s;
    open();
    const auto all_due = std::chrono::steady_clock::now() + 1100ms;
    while (std::chrono::steady_clock::now() < all_due) {
    }
    std::size_t before = 0;
    std::size_t most = 0;
    std::function<void()> other = [&] {
        most = std::max(most, book.asked.size() - before);
        before = book.asked.size();
        if (before < many)
            boost::asio::post(io, other);
    };
    boost::asio::post(io, other);
    run_until([&] { return before >= many; });
    BOOST_TEST(most <= in_one_go);
    BOOST_TEST((checks->take_lateness() >= 100ms));
}

BOOST_FIXTURE_TEST_CASE(silence_is_judged_when_all_that_waits_is_read, World) {
    add("target").interval = 1s;
    book.undrained = 5;
    open();
    run_until([&] { return !book.asked.empty(); });
    BOOST_TEST(book.receives == 0); // there was no prober to read from before the first question
    checks->stop_one(0);
    checks->start_one(0);
    run_until([&] { return book.asked.size() == 2; });
    BOOST_TEST(book.receives == 6);
    // Who sends faster than we read is not waited for.
    book.undrained = 1'000'000;
    checks->stop_one(0);
    checks->start_one(0);
    run_until([&] { return book.asked.size() == 3; });
    BOOST_TEST(book.undrained > 0);
}

BOOST_FIXTURE_TEST_CASE(silence_after_a_bad_answer_is_told_by_it, World) {
    add("target").timeout = 100ms;
    book.answers["target"] = {Found::bad, "answers 503"};
    list[0].settings.retry = 5;
    open();
    run_until([&] { return checks->line(0).refusals >= 2; });
    book.answers.clear();
    comes_to(0, CheckState::down);
    BOOST_TEST(news.at(0).second.words == "answers 503");
}

BOOST_FIXTURE_TEST_CASE(what_is_told_may_stop_its_check, World) {
    add("target");
    book.answers["target"] = {Found::bad, "is bad"};
    on_news = [this](std::size_t check) { BOOST_TEST(checks->stop_one(check)); };
    open();
    run_until([&] { return !news.empty(); });
    BOOST_TEST((checks->state(0) == CheckState::stopped));
    BOOST_TEST(book.forgotten.size() == 1U);
    const std::size_t asked = book.asked.size();
    io.restart();
    io.run_for(30ms);
    BOOST_TEST(book.asked.size() == asked);
    BOOST_TEST(checks->line(0).detail.empty());
}

BOOST_FIXTURE_TEST_CASE(another_list_keeps_what_is_the_same, World) {
    add("kept");
    add("changed");
    add("gone");
    for (const char* const name : {"kept", "changed", "gone", "new"})
        book.answers[name] = {Found::good, ""};
    open();
    for (std::size_t i = 0; i < 3; ++i)
        comes_to(i, CheckState::up);
    const CheckLine before = checks->line(0);
    list.pop_back();
    list[1].settings.retry = 7;
    std::swap(list[0], list[1]);
    add("new");
    const auto done = checks->reconfigure(list);
    BOOST_TEST(done.added == 1U);
    BOOST_TEST(done.changed == 1U);
    BOOST_TEST(done.removed == 1U);
    BOOST_TEST(checks->count() == 3U);
    BOOST_TEST(book.forgotten.size() == 2U);
    BOOST_TEST(checks->named(1).settings.name == "kept");
    const CheckLine after = checks->line(1);
    BOOST_TEST((after.state == CheckState::up));
    BOOST_TEST((after.since == before.since));
    BOOST_TEST(after.asked == before.asked);
    BOOST_TEST(after.latency.has_value());
    BOOST_TEST((checks->state(0) == CheckState::unknown));
    BOOST_TEST(checks->line(0).asked == 0U);
    const CheckId old = book.forgotten[0];
    // Late answers to those that are no more find nobody.
    for (const CheckId check : book.forgotten)
        book.told({check, 1, Found::bad, "is of the past", moment()});
    const std::size_t asked = book.asked.size();
    comes_to(0, CheckState::up);
    comes_to(2, CheckState::up);
    run_until([&] { return checks->line(1).asked > before.asked; });
    for (std::size_t i = asked; i < book.asked.size(); ++i)
        BOOST_TEST((book.asked[i].check != old && book.asked[i].name != "gone"));
    BOOST_TEST(news.empty());
}

BOOST_FIXTURE_TEST_CASE(an_operators_word_outlives_a_change, World) {
    add("stopped");
    add("started").auto_start = config::AutoStart::no;
    add("neither").auto_start = config::AutoStart::no;
    open();
    BOOST_TEST(checks->stop_one(0));
    BOOST_TEST(checks->start_one(1));
    for (auto& named : list)
        named.settings.recover = 9;
    BOOST_TEST(checks->reconfigure(list).changed == 3U);
    BOOST_TEST((checks->state(0) == CheckState::stopped));
    BOOST_TEST((checks->state(1) == CheckState::unknown));
    BOOST_TEST((checks->state(2) == CheckState::stopped));
    list[2].settings.auto_start = config::AutoStart::yes;
    BOOST_TEST(checks->reconfigure(list).changed == 1U);
    BOOST_TEST((checks->state(2) == CheckState::unknown));
}

BOOST_FIXTURE_TEST_CASE(of_two_groups_a_name_may_be_the_same, World) {
    add("gw");
    add("gw");
    list[1].group = "other";
    book.answers["gw"] = {Found::good, ""};
    open();
    comes_to(0, CheckState::up);
    comes_to(1, CheckState::up);
    list[0].settings.retry = 9;
    const auto done = checks->reconfigure(list);
    BOOST_TEST((done.added == 0U && done.changed == 1U && done.removed == 0U));
    BOOST_TEST((checks->state(1) == CheckState::up));
    BOOST_TEST((checks->state(0) == CheckState::unknown));
}

BOOST_AUTO_TEST_SUITE_END()
