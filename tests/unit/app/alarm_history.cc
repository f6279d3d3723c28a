// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/alarm_history.hh"

#include "tests/unit/ledger/folder.hh"

using namespace tandem;
using namespace tandem::app;
namespace json = boost::json;

namespace {

constexpr std::int64_t hour_us = std::int64_t{3600} * 1'000'000;
constexpr std::int64_t noon_us = 1'700'000'000LL * 1'000'000;

ledger::Alarm alarm() {
    ledger::Alarm out;
    out.condition = {"check.down", "sip", "gw", "check gw: silent", ledger::Gravity::warning};
    out.number = 17;
    out.first_us = out.raised_us = noon_us;
    out.ended_us = noon_us + hour_us;
    return out;
}

ledger::Entry cleared(json::object data, const std::string& text) {
    ledger::Entry out = ledger::test::entry(1);
    out.name = "alarm.cleared";
    out.text = text;
    out.data = std::move(data);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(alarm_history)

BOOST_AUTO_TEST_CASE(one_event_tells_it_all) {
    json::object data{{"code", "check.down"}, {"id", "1.17"}, {"severity", "minor"}, {"subject", "gw"},
                      {"count", 3},           {"by", "ops"},  {"lasted_ms", 5}};
    ledger::Alarm known = alarm();
    known.acknowledged = {"root", noon_us + 1, "cable ordered"};
    add_history(data, known);
    const json::object over = over_of(cleared(data, words_of_clearing("ops") + "check gw: silent"));
    BOOST_TEST(over.at("id").as_string() == "1.17");
    BOOST_TEST(over.at("node").as_string() == "a");
    BOOST_TEST(over.at("severity").as_string() == "minor");
    BOOST_TEST(over.at("group").as_string() == "sip");
    BOOST_TEST(over.at("sentence").as_string() == "check gw: silent");
    BOOST_TEST(over.at("held_ms").as_int64() == 3'600'000);
    BOOST_TEST(over.at("raised").as_string().starts_with("2023-11-1"));
    BOOST_TEST(over.at("cleared_by").as_string() == "ops");
    BOOST_TEST(over.at("count").as_int64() == 3);
    BOOST_TEST(over.at("acknowledged").at("by").as_string() == "root");
    BOOST_TEST(over.at("acknowledged").at("note").as_string() == "cable ordered");
}

BOOST_AUTO_TEST_CASE(one_that_cleared_itself_and_nobody_knew) {
    json::object data{{"code", "check.down"}, {"id", "1.17"}, {"severity", "minor"}};
    add_history(data, alarm());
    const json::object over = over_of(cleared(data, words_of_clearing("") + "check gw: silent"));
    BOOST_TEST(over.at("sentence").as_string() == "check gw: silent");
    BOOST_TEST(over.at("cleared_by").is_null());
    BOOST_TEST(over.at("acknowledged").is_null());
    BOOST_TEST(over.at("count").as_int64() == 1);
}

BOOST_AUTO_TEST_CASE(events_of_an_older_version_and_nonsense) {
    const json::object old = over_of(
        cleared({{"code", "check.down"}, {"id", "1.2"}, {"lasted_ms", 4000}}, "over: check gw: silent"));
    BOOST_TEST(old.at("held_ms").as_int64() == 4000);
    BOOST_TEST(old.at("raised").is_null());
    const json::object nonsense = over_of(cleared({{"code", 7},
                                                   {"first_us", "x"},
                                                   {"ended_us", -1},
                                                   {"count", 1e300},
                                                   {"by", json::array{}},
                                                   {"acknowledged", 5}},
                                                  "something else"));
    BOOST_TEST(nonsense.at("code").as_string().empty());
    BOOST_TEST(nonsense.at("held_ms").is_null());
    BOOST_TEST(nonsense.at("acknowledged").is_null());
    BOOST_TEST(nonsense.at("sentence").as_string() == "something else");
    // A clock that was set back while it held.
    json::object data;
    ledger::Alarm back = alarm();
    back.ended_us = back.first_us - hour_us;
    add_history(data, back);
    BOOST_TEST(over_of(cleared(data, "over: x")).at("held_ms").as_int64() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
