// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/counters.hh"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string_view>

namespace tandem::contract {

BOOST_AUTO_TEST_SUITE(counters)

BOOST_AUTO_TEST_CASE(each_has_a_name_and_a_sentence_of_its_own) {
    std::set<std::string_view> names;
    std::set<std::string_view> sentences;
    for (const CounterText& text : counter_texts) {
        BOOST_TEST(!text.name.empty());
        BOOST_TEST(!text.sentence.empty());
        names.insert(text.name);
        sentences.insert(text.sentence);
    }
    BOOST_TEST(names.size() == counter_count);
    BOOST_TEST(sentences.size() == counter_count);
    BOOST_TEST(to_string(Counter::sip_received) == "sip_received");
}

BOOST_AUTO_TEST_CASE(they_count_apart) {
    Counters counters;
    counters.add(Counter::mirror_sent);
    counters.add(Counter::mirror_sent, 4);
    BOOST_TEST(counters.get(Counter::mirror_sent) == 5U);
    for (std::size_t i = 0; i < counter_count; ++i)
        if (static_cast<Counter>(i) != Counter::mirror_sent)
            BOOST_TEST(counters.get(static_cast<Counter>(i)) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::contract
