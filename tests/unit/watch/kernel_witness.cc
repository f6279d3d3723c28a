// SPDX-License-Identifier: GPL-3.0-or-later
// Witnesses on a real wire.

#include "control/watch/link_table.hh"
#include "control/watch/witness_socket.hh"
#include "tests/unit/watch/responder.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::testing;

namespace {

struct Wire : World {
    Wire() { settle(*this); }
    watch::WitnessSocket asking(const std::vector<wire::IpAddress>& witnesses,
                                std::uint64_t token = 0xabcd0123456789U) const {
        const auto outside = interface("out0");
        auto opened = watch::WitnessSocket::open({.interface_index = outside.index,
                                                  .interface = "out0",
                                                  .own_mac = outside.mac,
                                                  .own_addresses = {{node4, 24}, {node6, 64}},
                                                  .witnesses = witnesses,
                                                  .token = token});
        BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error()));
        return std::move(*opened);
    }
    void on_host(const std::string& command) const {
        const Inside host(host_space);
        run(command);
    }
    std::string host_mac() const {
        const Inside host(host_space);
        return interface("peer0").mac.to_string();
    }
    /// Whether anything answers this one round.
    static bool round(watch::WitnessSocket& socket, std::chrono::milliseconds limit = patience) {
        socket.ask();
        return eventually([&] { return socket.answered(); }, limit);
    }
};

constexpr std::chrono::milliseconds short_while{60};
const char* const deaf4 = "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all";
const char* const deaf6 = "echo 1 > /proc/sys/net/ipv6/icmp/echo_ignore_all";

} // namespace

BOOST_AUTO_TEST_SUITE(witnesses)

BOOST_FIXTURE_TEST_CASE(an_echo_is_answered, Wire) {
    for (const auto& host : {host4, host6}) {
        auto socket = asking({host});
        BOOST_CHECK(round(socket));
        BOOST_CHECK(round(socket));
        BOOST_CHECK(!socket.descriptors().empty());
    }
}

BOOST_FIXTURE_TEST_CASE(one_of_several_is_enough, Wire) {
    auto socket = asking({wire::IpAddress::v4({10, 77, 0, 55}), host6, wire::IpAddress::v4({10, 77, 0, 56})});
    BOOST_CHECK(round(socket));
    BOOST_CHECK_EQUAL(socket.descriptors().size(), 3U);
}

BOOST_FIXTURE_TEST_CASE(nobody_at_the_address, Wire) {
    auto socket = asking({wire::IpAddress::v4({10, 77, 0, 55})});
    for (int i = 0; i < 3; ++i)
        BOOST_CHECK(!round(socket, short_while));
}

BOOST_FIXTURE_TEST_CASE(one_that_answers_no_echo_still_answers_arp_and_solicitations, Wire) {
    on_host(deaf4);
    on_host(deaf6);
    for (const auto& host : {host4, host6}) {
        // The first answer may be to the kernel, which looks for the way of the echo; then it knows that, and
        // all others are to us. One round only pings.
        auto socket = asking({host});
        round(socket, short_while);
        BOOST_CHECK(!asking({host}).answered());
        for (int i = 0; i < 3; ++i)
            BOOST_CHECK(round(socket));
        on_host("ip link set peer0 down");
        BOOST_CHECK(!round(socket, short_while));
        on_host("ip link set peer0 up && ip addr replace 2001:db8:77::9/64 dev peer0 nodad");
    }
}

BOOST_FIXTURE_TEST_CASE(beyond_a_router_only_the_echo_counts, Wire) {
    on_host("ip addr add 10.78.0.9/32 dev peer0");
    run("ip route add 10.78.0.9/32 via 10.77.0.9");
    const auto far = wire::IpAddress::v4({10, 78, 0, 9});
    auto socket = asking({far});
    BOOST_CHECK(round(socket));
    on_host(deaf4);
    BOOST_CHECK(!round(socket, short_while));
    BOOST_CHECK(!round(socket, short_while));
}

BOOST_FIXTURE_TEST_CASE(answers_to_others_are_not_ours, Wire) {
    run("ip neigh replace 10.77.0.9 dev out0 nud permanent lladdr " + host_mac());
    auto ours = asking({host4}, 0x1111000000000001U);
    auto same_identifier = asking({host4}, 0x1111000000000002U);
    auto theirs = asking({host4}, 0x2222000000000001U);
    theirs.ask();
    same_identifier.ask();
    BOOST_REQUIRE(eventually([&] { return theirs.answered(); }));
    BOOST_REQUIRE(eventually([&] { return same_identifier.answered(); }));
    BOOST_CHECK(!ours.answered());
    BOOST_CHECK(round(ours));
}

BOOST_FIXTURE_TEST_CASE(a_wire_that_is_cut_and_mended, Wire) {
    auto socket = asking({host4, host6});
    BOOST_CHECK(round(socket));
    while (socket.answered()) {
    }
    on_host("ip link set peer0 down");
    for (int i = 0; i < 3; ++i)
        BOOST_CHECK(!round(socket, short_while));
    on_host("ip link set peer0 up");
    BOOST_CHECK(eventually([&] { return round(socket, short_while); }));
}

BOOST_FIXTURE_TEST_CASE(an_interface_that_does_not_exist, Wire) {
    const auto refused = watch::WitnessSocket::open({.interface_index = 4711,
                                                     .interface = "absent0",
                                                     .own_mac = {},
                                                     .own_addresses = {},
                                                     .witnesses = {host4},
                                                     .token = 1});
    BOOST_REQUIRE(!refused.has_value());
    BOOST_CHECK(refused.error().find("absent0") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(links)

BOOST_FIXTURE_TEST_CASE(presence_carrier_and_packets, Wire) {
    auto opened = watch::LinkTable::open();
    BOOST_REQUIRE(opened.has_value());
    const auto look = [&](const std::string& name) {
        const auto facts = opened->look(name);
        BOOST_REQUIRE(facts.has_value());
        return *facts;
    };
    BOOST_CHECK(!look("absent0").present);
    BOOST_CHECK(!look("").present);
    BOOST_CHECK(!look("a-name-that-is-longer-than-any").present);
    BOOST_CHECK(eventually([&] { return look("out0").carrier; }));
    const auto before = look("out0").received;
    {
        const Inside host(host_space);
        UdpSocket(host4, 9).send_to("anything", node4, 9);
    }
    BOOST_CHECK(eventually([&] { return look("out0").received > before; }));
    on_host("ip link set peer0 down");
    BOOST_CHECK(eventually([&] { return !look("out0").carrier; }));
    BOOST_CHECK(look("out0").present);
    on_host("ip link set peer0 up");
    BOOST_CHECK(eventually([&] { return look("out0").carrier; }));
    run("ip link set out0 down");
    BOOST_CHECK(!look("out0").carrier);
    run("ip link del out0");
    BOOST_CHECK(!look("out0").present);
    run("ip link add out0 type veth peer name peer1 && ip link set out0 up && ip link set peer1 up");
    BOOST_CHECK(eventually([&] { return look("out0").carrier; })); // another index, the same port
}

BOOST_AUTO_TEST_SUITE_END()
