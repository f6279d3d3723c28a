// SPDX-License-Identifier: GPL-3.0-or-later
// Which sockets the kernel would give a packet to.

#include "control/watch/descriptor.hh"
#include "control/watch/socket_table.hh"
#include "tests/unit/watch/responder.hh"

#include <boost/test/unit_test.hpp>

#include <net/if.h>

using namespace tandem;
using namespace tandem::testing;
using watch::Transport;

namespace {

const wire::IpAddress any4 = wire::IpAddress::v4({0, 0, 0, 0});
const wire::IpAddress any6 = wire::IpAddress::v6({});

struct Node : World {
    Node()
        : table(open_table()) {
        run("ip addr add 10.77.0.100/32 dev lo && ip addr add 2001:db8:77::100/128 dev lo nodad");
        settle(vip4);
        settle(vip6);
    }
    static watch::SocketTable open_table() {
        auto opened = watch::SocketTable::open();
        BOOST_REQUIRE(opened.has_value());
        return std::move(*opened);
    }
    /// A socket that is bound as said.
    static watch::Descriptor bound_socket(int type, const wire::IpAddress& address, std::uint16_t port,
                                          const std::string& device = {}) {
        watch::Descriptor fd(::socket(address.is_v4() ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
        const watch::SocketAddress local(address, port);
        if (!device.empty())
            BOOST_REQUIRE_EQUAL(::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                                             static_cast<socklen_t>(device.size() + 1)),
                                0);
        BOOST_REQUIRE_EQUAL(::bind(fd.get(), local.get(), local.length), 0);
        return fd;
    }
    /// What the table says, with the outside interface in mind: 'y', 'n', or '?'.
    char says(Transport transport, const wire::IpAddress& address, std::uint16_t port = 5060) {
        const auto found = table.bound(transport, address, port, interface("out0").index);
        return !found ? '?' : *found ? 'y' : 'n';
    }

    watch::SocketTable table;
};

} // namespace

BOOST_AUTO_TEST_SUITE(sockets)

BOOST_FIXTURE_TEST_CASE(nobody_is_there, Node) {
    for (const auto& vip : {vip4, vip6}) {
        BOOST_CHECK_EQUAL(says(Transport::udp, vip), 'n');
        BOOST_CHECK_EQUAL(says(Transport::tcp, vip), 'n');
    }
}

BOOST_FIXTURE_TEST_CASE(udp_on_the_address_or_on_the_wildcard, Node) {
    for (const auto& [vip, wildcard, own] : {std::tuple{vip4, any4, node4}, std::tuple{vip6, any6, node6}}) {
        {
            const auto server = bound_socket(SOCK_DGRAM, vip, 5060);
            BOOST_CHECK_EQUAL(says(Transport::udp, vip), 'y');
            BOOST_CHECK_EQUAL(says(Transport::udp, vip, 5080), 'n');
            BOOST_CHECK_EQUAL(says(Transport::udp, own), 'n');
            BOOST_CHECK_EQUAL(says(Transport::tcp, vip), 'n');
        }
        BOOST_CHECK_EQUAL(says(Transport::udp, vip), 'n'); // closed
        {
            const auto server = bound_socket(SOCK_DGRAM, wildcard, 5060);
            BOOST_CHECK_EQUAL(says(Transport::udp, vip), 'y');
        }
        const auto elsewhere = bound_socket(SOCK_DGRAM, own, 5060);
        BOOST_CHECK_EQUAL(says(Transport::udp, vip), 'n');
    }
}

BOOST_FIXTURE_TEST_CASE(an_ipv6_wildcard_serves_ipv4_unless_it_says_no, Node) {
    {
        const auto server = bound_socket(SOCK_DGRAM, any6, 5060);
        BOOST_CHECK_EQUAL(says(Transport::udp, vip4), 'y');
    }
    watch::Descriptor server(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    const watch::SocketAddress local(any6, 5060);
    BOOST_REQUIRE_EQUAL(::setsockopt(server.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), 0);
    BOOST_REQUIRE_EQUAL(::bind(server.get(), local.get(), local.length), 0);
    BOOST_CHECK_EQUAL(says(Transport::udp, vip4), 'n');
    BOOST_CHECK_EQUAL(says(Transport::udp, vip6), 'y');
}

BOOST_FIXTURE_TEST_CASE(a_socket_that_hears_only_one_station_serves_nobody, Node) {
    const auto server = bound_socket(SOCK_DGRAM, vip4, 5060);
    const watch::SocketAddress station(host4, 5060);
    BOOST_REQUIRE_EQUAL(::connect(server.get(), station.get(), station.length), 0);
    BOOST_CHECK_EQUAL(says(Transport::udp, vip4), 'n');
}

BOOST_FIXTURE_TEST_CASE(a_socket_of_the_outside_interface_counts_and_of_another_does_not, Node) {
    {
        const auto server = bound_socket(SOCK_DGRAM, vip4, 5060, "out0");
        BOOST_CHECK_EQUAL(says(Transport::udp, vip4), 'y');
    }
    run("ip link add other0 type veth peer name other1 && ip link set other0 up");
    const auto server = bound_socket(SOCK_DGRAM, vip4, 5060, "other0");
    BOOST_CHECK_EQUAL(says(Transport::udp, vip4), 'n');
}

BOOST_FIXTURE_TEST_CASE(tcp_has_to_listen, Node) {
    const auto server = bound_socket(SOCK_STREAM, vip4, 5060);
    BOOST_CHECK_EQUAL(says(Transport::tcp, vip4), 'n');
    BOOST_REQUIRE_EQUAL(::listen(server.get(), 1), 0);
    BOOST_CHECK_EQUAL(says(Transport::tcp, vip4), 'y');
    BOOST_CHECK_EQUAL(says(Transport::udp, vip4), 'n');
}

BOOST_AUTO_TEST_SUITE_END()
