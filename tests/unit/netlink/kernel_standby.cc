// SPDX-License-Identifier: GPL-3.0-or-later
// A standby is silent outside and its server works; an active serves; and the way from one to the other and
// back.

#include "tests/unit/netlink/world.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <net/if.h>

using namespace tandem;
using namespace tandem::testing;
using netlink::Transition;

namespace {

constexpr std::uint16_t sip_port = 5060;

/// The arrangement of a standby, with a server for each VIP.
struct Standby : World {
    Standby() {
        const auto words = netlink::set_up_shadow(setup());
        BOOST_REQUIRE_MESSAGE(words.has_value(), (words ? "" : words.error().what));
    }

    struct Side {
        wire::IpAddress vip;
        wire::IpAddress host;
    };
    std::vector<Side> sides() const { return {{vip4, host4}, {vip6, host6}}; }

    /// Which of these addresses of the node the network gets an answer for, in ARP or neighbour discovery.
    /// The last one is one that is answered for: when its answer is there, the others have had their chance.
    std::vector<wire::IpAddress> answered(const std::vector<wire::IpAddress>& asked) const {
        const Inside host(host_space);
        const auto index = static_cast<int>(::if_nametoindex("peer0"));
        const auto mac = interface("peer0").mac;
        auto watch = announce::ClaimWatch::open(index, mac, asked);
        BOOST_REQUIRE(watch.has_value());
        auto announcer = announce::Announcer::open(index, announce::probe(mac, asked));
        BOOST_REQUIRE(announcer.has_value());
        std::vector<wire::IpAddress> heard;
        // A fresh address listens to its group a moment later than it is there: ask again.
        BOOST_CHECK(eventually([&] {
            announcer->send();
            announce::Claim claim;
            while (watch->next(claim))
                heard.push_back(claim.vip);
            return std::ranges::find(heard, asked.back()) != heard.end();
        }));
        std::ranges::sort(heard);
        const auto rest = std::ranges::unique(heard);
        heard.erase(rest.begin(), rest.end());
        return heard;
    }

    /// An engine at the shadow interface, ready: the kernel begins to send into a TUN a moment after somebody
    /// attached.
    Tun engine() const {
        Tun tun("shadow0");
        const UdpSocket socket(vip4, 0);
        BOOST_CHECK(eventually([&] {
            socket.send_to("ready?", host4, 9);
            return tun.read(std::chrono::milliseconds{0}).has_value();
        }));
        while (tun.read(std::chrono::milliseconds{0}))
            continue;
        return tun;
    }

    UdpSocket client(const Side& side, std::uint16_t port) const {
        const Inside host(host_space);
        return {side.host, port};
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(standby)

BOOST_FIXTURE_TEST_CASE(nobody_is_told_where_the_vip_is_until_the_node_rises, Standby) {
    const auto answers = [&](const wire::IpAddress& vip, const wire::IpAddress& own) {
        return std::ranges::count(answered({vip, own}), vip);
    };
    BOOST_CHECK_EQUAL(answers(vip4, node4), 0);
    BOOST_CHECK_EQUAL(answers(vip6, node6), 0);
    perform(Transition::rise);
    // Asked last, so waited for.
    BOOST_CHECK_EQUAL(std::ranges::count(answered({vip4}), vip4), 1);
    BOOST_CHECK_EQUAL(std::ranges::count(answered({vip6}), vip6), 1);
    perform(Transition::fall);
    BOOST_CHECK_EQUAL(answers(vip4, node4), 0);
    BOOST_CHECK_EQUAL(answers(vip6, node6), 0);
}

BOOST_FIXTURE_TEST_CASE(the_shadow_server_is_reached_and_answers_only_through_the_tun, Standby) {
    const Tun tun = engine();
    for (const auto& side : sides()) {
        Capture capture(*this);
        const UdpSocket server(side.vip, sip_port);
        tun.write(udp_packet(side.host, 5062, side.vip, sip_port, "REGISTER"));
        BOOST_CHECK_EQUAL(server.receive(patience, "200 OK").value_or("nothing"), "REGISTER");
        const auto answer = tun.read(patience);
        BOOST_REQUIRE(answer.has_value());
        BOOST_CHECK_EQUAL(answer->payload, "200 OK");
        BOOST_CHECK(answer->source == side.vip);
        BOOST_CHECK(answer->destination == side.host);
        BOOST_CHECK_EQUAL(capture.from(side.vip), 0U);
    }
}

BOOST_FIXTURE_TEST_CASE(nothing_leaves_without_an_engine_either, Standby) {
    for (const auto& side : sides()) {
        Capture capture(*this);
        const UdpSocket server(side.vip, sip_port);
        server.send_to("NOTIFY", side.host, 5062);
        BOOST_CHECK_EQUAL(capture.from(side.vip), 0U);
    }
    // And without the shadow interface it is the blackhole that holds.
    const UdpSocket server(vip4, sip_port);
    run("ip link set shadow0 down");
    Capture capture(*this);
    server.send_to("NOTIFY", host4, 5062);
    BOOST_CHECK_EQUAL(capture.from(vip4), 0U);
    // The test can fail: the same datagram leaves when the rule is gone.
    run("ip rule del from 10.77.0.100 lookup 5060");
    server.send_to("NOTIFY", host4, 5062);
    BOOST_CHECK_EQUAL(capture.from(vip4), 1U);
}

BOOST_FIXTURE_TEST_CASE(a_client_is_served_after_rise_and_not_after_fall, Standby) {
    const Tun tun = engine();
    for (const auto& side : sides()) {
        const UdpSocket server(side.vip, sip_port); // bound while standby, and all the time
        const UdpSocket phone = client(side, 5062);
        perform(Transition::rise);
        phone.send_to("OPTIONS", side.vip, sip_port);
        BOOST_CHECK_EQUAL(server.receive(patience, "200 OK").value_or("nothing"), "OPTIONS");
        BOOST_CHECK_EQUAL(phone.receive(patience).value_or("nothing"), "200 OK");

        perform(Transition::fall);
        BOOST_CHECK(!has("out0", vip4));
        BOOST_CHECK(!has("out0", vip6));
        BOOST_CHECK_EQUAL(output_of("ip addr show dev out0").find("::100"), std::string::npos);
        // The phone still has our MAC address in its cache; what it sends arrives, but no answer gets out.
        Capture capture(*this);
        phone.send_to("OPTIONS", side.vip, sip_port);
        BOOST_CHECK_EQUAL(server.receive(patience, "200 OK").value_or("nothing"), "OPTIONS");
        const auto answer = tun.read(patience);
        BOOST_REQUIRE(answer.has_value());
        BOOST_CHECK_EQUAL(answer->payload, "200 OK");
        BOOST_CHECK_EQUAL(capture.from(side.vip), 0U);
    }
}

// The kernel keeps the route of a connected socket; it has to notice each change.
BOOST_FIXTURE_TEST_CASE(connected_sockets_follow_every_transition, Standby) {
    const Tun tun = engine();
    for (const auto& side : sides()) {
        const UdpSocket phone = client(side, 5062);
        UdpSocket server(side.vip, sip_port);
        server.connect(side.host, 5062);
        const auto goes_outside = [&] {
            server.send("NOTIFY");
            return phone.receive(patience).has_value();
        };
        const auto stays_inside = [&] {
            Capture capture(*this);
            server.send("NOTIFY");
            const auto packet = tun.read(patience);
            return packet && packet->source == side.vip && capture.from(side.vip) == 0;
        };
        BOOST_CHECK(stays_inside());
        perform(Transition::rise);
        BOOST_CHECK(goes_outside());
        perform(Transition::fall);
        BOOST_CHECK(stays_inside());
        perform(Transition::rise);
        perform(Transition::vacate);
        BOOST_CHECK(!has("out0", side.vip));
        BOOST_CHECK(goes_outside()); // the end of a planned switchover: answers still leave
        perform(Transition::seal);
        BOOST_CHECK(stays_inside());
    }
}

// IPv6 prefers a new address as source; a VIP must not be taken for the host's own connections.
BOOST_FIXTURE_TEST_CASE(the_host_does_not_speak_as_the_vip_unasked, Standby) {
    const auto source = [](const char* to) { return output_of(std::string("ip route get ") + to); };
    for (const auto transition : {Transition::fall, Transition::rise}) {
        perform(transition);
        BOOST_CHECK(source("10.77.0.9").find("src 10.77.0.1 ") != std::string::npos);
        BOOST_CHECK(source("2001:db8:77::9").find("src 2001:db8:77::1 ") != std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
