// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/packet_store.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <deque>
#include <random>
#include <utility>
#include <vector>

using tandem::path::PacketStore;

BOOST_AUTO_TEST_SUITE(packet_store)

BOOST_AUTO_TEST_CASE(refuses_beyond_its_bounds) {
    PacketStore<int> store{2, 100};
    BOOST_TEST(store.reserve(101, 0).data() == nullptr);
    BOOST_TEST(store.reserve(60, 1).size() == 60U);
    BOOST_TEST(!store.has_room(41));
    BOOST_TEST(store.reserve(40, 2).size() == 40U);
    BOOST_TEST(!store.has_room(0));
    store.pop_front();
    BOOST_TEST(store.has_room(60));
    BOOST_TEST(!store.has_room(61));
}

BOOST_AUTO_TEST_CASE(agrees_with_a_simple_queue) {
    PacketStore<unsigned> store{16, 1'000};
    std::deque<std::vector<std::uint8_t>> model;
    std::mt19937 random{20};
    unsigned next = 0;
    std::uint64_t popped = 0;
    for (int step = 0; step < 20'000; ++step) {
        const std::size_t length = random() % 300;
        if (random() % 3 != 0 && store.has_room(length)) {
            std::vector<std::uint8_t> bytes(length);
            std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
            const auto place = store.reserve(length, next++);
            BOOST_REQUIRE(place.size() == length);
            std::copy(bytes.begin(), bytes.end(), place.begin());
            model.push_back(bytes);
        } else if (!store.empty()) {
            store.pop_front();
            model.pop_front();
            ++popped;
        }
        BOOST_REQUIRE(store.size() == model.size());
        BOOST_REQUIRE(store.front_number() == popped);
        for (std::size_t i = 0; i < model.size(); ++i) {
            const auto bytes = std::as_const(store).bytes(store.entry(i));
            BOOST_REQUIRE(std::equal(bytes.begin(), bytes.end(), model[i].begin(), model[i].end()));
            BOOST_REQUIRE(store.numbered(popped + i).tag == static_cast<unsigned>(popped + i));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
