// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/mailbox.hh"

#include <boost/test/unit_test.hpp>

#include <poll.h>

#include <thread>

using namespace tandem;

namespace {

bool readable(int fd, int patience_ms) {
    pollfd waiting{fd, POLLIN, 0};
    return ::poll(&waiting, 1, patience_ms) > 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(mailbox)

BOOST_AUTO_TEST_CASE(messages_come_in_order_and_wake_the_receiver) {
    app::Mailbox<int, 8> box;
    BOOST_TEST(!readable(box.descriptor(), 0));
    BOOST_TEST(box.send(1));
    BOOST_TEST(box.send(2));
    BOOST_TEST(readable(box.descriptor(), 0));
    box.settle();
    BOOST_TEST(!readable(box.descriptor(), 0));
    int message = 0;
    BOOST_TEST((box.receive(message) && message == 1));
    BOOST_TEST((box.receive(message) && message == 2));
    BOOST_TEST(!box.receive(message));
}

BOOST_AUTO_TEST_CASE(a_full_box_refuses_and_counts) {
    app::Mailbox<int, 4> box;
    for (int i = 0; i < 4; ++i)
        BOOST_TEST(box.send(i));
    BOOST_TEST(!box.send(4));
    BOOST_TEST(box.refused() == 1U);
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_or_reordered_between_two_threads) {
    app::Mailbox<int, 64> box;
    constexpr int count = 100'000;
    std::thread sender{[&] {
        for (int i = 0; i < count;)
            if (box.send(i))
                ++i;
            else
                std::this_thread::yield();
    }};
    int expected = 0;
    bool in_order = true;
    while (expected < count) {
        if (!readable(box.descriptor(), 5000))
            break;
        box.settle();
        int message = 0;
        while (box.receive(message))
            in_order = in_order && message == expected++;
    }
    sender.join();
    BOOST_TEST(in_order);
    BOOST_TEST(expected == count);
}

BOOST_AUTO_TEST_SUITE_END()
