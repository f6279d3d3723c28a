// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/table/aged_table.hh"

#include <boost/test/unit_test.hpp>

#include <list>
#include <map>
#include <random>
#include <string>
#include <string_view>

namespace tandem::table::test {
namespace {

using namespace std::chrono_literals;
using Table = AgedTable<int, int, 2>;

} // namespace

BOOST_AUTO_TEST_SUITE(aged_table)

BOOST_AUTO_TEST_CASE(keys_with_one_hash_are_told_apart) {
    Table table{4};
    const auto one = table.add({}, 1, 99);
    const auto two = table.add({}, 2, 99);
    table[one] = 10;
    table[two] = 20;
    BOOST_TEST(table.find(1, 99) == one);
    BOOST_TEST(table.find(2, 99) == two);
    BOOST_TEST(table.find(3, 99) == Table::none);
    table.erase(one);
    BOOST_TEST(table.find(1, 99) == Table::none);
    BOOST_TEST(table[table.find(2, 99)] == 20);
}

// Against lists and a map, whatever is done.
BOOST_AUTO_TEST_CASE(it_says_what_a_plain_model_says) {
    Table table{20};
    std::map<int, std::pair<std::size_t, Instant>> model;
    std::list<int> ages[2];
    std::mt19937 random{8};
    Instant now{};
    const auto hash = [](int key) { return static_cast<std::uint64_t>(key % 5); };
    for (int step = 0; step < 50'000; ++step) {
        now += 1ms;
        const int key = static_cast<int>(random() % 40);
        const std::size_t list = random() % 2;
        const auto index = table.find(key, hash(key));
        BOOST_REQUIRE((index != Table::none) == model.contains(key));
        if (index == Table::none) {
            if (table.full()) {
                BOOST_REQUIRE(model.size() == 20U);
                continue;
            }
            table[table.add(now, key, hash(key), list)] = key;
        } else {
            BOOST_REQUIRE(table[index] == key && table.key(index) == key);
            BOOST_REQUIRE((table.since(index) == model[key].second && table.list(index) == model[key].first));
            if (random() % 3 == 0) {
                ages[model[key].first].remove(key);
                table.erase(index);
                model.erase(key);
                continue;
            }
            const auto slack = random() % 2 * 20ms;
            table.touch(now, index, list, slack);
            if (model[key].first == list && now - model[key].second < slack)
                continue;
            ages[model[key].first].remove(key);
        }
        model[key] = {list, now};
        ages[list].push_back(key);
        for (const std::size_t i : {0U, 1U}) {
            BOOST_REQUIRE(table.size(i) == ages[i].size());
            BOOST_REQUIRE((table.oldest(i) == Table::none) == ages[i].empty());
            BOOST_REQUIRE((ages[i].empty() || table.key(table.oldest(i)) == ages[i].front()));
        }
        BOOST_REQUIRE(table.size() == model.size());
    }
}

BOOST_AUTO_TEST_CASE(hashes_of_texts) {
    const auto of = [](std::string_view text) { return SeededHash{1}.add(text).value(); };
    BOOST_TEST(of("abcdefgh") != of("abcdefg"));
    BOOST_TEST(of("abcdefgh") != of(std::string_view{"abcdefgh\0", 9}));
    BOOST_TEST(of("") != of(std::string_view{"\0", 1}));
    BOOST_TEST(of("12345678abc") != of("12345678abd"));
    BOOST_TEST(SeededHash{1}.add("x").value() != SeededHash{2}.add("x").value());
}

BOOST_AUTO_TEST_CASE(hashes_of_texts_in_small_letters) {
    std::string text;
    std::string lower;
    for (int octet = 0; octet < 256; ++octet) {
        text.push_back(static_cast<char>(octet));
        lower.push_back(static_cast<char>(octet >= 'A' && octet <= 'Z' ? octet - 'A' + 'a' : octet));
    }
    for (std::size_t length = 0; length < 40; ++length)
        for (std::size_t at = 0; at + length <= text.size(); ++at)
            BOOST_REQUIRE(SeededHash{1}.add_lower(std::string_view{text}.substr(at, length)).value() ==
                          SeededHash{1}.add(std::string_view{lower}.substr(at, length)).value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::table::test
