// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/ring.hh"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <thread>

namespace tandem::contract {

BOOST_AUTO_TEST_SUITE(ring)

BOOST_AUTO_TEST_CASE(first_in_first_out_and_full) {
    Ring<int, 4> ring;
    int value = -1;
    BOOST_TEST(ring.empty());
    BOOST_TEST(!ring.pop(value));
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 4; ++i)
            BOOST_TEST(ring.push(round * 10 + i));
        BOOST_TEST(!ring.push(99));
        BOOST_TEST(ring.refused() == static_cast<std::uint64_t>(round + 1));
        for (int i = 0; i < 4; ++i) {
            BOOST_REQUIRE(ring.pop(value));
            BOOST_TEST(value == round * 10 + i);
        }
        BOOST_TEST(ring.empty());
    }
}

BOOST_AUTO_TEST_CASE(between_two_threads_nothing_is_lost_or_out_of_order) {
    constexpr std::uint32_t count = 200000;
    Ring<std::uint32_t, 64> ring;
    std::thread producer{[&] {
        for (std::uint32_t i = 0; i < count;)
            if (ring.push(i))
                ++i;
            else
                std::this_thread::yield();
    }};
    std::uint32_t next = 0;
    bool in_order = true;
    while (next < count) {
        std::uint32_t value = 0;
        if (!ring.pop(value)) {
            std::this_thread::yield();
            continue;
        }
        in_order = in_order && value == next;
        ++next;
    }
    producer.join();
    BOOST_TEST(in_order);
    BOOST_TEST(ring.empty());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::contract
