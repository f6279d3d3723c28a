// SPDX-License-Identifier: GPL-3.0-or-later
// Packets from one worker to another, and who wakes whom.
#include "dataplane/io/dpdk/exchange.hh"

#include <boost/test/unit_test.hpp>

#include <rte_mbuf.h>

#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <memory>
#include <span>

namespace {

using tandem::dpdk::Exchange;

constexpr unsigned buffers = 2047;

struct Pool {
    rte_mempool* packets{
        ::rte_pktmbuf_pool_create("exchange", buffers, 0, 0, RTE_PKTMBUF_HEADROOM + 64, SOCKET_ID_ANY)};
    std::unique_ptr<Exchange> exchange;

    Pool() {
        BOOST_REQUIRE(packets != nullptr);
        auto made = Exchange::make(2);
        BOOST_REQUIRE(made);
        exchange = std::move(*made);
    }
    ~Pool() {
        exchange.reset();
        BOOST_TEST(::rte_mempool_avail_count(packets) == buffers);
        ::rte_mempool_free(packets);
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// Worker 0 gives worker 1 a packet.
    void give() const {
        std::array packet{::rte_pktmbuf_alloc(packets)};
        BOOST_REQUIRE(packet[0] != nullptr);
        BOOST_TEST(exchange->give(0, 1, packet) == 1U);
    }
    std::size_t take() const {
        std::array<rte_mbuf*, 64> packets_taken{};
        const std::size_t taken = exchange->take(0, 1, packets_taken);
        for (rte_mbuf* packet : std::span(packets_taken).first(taken))
            ::rte_pktmbuf_free(packet);
        return taken;
    }
    /// Would worker 1 wake at once?
    bool wakes() const {
        pollfd source{exchange->descriptor(1), POLLIN, 0};
        return ::poll(&source, 1, 0) == 1;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(exchange)

BOOST_FIXTURE_TEST_CASE(who_sleeps_is_woken_once, Pool) {
    give();
    BOOST_TEST(!wakes());                  // it was awake: no system call
    BOOST_TEST(!exchange->begin_sleep(1)); // there is something already
    BOOST_TEST(take() == 1U);
    BOOST_REQUIRE(exchange->begin_sleep(1));
    BOOST_TEST(!wakes());
    give();
    give();
    BOOST_TEST(wakes());
    exchange->end_sleep(1);
    BOOST_TEST(!wakes());
    BOOST_TEST(take() == 2U);
}

// Whoever wakes a worker may be put aside right before it does, while the worker wakes by itself.
BOOST_FIXTURE_TEST_CASE(a_wake_that_comes_late_ends_one_sleep_only, Pool) {
    BOOST_REQUIRE(exchange->begin_sleep(1));
    exchange->end_sleep(1);
    ::eventfd_write(exchange->descriptor(1), 1);
    BOOST_REQUIRE(exchange->begin_sleep(1));
    BOOST_TEST(wakes());
    exchange->end_sleep(1);
    BOOST_REQUIRE(exchange->begin_sleep(1));
    BOOST_TEST(!wakes());
    exchange->end_sleep(1);
}

BOOST_FIXTURE_TEST_CASE(what_finds_no_room_stays_with_the_giver, Pool) {
    std::array<rte_mbuf*, Exchange::ring_size + 8> packets_given{};
    BOOST_REQUIRE(::rte_pktmbuf_alloc_bulk(packets, packets_given.data(), packets_given.size()) == 0);
    const std::size_t given = exchange->give(0, 1, packets_given);
    BOOST_TEST(given < packets_given.size());
    BOOST_TEST(given >= Exchange::ring_size - 1);
    for (rte_mbuf* packet : std::span(packets_given).subspan(given))
        ::rte_pktmbuf_free(packet);
    // The rest is freed with the exchange.
}

BOOST_AUTO_TEST_SUITE_END()
