// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/path.hh"

#include "tests/unit/path/sip_packets.hh"

#include <boost/test/unit_test.hpp>

#include <memory>

// What the server behind an appliance sends.

namespace {

using namespace tandem::path;
using namespace tandem::contract;
using namespace std::chrono_literals;
using namespace sip_packets;

struct Inside {
    Inside() {
        page->policy.write(policy("REGISTER"));
        path.begin(now);
    }
    void be(Standing standing, Duration lease = 1h) {
        for (Grant& grant : page->grants) {
            grant.role.write({7, standing, {}});
            grant.expires_ns = to_page(now + lease);
        }
        path.begin(now);
    }
    void pass(Duration time) {
        now += time;
        path.begin(now);
    }
    std::uint64_t count(Counter c) const { return page->counters.get(c); }

    std::unique_ptr<Page> page{std::make_unique<Page>()};
    Instant now{Instant{} + 1h};
    Path path{*page, {10, 20}};
    Packet answer = udp("SIP/2.0 200 OK\r\n\r\n", "10.9.0.7", 5060, "10.9.0.100");
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(path_inside, Inside)

BOOST_AUTO_TEST_CASE(passes_while_active_and_while_yielding) {
    for (const Standing standing : {Standing::active, Standing::yielding}) {
        be(standing);
        BOOST_TEST((path.on_inside(answer, 1) == Action::forward));
    }
    BOOST_TEST(count(Counter::inside_forwarded) == 2U);
}

BOOST_AUTO_TEST_CASE(is_held_back_otherwise) {
    for (const Standing standing : {Standing::none, Standing::standby}) {
        be(standing);
        BOOST_TEST((path.on_inside(answer, 1) == Action::hold_back));
    }
    BOOST_TEST(count(Counter::inside_held_back) == 2U);
    BOOST_TEST(count(Counter::inside_forwarded) == 0U);
}

BOOST_AUTO_TEST_CASE(waits_while_the_grant_has_lapsed) {
    be(Standing::active, 5ms);
    pass(6ms);
    BOOST_TEST((path.on_inside(answer, 9) == Action::hold));
    BOOST_TEST(!path.next_released());
    be(Standing::active);
    const auto released = path.next_released();
    BOOST_REQUIRE(released);
    BOOST_TEST((released->ingress == Ingress::inside));
    BOOST_TEST(released->token == 9U);
    BOOST_TEST((released->action == Action::forward));
    BOOST_TEST(Packet(released->packet.begin(), released->packet.end()) == answer);
    BOOST_TEST(!path.next_released());
    BOOST_TEST(count(Counter::held_released) == 1U);
}

BOOST_AUTO_TEST_CASE(is_dropped_when_the_role_is_gone_or_time_is_up) {
    be(Standing::active, 5ms);
    pass(6ms);
    path.on_inside(answer, 1);
    be(Standing::standby);
    BOOST_TEST((path.next_released()->action == Action::drop));
    be(Standing::active, 5ms);
    pass(6ms);
    path.on_inside(answer, 2);
    pass(200ms);
    BOOST_TEST((path.next_released()->action == Action::drop));
    BOOST_TEST(count(Counter::held_dropped) == 2U);
}

BOOST_AUTO_TEST_CASE(what_makes_room_keeps_its_ingress) {
    Path small{*page, {10, 20}, {.sender = {}, .receiver = {}, .held_packets = 1, .held_octets = 65'536}};
    small.begin(now);
    be(Standing::active, 5ms);
    now += 6ms;
    small.begin(now);
    BOOST_TEST((small.on_inside(answer, 4) == Action::hold));
    BOOST_TEST((small.on_outside(udp(request("REGISTER")), 5) == Action::hold));
    const auto released = small.next_released();
    BOOST_REQUIRE(released);
    BOOST_TEST((released->ingress == Ingress::inside));
    BOOST_TEST(released->token == 4U);
    BOOST_TEST((released->action == Action::drop));
}

BOOST_AUTO_TEST_CASE(another_source_goes_nowhere) {
    be(Standing::active);
    BOOST_TEST((path.on_inside(udp("x", "10.9.0.100", 5060, "10.9.0.7"), 1) == Action::hold_back));
    BOOST_TEST((path.on_inside({}, 1) == Action::hold_back));
    BOOST_TEST(count(Counter::inside_forwarded) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
