// SPDX-License-Identifier: GPL-3.0-or-later
// Bursts taken ahead: each packet once, in its order, and none kept where there is no other.
#include "dataplane/io/dpdk/ahead.hh"

#include <boost/test/unit_test.hpp>

#include <rte_mbuf.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace {

constexpr std::size_t burst_max = 4;
constexpr unsigned buffers = 255;

/// A port that gives what it is told to; behind it a pool that must be full in the end.
struct Port {
    rte_mempool* pool{
        ::rte_pktmbuf_pool_create("ahead", buffers, 0, 0, RTE_PKTMBUF_HEADROOM + 256, SOCKET_ID_ANY)};
    std::vector<rte_mbuf*> arrived;
    std::size_t calls{0};
    std::optional<tandem::dpdk::Ahead<burst_max>> ahead{std::in_place};

    Port() { BOOST_REQUIRE(pool != nullptr); }
    ~Port() {
        ahead.reset();
        for (rte_mbuf* packet : arrived)
            ::rte_pktmbuf_free(packet);
        BOOST_TEST(::rte_mempool_avail_count(pool) == buffers);
        ::rte_mempool_free(pool);
    }
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    /// So many packets arrive, numbered on.
    void arrive(unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            rte_mbuf* packet = ::rte_pktmbuf_alloc(pool);
            BOOST_REQUIRE(packet != nullptr);
            ::rte_pktmbuf_append(packet, 200);
            packet->hash.usr = ++last;
            arrived.push_back(packet);
        }
    }
    std::size_t receive(rte_mbuf** into) {
        ++calls;
        const std::size_t count = std::min(arrived.size(), burst_max);
        std::copy_n(arrived.begin(), count, into);
        arrived.erase(arrived.begin(), arrived.begin() + static_cast<std::ptrdiff_t>(count));
        return count;
    }
    /// The numbers of the next burst, whose buffers go back.
    std::vector<unsigned> next() {
        std::vector<unsigned> numbers;
        for (rte_mbuf* packet : ahead->next([this](rte_mbuf** into) { return receive(into); })) {
            numbers.push_back(packet->hash.usr);
            ::rte_pktmbuf_free(packet);
        }
        return numbers;
    }
    unsigned last{0};
};

using Numbers = std::vector<unsigned>;

} // namespace

BOOST_AUTO_TEST_SUITE(ahead)

BOOST_FIXTURE_TEST_CASE(every_packet_comes_once_and_in_its_order, Port) {
    arrive(11);
    BOOST_TEST(next() == (Numbers{1, 2, 3, 4}), boost::test_tools::per_element());
    BOOST_TEST(calls == 2U); // the one behind it is here already
    arrive(1);
    BOOST_TEST(next() == (Numbers{5, 6, 7, 8}), boost::test_tools::per_element());
    BOOST_TEST(next() == (Numbers{9, 10, 11, 12}), boost::test_tools::per_element());
    BOOST_TEST(next().empty());
}

BOOST_FIXTURE_TEST_CASE(behind_a_burst_that_is_not_full_nothing_is_taken, Port) {
    arrive(3);
    BOOST_TEST(next() == (Numbers{1, 2, 3}), boost::test_tools::per_element());
    BOOST_TEST(calls == 1U);
    arrive(4);
    BOOST_TEST(next().size() == 4U);
    BOOST_TEST(calls == 3U);
    arrive(2); // came too late to be taken ahead
    BOOST_TEST(next() == (Numbers{8, 9}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_is_not_handed_out_is_given_back, Port) {
    arrive(7);
    BOOST_TEST(next().size() == 4U);
    BOOST_TEST(arrived.empty()); // three are waiting; the destructor looks for them
}

BOOST_FIXTURE_TEST_CASE(what_waits_is_asked_for_and_then_no_more, Port) {
    arrive(6);
    next();
    ahead->soon().ask(); // of memory that is there; there is nothing to see but that it may be called
    ahead->soon().ask();
    ahead->soon().ask();
    BOOST_TEST(next().size() == 2U);
    ahead->soon().ask();
}

/// Buffers that come again at once are near: the next burst waits for its turn.
BOOST_FIXTURE_TEST_CASE(nothing_is_taken_ahead_in_buffers_that_come_again, Port) {
    std::array<rte_mbuf*, burst_max> same{};
    BOOST_REQUIRE(::rte_pktmbuf_alloc_bulk(pool, same.data(), burst_max) == 0);
    std::size_t received = 0;
    const auto again = [&](rte_mbuf** into) {
        ++received;
        std::ranges::reverse(same);
        std::ranges::copy(same, into);
        return burst_max;
    };
    ahead->next(again); // nothing is known yet: one is taken ahead
    BOOST_TEST(received == 2U);
    ahead->next(again); // that one; it was seen that it came in the same buffers
    BOOST_TEST(received == 2U);
    for (std::size_t turn = 1; turn < 8; ++turn) {
        ahead->next(again);
        BOOST_TEST(received == 2 + turn);
    }
    ::rte_pktmbuf_free_bulk(same.data(), burst_max);
}

BOOST_AUTO_TEST_SUITE_END()
