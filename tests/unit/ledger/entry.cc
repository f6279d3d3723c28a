// SPDX-License-Identifier: GPL-3.0-or-later
#include "folder.hh"

#include <boost/json/parse.hpp>

using namespace tandem::ledger;
using test::entry;
namespace json = boost::json;

BOOST_AUTO_TEST_SUITE(entries)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
    Entry written = entry(42, 0xdeadbeef, 2);
    written.severity = Severity::error;
    written.text = "odd: \"\\\n\t\x01 \xc3\xa9";
    written.data = {{"detect_us", 4711}, {"deep", {{"er", {1, 2, nullptr}}}}};
    written.ahead_us = -250;
    const std::string line = to_line(written);
    BOOST_TEST(line.find('\n') == line.size() - 1); // one line, whatever is in it
    const Reading reading = read_lines(line);
    BOOST_REQUIRE(reading.entries.size() == 1U);
    const Entry& read = *reading.entries[0];
    BOOST_TEST(to_json(read) == to_json(written));
    BOOST_TEST(read.order_us() == written.wall_us + 250);
    BOOST_TEST((read.at == written.at));
    BOOST_TEST(position_of(to_string(position_of(read))).has_value());
    BOOST_TEST((*position_of(to_string(position_of(read))) == position_of(written)));
}

BOOST_AUTO_TEST_CASE(what_is_no_event_is_told_apart) {
    const json::object good = to_json(entry(1));
    BOOST_TEST(entry_of(good).has_value());
    for (const auto& [key, value] : good) {
        json::object without = good;
        without.erase(key);
        BOOST_TEST(!entry_of(without).has_value(), key);
        json::object odd = good;
        odd[key] = json::array{1};
        BOOST_TEST(!entry_of(odd).has_value(), key);
    }
    const auto with = [&](std::string_view key, json::value value) {
        json::object odd = good;
        odd[key] = std::move(value);
        return entry_of(odd).has_value();
    };
    BOOST_TEST(!with("seq", 0));
    BOOST_TEST(!with("seq", -1));
    BOOST_TEST(!with("seq", 1.5));
    BOOST_TEST(!with("node_id", 256));
    BOOST_TEST(!with("name", json::value(std::string(65, 'n'))));
    BOOST_TEST(!with("severity", "grave"));
    BOOST_TEST(!with("life", "xyz"));
    BOOST_TEST(!with("wall_us", INT64_MAX));
    BOOST_TEST(!with("ahead_us", INT64_MIN));
    BOOST_TEST(with("something", "newer"));
    BOOST_TEST(!entry_of(json::value{nullptr}).has_value());
}

BOOST_AUTO_TEST_CASE(a_line_has_a_bound) {
    Entry large = entry(1);
    large.text = std::string(100'000, '\x01'); // six characters each
    large.data = {{"output", std::string(100'000, 'x')}};
    const std::string line = to_line(large);
    BOOST_TEST(line.size() <= line_max + 1);
    BOOST_REQUIRE(read_lines(line).entries.size() == 1U);
    BOOST_TEST(read_lines(line).entries[0]->data.contains("cut"));
    BOOST_TEST(read_lines("\"" + std::string(line_max, 'x') + "\"\n").damaged == 1U);
}

BOOST_AUTO_TEST_CASE(cut_off_at_every_octet) {
    std::string text = to_line(Mark{Mark::Kind::begins, "boot-1"});
    std::vector<std::size_t> ends{text.size()};
    for (std::uint64_t i = 1; i <= 5; ++i) {
        text += to_line(entry(i));
        ends.push_back(text.size());
    }
    text += to_line(Mark{Mark::Kind::ended, {}});
    ends.push_back(text.size());
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const Reading reading = read_lines(std::string_view{text}.substr(0, size));
        const auto whole = static_cast<std::size_t>(
            std::ranges::count_if(ends, [&](std::size_t end) { return end <= size; }));
        BOOST_TEST_CONTEXT("size " << size) {
            BOOST_TEST(reading.damaged == 0U);
            BOOST_TEST(reading.whole == (whole == 0 ? 0 : ends[whole - 1]));
            BOOST_TEST(reading.entries.size() == (whole < 2 ? 0 : std::min<std::size_t>(whole - 1, 5)));
            BOOST_TEST(reading.ended == (size == text.size()));
            BOOST_TEST(reading.boot == (whole > 0 ? "boot-1" : ""));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_line_costs_itself) {
    const std::string zeros(300, '\0');
    const Reading reading =
        read_lines(to_line(entry(1)) + zeros + "\n{\"seq\":2}\n[]\n\n" + to_line(entry(3)));
    BOOST_REQUIRE(reading.entries.size() == 2U);
    BOOST_TEST(reading.entries[1]->sequence == 3U);
    BOOST_TEST(reading.damaged == 4U);
}

BOOST_AUTO_TEST_CASE(nesting_has_a_bound) {
    std::string deep = R"({"data":)" + std::string(5000, '[') + std::string(5000, ']') + "}\n";
    BOOST_TEST(read_lines(deep).damaged == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
