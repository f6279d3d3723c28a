// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/netlink/world.hh"

#include <linux/netlink.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <thread>

using namespace tandem;
using namespace tandem::testing;
using netlink::Transition;
using Clock = std::chrono::steady_clock;

namespace {

struct Ready : World {
    Ready() { BOOST_REQUIRE(netlink::set_up_shadow(setup()).has_value()); }

    /// `count` VIPs, alternating between the families.
    std::vector<netlink::Placement> many(std::size_t count) const {
        auto base = placements();
        std::vector<netlink::Placement> result;
        for (std::size_t i = 0; i < count; ++i) {
            auto placement = base[i % 2];
            placement.vip.address.octets[placement.vip.address.size() - 1] =
                static_cast<std::uint8_t>(100 + i);
            result.push_back(placement);
        }
        return result;
    }

    netlink::Batch prepared(Transition transition, const std::vector<netlink::Placement>& vips) const {
        const auto batch = netlink::prepare(transition, vips);
        BOOST_REQUIRE(batch.has_value());
        return *batch;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(batch_socket)

BOOST_FIXTURE_TEST_CASE(what_is_already_so_is_success, Ready) {
    for (const auto transition :
         {Transition::fall, Transition::rise, Transition::rise, Transition::renew, Transition::vacate,
          Transition::vacate, Transition::seal, Transition::seal, Transition::fall})
        perform(transition);
    BOOST_CHECK(!has("out0", vip4));
    BOOST_CHECK(has_rule(vip4));
    perform(Transition::seal);
    const auto rules = output_of("ip rule show from 10.77.0.100");
    BOOST_CHECK_EQUAL(std::ranges::count(rules, '\n'), 1);
}

BOOST_FIXTURE_TEST_CASE(all_vips_of_a_node_move_as_one, Ready) {
    const auto vips = many(32);
    BOOST_CHECK_EQUAL(batches.send(prepared(Transition::seal, vips)), 0);
    BOOST_CHECK_EQUAL(batches.send(prepared(Transition::rise, vips)), 0);
    for (const auto& placement : vips)
        BOOST_CHECK(has("out0", placement.vip.address) && !has_rule(placement.vip.address));
    BOOST_CHECK_EQUAL(batches.send(prepared(Transition::fall, vips)), 0);
    for (const auto& placement : vips)
        BOOST_CHECK(!has("out0", placement.vip.address) && has_rule(placement.vip.address));
}

BOOST_FIXTURE_TEST_CASE(the_first_error_is_told_and_the_rest_is_carried_out, Ready) {
    auto vips = placements();
    vips[0].interface_index = 4711;
    BOOST_CHECK_EQUAL(batches.send(prepared(Transition::rise, vips)), ENODEV);
    BOOST_CHECK(has("out0", vip6));
    BOOST_CHECK(!has_rule(vip4) && !has_rule(vip6));
    // An interface that is gone has no VIP either.
    BOOST_CHECK_EQUAL(batches.send(prepared(Transition::fall, vips)), 0);
    BOOST_CHECK(!has("out0", vip6));
    BOOST_CHECK(has_rule(vip4) && has_rule(vip6));
}

BOOST_FIXTURE_TEST_CASE(bytes_that_are_no_batch_are_not_sent, Ready) {
    const auto good = batch(Transition::rise);
    const auto set_header = [](netlink::Batch& b, auto change) {
        nlmsghdr header{};
        std::memcpy(&header, b.bytes.data(), sizeof header);
        change(header);
        std::memcpy(b.bytes.data(), &header, sizeof header);
    };
    std::vector<netlink::Batch> wrong(9, good);
    wrong[0].length = netlink::Batch::size_max + 4;
    wrong[1].requests = good.requests + 1;
    wrong[2].requests = good.requests - 1;
    wrong[3].requests = 0xffffffffU;
    wrong[4].length = good.length - 4;
    set_header(wrong[5], [](nlmsghdr& h) { h.nlmsg_len = 0; });
    set_header(wrong[6], [](nlmsghdr& h) { h.nlmsg_len = 0xfffffff0U; });
    set_header(wrong[7], [](nlmsghdr& h) { h.nlmsg_len -= 1; });
    set_header(wrong[8], [](nlmsghdr& h) { h.nlmsg_flags = NLM_F_REQUEST; }); // would never be acknowledged
    for (std::size_t i = 0; i < wrong.size(); ++i)
        BOOST_CHECK_MESSAGE(batches.send(wrong[i]) == EINVAL, i);
    BOOST_CHECK(!has("out0", vip4));
    BOOST_CHECK_EQUAL(batches.send(netlink::Batch{}), 0);
    BOOST_CHECK_EQUAL(batches.send(good), 0); // still in order
    BOOST_CHECK(has("out0", vip4));
}

BOOST_FIXTURE_TEST_CASE(without_privilege_it_is_an_error_and_nothing_happens, Ready) {
    int code = 0;
    const auto rise = batch(Transition::rise);
    std::thread([&] {
        constexpr long nobody = 65534;
        if (::syscall(SYS_setresuid, nobody, nobody, nobody) != 0) // of this thread only
            return;
        auto socket = netlink::BatchSocket::open();
        code = socket ? socket->send(rise) : socket.error().code;
    }).join();
    BOOST_CHECK_EQUAL(code, EPERM);
    BOOST_CHECK(!has("out0", vip4));
}

BOOST_FIXTURE_TEST_CASE(a_socket_can_be_moved, Ready) {
    netlink::BatchSocket other = std::move(batches);
    BOOST_CHECK_EQUAL(batches.send(batch(Transition::rise)), EBADF); // NOLINT(bugprone-use-after-move)
    BOOST_CHECK_EQUAL(other.send(batch(Transition::rise)), 0);
    batches = std::move(other);
    perform(Transition::fall);
}

BOOST_FIXTURE_TEST_CASE(a_vip_that_nobody_renews_goes_by_itself, Ready) {
    perform(Transition::rise);
    const auto risen = Clock::now();
    std::chrono::milliseconds gone4{0};
    std::chrono::milliseconds gone6{0};
    const auto since = [&] {
        return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - risen);
    };
    BOOST_CHECK(eventually(
        [&] {
            if (gone4.count() == 0 && !has("out0", vip4))
                gone4 = since();
            if (gone6.count() == 0 && !has("out0", vip6))
                gone6 = since();
            return gone4.count() != 0 && gone6.count() != 0;
        },
        std::chrono::milliseconds{2500}));
    BOOST_TEST_MESSAGE("lease of " << netlink::vip_lease.count() << " s: IPv4 gone after " << gone4.count()
                                   << " ms, IPv6 after " << gone6.count() << " ms");
    // Several missed renewals must not cost the VIP.
    BOOST_CHECK_GE(gone4.count(), 900);
    BOOST_CHECK_GE(gone6.count(), 900);
    BOOST_CHECK(has("shadow0", vip4));
    BOOST_CHECK(has("shadow0", vip6));
}

BOOST_FIXTURE_TEST_CASE(a_vip_that_is_renewed_stays, Ready) {
    perform(Transition::rise);
    const auto end = Clock::now() + 2 * netlink::vip_lease;
    auto next = Clock::now();
    bool lost = false;
    BOOST_CHECK(eventually(
        [&] {
            lost = lost || !has("out0", vip4) || !has("out0", vip6);
            if (Clock::now() >= next) {
                perform(Transition::renew);
                next += std::chrono::milliseconds{200};
            }
            return Clock::now() >= end;
        },
        3 * netlink::vip_lease));
    BOOST_CHECK(!lost);
}

// No verdict: the figure is for the reader (--log_level=message).
BOOST_FIXTURE_TEST_CASE(how_long_a_rise_takes, Ready) {
    for (const std::size_t count : {1U, 8U, 32U}) {
        const auto vips = many(count);
        const auto rise = prepared(Transition::rise, vips);
        const auto fall = prepared(Transition::fall, vips);
        std::vector<std::chrono::nanoseconds> rises;
        std::vector<std::chrono::nanoseconds> falls;
        const auto timed = [&](const netlink::Batch& batch) {
            const auto start = Clock::now();
            BOOST_CHECK_EQUAL(batches.send(batch), 0);
            return std::chrono::nanoseconds(Clock::now() - start);
        };
        BOOST_CHECK_EQUAL(batches.send(fall), 0);
        for (int i = 0; i < 200; ++i) {
            rises.push_back(timed(rise));
            falls.push_back(timed(fall));
        }
        const auto report = [](std::vector<std::chrono::nanoseconds>& times) {
            std::ranges::sort(times);
            std::ostringstream text;
            text << "median " << times[times.size() / 2].count() / 1000 << " us, 99 % "
                 << times[times.size() * 99 / 100].count() / 1000 << " us";
            return text.str();
        };
        BOOST_CHECK_EQUAL(batches.send(rise), 0);
        for (const auto& placement : vips)
            BOOST_CHECK(has("out0", placement.vip.address) && !has_rule(placement.vip.address));
        BOOST_TEST_MESSAGE(count << " VIPs: rise " << report(rises) << "; fall " << report(falls));
    }
}

BOOST_AUTO_TEST_SUITE_END()
