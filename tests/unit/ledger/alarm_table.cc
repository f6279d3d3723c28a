// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/alarm_table.hh"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::ledger;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

Condition condition(std::string code, std::string subject = "", std::string sentence = "s") {
    return {std::move(code), "", std::move(subject), std::move(sentence), Gravity::error};
}

Moment at(ha::Duration time) {
    return {ha::Instant{100'000s + time},
            1'700'000'000'000'000 + std::chrono::duration_cast<std::chrono::microseconds>(time).count()};
}

/// "+code", "~code", "-code" for raised, ended and cleared, with the count where it is not 1.
std::string told(const std::vector<AlarmChange>& changes) {
    std::string text;
    for (const AlarmChange& change : changes)
        text += std::string{"+~-"[static_cast<std::size_t>(change.event)]} + change.alarm.condition.code +
                (change.alarm.count == 1 ? "" : std::to_string(change.alarm.count)) + " ";
    return text;
}

config::AlarmSettings settings(config::AlarmClear clear) {
    return {.clear = clear, .clear_after = 60s, .rules = {}};
}

} // namespace

BOOST_AUTO_TEST_SUITE(alarm_tables)

BOOST_AUTO_TEST_CASE(what_is_new_is_raised_and_what_is_missing_is_cleared) {
    AlarmTable table;
    BOOST_TEST(told(table.update(at(1s), {condition("a"), condition("path", "x")})) == "+a +path ");
    // The same again is no news, and another subject is another alarm.
    const auto changes =
        table.update(at(2s), {condition("path", "y"), condition("path", "x"), condition("a")});
    BOOST_REQUIRE(told(changes) == "+path ");
    BOOST_TEST(changes[0].alarm.condition.subject == "y");
    BOOST_TEST(table.alarms().size() == 3U);
    BOOST_TEST((table.alarms()[0].since == at(1s).at));
    const auto over = table.update(at(3s), {condition("path", "y")});
    BOOST_REQUIRE(told(over) == "-a -path ");
    BOOST_TEST((over[0].alarm.since == at(1s).at));
    BOOST_TEST(over[0].alarm.ended_us == at(3s).wall_us);
    BOOST_TEST(told(table.update(at(4s), {})) == "-path ");
    BOOST_TEST(table.alarms().empty());
    // Numbers are not given twice.
    table.update(at(5s), {condition("a")});
    BOOST_TEST(table.alarms()[0].number == 4U);
}

BOOST_AUTO_TEST_CASE(until_an_operator_clears_it) {
    AlarmTable table{settings(config::AlarmClear::manual)};
    table.update(at(1s), {condition("a")});
    BOOST_TEST(!table.clear(1, "me").has_value()); // its condition holds
    BOOST_TEST(table.acknowledge(1, {"me", 5, "note"}).has_value());
    BOOST_TEST(told(table.update(at(2s), {})) == "~a ");
    BOOST_TEST((table.alarms()[0].state == AlarmState::ended));
    BOOST_TEST(told(table.update(at(100'000s), {})).empty());
    // Again: the same alarm, still known of.
    BOOST_TEST(told(table.update(at(100'001s), {condition("a")})) == "+a2 ");
    BOOST_TEST(table.alarms()[0].first_us == at(1s).wall_us);
    BOOST_TEST(table.alarms()[0].raised_us == at(100'001s).wall_us);
    BOOST_TEST(table.alarms()[0].acknowledged->by == "me");
    BOOST_TEST(told(table.update(at(100'002s), {})) == "~a2 ");
    const auto cleared = table.clear(1, "me");
    BOOST_REQUIRE(cleared.has_value());
    BOOST_TEST((cleared->event == AlarmEvent::cleared));
    BOOST_TEST(cleared->by == "me");
    BOOST_TEST(table.alarms().empty());
    BOOST_TEST(!table.clear(1, "me").has_value());
    BOOST_TEST(!table.acknowledge(1, {"me", 0, ""}).has_value());
}

BOOST_AUTO_TEST_CASE(after_a_time) {
    AlarmTable table{settings(config::AlarmClear::after)};
    table.update(at(1s), {condition("a")});
    BOOST_TEST(told(table.update(at(2s), {})) == "~a ");
    BOOST_TEST(told(table.update(at(61s), {})).empty());
    BOOST_TEST(told(table.update(at(62s), {})) == "-a ");
    // And an operator may be sooner.
    table.update(at(63s), {condition("a")});
    table.update(at(64s), {});
    BOOST_TEST(table.clear(2, "me").has_value());
}

BOOST_AUTO_TEST_CASE(rules_for_a_code) {
    config::AlarmSettings rules;
    rules.rules.push_back({"a", config::AlarmClear::manual, std::nullopt, config::AlarmSeverity::minor});
    rules.rules.push_back({"b", config::AlarmClear::after, 5s, std::nullopt});
    AlarmTable table{rules};
    table.update(at(1s), {condition("a"), condition("b"), condition("c")});
    BOOST_TEST((table.alarms()[0].severity == Gravity::minor));
    BOOST_TEST((table.alarms()[1].severity == Gravity::major));
    BOOST_TEST(told(table.update(at(2s), {})) == "~a ~b -c ");
    BOOST_TEST(told(table.update(at(7s), {})) == "-b ");
    // Other rules, at once: what waited for an operator does not any more.
    table.reconfigure({});
    BOOST_TEST((table.alarms()[0].severity == Gravity::major));
    BOOST_TEST(told(table.update(at(8s), {})) == "-a ");
}

BOOST_AUTO_TEST_CASE(one_that_comes_and_goes_is_counted) {
    AlarmTable table;
    std::string all;
    ha::Duration time = 0s;
    for (int i = 0; i < 1000; ++i) {
        all += told(table.update(at(time += 20ms), {condition("a")}));
        all += told(table.update(at(time += 20ms), {}));
    }
    BOOST_TEST(all == "+a -a +a -a +a -a +a -a +a "); // the fifth time it is flapping
    BOOST_REQUIRE(table.alarms().size() == 1U);
    BOOST_TEST(table.alarms()[0].flapping);
    BOOST_TEST(table.alarms()[0].count == 996U);
    BOOST_TEST(told(table.update(at(time + 9s), {})).empty());
    BOOST_TEST(told(table.update(at(time + 11s), {})) == "-a996 ");
    // One that comes now and then is told of each time.
    all.clear();
    for (int i = 1; i <= 10; ++i) {
        all += told(table.update(at(time + i * 100s), {condition("a")}));
        all += told(table.update(at(time + i * 100s + 50s), {}));
    }
    BOOST_TEST(all.size() == 60U);
}

BOOST_AUTO_TEST_CASE(over_a_restart) {
    AlarmTable before{settings(config::AlarmClear::manual)};
    before.update(at(1s), {condition("stays"), condition("goes"), condition("over")});
    before.update(at(2s), {condition("stays"), condition("goes")});
    BOOST_TEST(before.acknowledge(1, {"me", 77, "known"}).has_value());
    const json::value saved = json::parse(json::serialize(before.save(2, "b")));

    AlarmTable after{settings(config::AlarmClear::manual)};
    after.restore(at(10s), saved.as_object());
    BOOST_TEST(after.alarms().size() == 3U);
    BOOST_TEST(!after.clear(1, "me").has_value()); // not judged yet
    // Still so: the same alarm, without a word.
    BOOST_TEST(told(after.update(at(11s), {condition("stays")})).empty());
    const Alarm& same = after.alarms()[0];
    BOOST_TEST((same.state == AlarmState::active));
    BOOST_TEST(same.number == 1U);
    BOOST_TEST(same.count == 1U);
    BOOST_TEST(same.first_us == at(1s).wall_us);
    BOOST_TEST(same.acknowledged->note == "known");
    BOOST_TEST(same.acknowledged->at_us == 77);
    BOOST_TEST((same.since == at(1s).at));
    // Not seen again: over after the grace time.
    BOOST_TEST((after.alarms()[1].state == AlarmState::unconfirmed));
    BOOST_TEST(told(after.update(at(39s), {condition("stays")})).empty());
    BOOST_TEST(told(after.update(at(40s), {condition("stays")})) == "~goes ");
    // What had ended before has.
    BOOST_TEST((after.alarms()[2].state == AlarmState::ended));
    after.update(at(41s), {condition("stays"), condition("new")});
    BOOST_TEST(after.alarms()[3].number == 4U);
}

BOOST_AUTO_TEST_CASE(a_file_that_says_nothing_of_use) {
    for (
        const char* text :
        {"{}", R"({"alarms":7})", R"({"next":"x","alarms":[1,null,{},{"code":"a"},{"code":5,"number":-1}]})",
         R"({"next":99999999999999,"alarms":[{"code":"a","number":1,"gravity":"odd","severity":"major","state":"active"}]})"}) {
        AlarmTable table;
        table.restore(at(1s), json::parse(text).as_object());
        BOOST_TEST(table.alarms().empty(), text);
        BOOST_TEST(told(table.update(at(2s), {condition("a")})) == "+a ");
    }
}

BOOST_AUTO_TEST_CASE(the_table_has_a_bound) {
    AlarmTable table{settings(config::AlarmClear::manual)};
    std::vector<Condition> many;
    for (std::size_t i = 0; i < AlarmTable::alarms_max + 10; ++i)
        many.push_back(condition("a", std::to_string(i)));
    table.update(at(1s), many);
    BOOST_TEST(table.alarms().size() == AlarmTable::alarms_max);
    BOOST_TEST(table.dropped() == 10U);
    // What has ended makes room for what holds, and that is told.
    table.update(at(2s), {});
    BOOST_TEST(told(table.update(at(3s), {condition("b")})) == "-a +b ");
    BOOST_TEST(table.alarms().size() == AlarmTable::alarms_max);
}

BOOST_AUTO_TEST_CASE(names_of_alarms) {
    BOOST_TEST(alarm_id_of("2.17")->node == 2U);
    BOOST_TEST(alarm_id_of("2.17")->number == 17U);
    for (const char* wrong : {"", "2", "2.", ".1", "2.0", "2.17x", "a.1", "2.-1", "2.99999999999"})
        BOOST_TEST(!alarm_id_of(wrong).has_value(), wrong);
}

BOOST_AUTO_TEST_SUITE_END()
