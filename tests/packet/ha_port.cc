// SPDX-License-Identifier: GPL-3.0-or-later
// The mirror over a port of DPDK: it leaves and arrives past the kernel, and nobody believes it unread.
#include "dataplane/path/mirror_frame.hh"
#include "dataplane/seal/seal.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ha_frame.hh"
#include "dataplane/wire/udp.hh"
#include "tests/packet/appliance.hh"
#include "tests/packet/cases.hh"
#include "tests/packet/namespaces.hh"

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <random>

namespace {

using namespace packet_suite;
using namespace tandem;
using contract::Counter;
using path::Stance;

constexpr std::uint64_t stream = 50;

ApplianceSetup with_ha(HaPath ha = {}) {
    ApplianceSetup setup;
    setup.ha = std::move(ha);
    return setup;
}

ApplianceSetup in_clear() {
    return with_ha({.mirror = contract::MirrorSeal::clear, .tags = {}});
}

Bytes mark_frame() {
    Bytes frame(path::MarkFrame::size);
    path::write(path::MarkFrame{stream, 1, 1, 1, 0}, frame);
    return frame;
}

Bytes packet_frame(std::uint64_t sequence, const Bytes& packet) {
    Bytes frame(path::PacketFrame::header_size);
    path::write_packet_header({stream, sequence, 7, {}}, frame);
    frame.insert(frame.end(), packet.begin(), packet.end());
    return frame;
}

bool mirrored(Appliance& appliance, std::size_t count) {
    return eventually([&] {
        appliance.peer().poll();
        return appliance.peer().mirrored.size() == count;
    });
}

/// Waits until the port has the peer's MAC address and sends by itself; marks are sent all the time.
void wait_port(Appliance& appliance) {
    BOOST_REQUIRE(eventually([&] { return appliance.count(Counter::ha_port_sent) > 0; }));
}

std::uint64_t kernel_datagrams(const Appliance& appliance) {
    // "Udp: InDatagrams NoPorts InErrors OutDatagrams ...", names first, then numbers.
    return std::stoull(appliance.run("awk '/^Udp:/ { n = $5 } END { print n }' /proc/net/snmp"));
}

std::uint64_t kernel_datagrams_in(const Appliance& appliance) {
    return std::stoull(appliance.run("awk '/^Udp:/ { n = $2 } END { print n }' /proc/net/snmp"));
}

/// Sends a mirrored REGISTER as the peer does and waits for it at the server.
bool is_delivered(Appliance& appliance, const Bytes& copy) {
    return appliance.receive(Wire::inside, [&](const Bytes& frame) { return ip_in(frame) == copy; })
        .has_value();
}

Bytes copy_of(int number) {
    return packet_of(request("REGISTER") + "x-number: " + std::to_string(number), vip, 5060);
}

/// A standby whose receiver follows the peer's stream.
void follow(Appliance& appliance, void (Peer::*send)(std::span<const std::uint8_t>) = &Peer::send) {
    set_stance(appliance.page(), Stance::standby, now_ns());
    appliance.settle();
    (appliance.peer().*send)(mark_frame());
    (appliance.peer().*send)(packet_frame(1, copy_of(1)));
    BOOST_REQUIRE(is_delivered(appliance, copy_of(1)));
}

void check_leaving(const HaPath& ha) {
    Appliance appliance{with_ha(ha)};
    wait_port(appliance);
    const std::uint64_t kernel = kernel_datagrams(appliance);
    const Bytes large = packet_of(request("REGISTER", 1400), vip, 5060);
    appliance.send(Wire::outside, large);
    BOOST_REQUIRE(mirrored(appliance, 1));
    BOOST_TEST(appliance.peer().mirrored[0] == large, boost::test_tools::per_element());
    for (int i = 0; i < 100; ++i)
        appliance.send(Wire::outside, copy_of(i));
    BOOST_REQUIRE(mirrored(appliance, 101));
    for (int i = 0; i < 100; ++i)
        BOOST_TEST((appliance.peer().mirrored[static_cast<std::size_t>(i) + 1] == copy_of(i)));
    BOOST_TEST(appliance.count(Counter::mirror_sent) == 101U);
    BOOST_TEST(kernel_datagrams(appliance) == kernel); // the engine's socket has sent nothing
    BOOST_TEST(appliance.peer().garbage == 0U);
    BOOST_TEST(appliance.peer().replayed == 0U);
    BOOST_TEST(appliance.count(Counter::link_unauthentic) == 0U);
}

void check_arriving(const HaPath& ha) {
    Appliance appliance{with_ha(ha)};
    follow(appliance);
    const std::uint64_t kernel = kernel_datagrams_in(appliance);
    for (int i = 2; i < 40; ++i) {
        appliance.peer().send(packet_frame(static_cast<std::uint64_t>(i), copy_of(i)));
        BOOST_REQUIRE(is_delivered(appliance, copy_of(i)));
    }
    // Longer than the MTU: the peer's kernel sends pieces.
    const Bytes large = packet_of(request("REGISTER", 1450), vip, 5060);
    appliance.peer().send(packet_frame(40, large));
    BOOST_TEST(is_delivered(appliance, large));
    BOOST_TEST(eventually([&] {
        appliance.peer().poll();
        return appliance.peer().reported_handled == 40;
    }));
    BOOST_TEST(appliance.count(Counter::mirror_delivered) == 40U);
    BOOST_TEST(appliance.count(Counter::ha_port_received) >= 41U);
    BOOST_TEST(kernel_datagrams_in(appliance) == kernel);
}

} // namespace

BOOST_AUTO_TEST_SUITE(ha_port)

BOOST_AUTO_TEST_CASE(the_mirror_leaves_by_the_port) {
    check_leaving({});
}

BOOST_AUTO_TEST_CASE(the_mirror_leaves_by_the_port_over_ipv6) {
    check_leaving({.family = wire::Family::ipv6, .tags = {}});
}

BOOST_AUTO_TEST_CASE(the_mirror_arrives_by_the_port) {
    check_arriving({});
}

BOOST_AUTO_TEST_CASE(the_mirror_arrives_by_the_port_over_ipv6) {
    check_arriving({.family = wire::Family::ipv6, .tags = {}});
}

BOOST_AUTO_TEST_CASE(the_mirror_has_the_tags_of_the_port) {
    // Nobody answers for the peer behind the tags: the test is at both ends of the frames.
    Appliance appliance{with_ha({.tags = {77}})};
    appliance.run("ip neigh replace 10.7.0.2 dev ha0 lladdr " + std::string(Appliance::peer_mac));
    wait_port(appliance);
    appliance.forget();
    const auto sent = appliance.receive(Wire::ha, [](const Bytes& frame) {
        return frame.size() > 60 && frame[12] == 0x81 && frame[13] == 0x00 && frame[15] == 77 &&
               frame[16] == 0x08;
    });
    BOOST_REQUIRE(sent);
    const auto udp = wire::parse_udp(std::span(*sent).subspan(18 + wire::IpPacket::ipv4_header_min));
    BOOST_REQUIRE(udp);
    BOOST_TEST(udp->destination_port == mirror_port);
    const auto header = wire::read_ha_header(udp->payload);
    BOOST_REQUIRE(header);
    seal::Opener opener{test_keys().current.transmit};
    Bytes plain(2000);
    BOOST_TEST(opener
                   .open(header->sequence, udp->payload.first(wire::HaHeader::size),
                         udp->payload.subspan(wire::HaHeader::size), plain)
                   .has_value());

    set_stance(appliance.page(), Stance::standby, now_ns());
    appliance.settle();
    for (const Bytes& frame : {mark_frame(), packet_frame(1, copy_of(1))}) {
        appliance.peer().send(frame); // never leaves: the peer's kernel knows no station without tags
        Bytes packet(wire::udp_packet_size(wire::Family::ipv4, appliance.peer().last().size()));
        wire::write_udp_packet(packet, {address("10.7.0.2"), address("10.7.0.1"), mirror_port, mirror_port},
                               appliance.peer().last());
        appliance.send(Wire::ha, packet, {77});
    }
    BOOST_TEST(is_delivered(appliance, copy_of(1)));
    BOOST_TEST(appliance.count(Counter::ha_port_received) >= 2U);
}

BOOST_AUTO_TEST_CASE(what_comes_after_a_switchover_is_redirected_by_the_port) {
    Appliance appliance{with_ha()};
    wait_port(appliance);
    set_stance(appliance.page(), Stance::yielding, now_ns());
    appliance.settle();
    appliance.send(Wire::outside, copy_of(3));
    BOOST_TEST(eventually([&] {
        appliance.peer().poll();
        return appliance.peer().redirected.size() == 1;
    }));
    BOOST_TEST((appliance.peer().redirected.at(0) == copy_of(3)));
    BOOST_TEST(appliance.count(Counter::redirected_sent) == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_sent_again_by_the_port) {
    Appliance appliance{with_ha()};
    wait_port(appliance);
    for (int i = 0; i < 5; ++i)
        appliance.send(Wire::outside, copy_of(i));
    BOOST_REQUIRE(mirrored(appliance, 5));
    path::RequestFrame request;
    request.stream = appliance.peer().stream;
    request.range_count = 1;
    request.ranges[0] = {2, 3};
    Bytes frame(path::RequestFrame::size_max);
    frame.resize(path::write(request, frame));
    appliance.peer().send(frame);
    BOOST_REQUIRE(mirrored(appliance, 8));
    BOOST_TEST((appliance.peer().mirrored[5] == copy_of(1)));
    BOOST_TEST((appliance.peer().mirrored[7] == copy_of(3)));
    BOOST_TEST(appliance.count(Counter::mirror_retransmitted) == 3U);
    BOOST_TEST(appliance.peer().replayed == 0U);
}

BOOST_AUTO_TEST_CASE(no_number_seals_twice_whoever_sends) {
    // By the kernel's socket until the peer's MAC address is known, then by the port; and again in the next
    // life.
    Appliance appliance{with_ha()};
    for (int life = 0; life < 3; ++life) {
        appliance.run("ip neigh flush dev ha0");
        wait_port(appliance);
        for (int i = 0; i < 20; ++i)
            appliance.send(Wire::outside, copy_of(i));
        BOOST_REQUIRE(mirrored(appliance, static_cast<std::size_t>(life + 1) * 20));
        const std::uint64_t sent = appliance.count(Counter::ha_port_sent);
        appliance.kill();
        appliance.start();
        BOOST_REQUIRE(eventually([&] { return appliance.count(Counter::ha_port_sent) > sent; }));
    }
    BOOST_TEST(eventually([&] {
        const std::size_t marks = appliance.peer().marks;
        appliance.peer().poll();
        return appliance.peer().marks > marks;
    }));
    BOOST_TEST(appliance.peer().replayed == 0U);
    BOOST_TEST(appliance.peer().garbage == 0U);
}

BOOST_AUTO_TEST_CASE(the_socket_serves_while_the_port_does_not_know_the_peer) {
    Appliance appliance{with_ha()};
    wait_port(appliance);
    appliance.run_far("ip link set h0 arp off");
    appliance.run("ip neigh flush dev ha0");
    const std::uint64_t by_socket = kernel_datagrams(appliance);
    BOOST_TEST(eventually([&] { return kernel_datagrams(appliance) > by_socket + 3; }));
    const std::uint64_t by_port = appliance.count(Counter::ha_port_sent);
    appliance.run_far("ip link set h0 arp on");
    BOOST_TEST(eventually([&] { return appliance.count(Counter::ha_port_sent) > by_port; }));
    appliance.send(Wire::outside, copy_of(1));
    BOOST_TEST(mirrored(appliance, 1));
    BOOST_TEST(appliance.peer().replayed == 0U);
}

BOOST_AUTO_TEST_CASE(another_path_takes_over_when_the_brain_says_so) {
    Appliance appliance{with_ha()};
    wait_port(appliance);
    contract::Policy policy;
    BOOST_REQUIRE(appliance.page().policy.read(policy));
    policy.paths[1] = {address("127.0.0.1"), address("127.0.0.2")};
    policy.path_count = 2;
    contract::MirrorLink keys = test_keys();
    appliance.page().mirror_links[1].write(keys);
    appliance.page().policy.write(policy);
    Peer other{in_namespace(appliance.node(), [] {
        const int descriptor = udp_socket("127.0.0.2", mirror_port);
        const SocketAddress node = socket_address("127.0.0.1", mirror_port);
        ::connect(descriptor, reinterpret_cast<const sockaddr*>(&node.storage), node.length);
        return descriptor;
    })};
    appliance.page().mirror_path = 1;
    appliance.settle();
    const std::uint64_t by_port = appliance.count(Counter::ha_port_sent);
    appliance.send(Wire::outside, copy_of(1));
    BOOST_TEST(eventually([&] {
        other.poll();
        return other.mirrored.size() == 1;
    }));
    BOOST_TEST(appliance.count(Counter::ha_port_sent) == by_port);
    appliance.page().mirror_path = 0;
    BOOST_TEST(eventually([&] { return appliance.count(Counter::ha_port_sent) > by_port; }));
}

BOOST_AUTO_TEST_CASE(what_is_not_authentic_is_counted_and_dropped) {
    Appliance appliance{with_ha()};
    follow(appliance);
    Peer& peer = appliance.peer();
    const auto refused = [&](Counter counter, const Bytes& datagram) {
        const std::uint64_t before = appliance.count(counter);
        const std::uint64_t delivered = appliance.count(Counter::mirror_received);
        peer.send_raw(datagram);
        BOOST_TEST_CONTEXT(contract::to_string(counter)) {
            BOOST_TEST(eventually([&] { return appliance.count(counter) == before + 1; }));
            BOOST_TEST(appliance.count(Counter::mirror_received) == delivered);
        }
    };
    const Bytes good = peer.last();
    refused(Counter::link_replayed, good);
    refused(Counter::link_truncated, Bytes(good.begin(), good.begin() + 10));
    Bytes other = good;
    other[7] ^= 1U; // association
    refused(Counter::link_association, other);
    other = good;
    other[0] = 9;
    refused(Counter::link_version, other);
    for (const std::size_t at : {std::size_t{2}, std::size_t{16}, good.size() - 1}) {
        other = good;
        other[14] ^= 1U; // a number that was not there yet
        other[at] ^= 1U;
        refused(Counter::link_unauthentic, other);
    }
    other.resize(20); // a header and less than a tag
    refused(Counter::link_unauthentic, other);
    // It goes on.
    peer.send(packet_frame(2, copy_of(2)));
    BOOST_TEST(is_delivered(appliance, copy_of(2)));
}

BOOST_AUTO_TEST_CASE(what_was_received_is_not_accepted_by_the_next_life) {
    Appliance appliance{with_ha()};
    follow(appliance);
    const Bytes good = appliance.peer().last();
    appliance.kill();
    appliance.start();
    const std::uint64_t before = appliance.count(Counter::link_replayed);
    appliance.peer().send_raw(good);
    BOOST_TEST(eventually([&] { return appliance.count(Counter::link_replayed) == before + 1; }));
}

BOOST_AUTO_TEST_CASE(in_clear_where_both_say_so) {
    Appliance appliance{in_clear()};
    appliance.page().mirror_links[0].write({}); // it needs no keys
    wait_port(appliance);
    const Bytes large = packet_of(request("REGISTER", 1450), vip, 5060);
    appliance.send(Wire::outside, large);
    appliance.send(Wire::outside, copy_of(1));
    BOOST_REQUIRE(mirrored(appliance, 2));
    BOOST_TEST((appliance.peer().mirrored[0] == large));
    BOOST_TEST((appliance.peer().mirrored[1] == copy_of(1)));
    BOOST_TEST(appliance.peer().clear >= 2U);
    follow(appliance, &Peer::send_clear);
    appliance.peer().send_clear(packet_frame(2, large));
    BOOST_TEST(is_delivered(appliance, large));
    BOOST_TEST(appliance.count(Counter::link_clear) == 0U);
    // The other side may have to fall back to its socket, which seals.
    appliance.page().mirror_links[0].write(test_keys());
    appliance.settle();
    appliance.peer().send(packet_frame(3, copy_of(3)));
    BOOST_TEST(is_delivered(appliance, copy_of(3)));
}

BOOST_AUTO_TEST_CASE(in_clear_is_refused_where_it_must_be_sealed) {
    Appliance appliance{with_ha()};
    follow(appliance);
    const std::uint64_t received = appliance.count(Counter::mirror_received);
    appliance.peer().send_clear(packet_frame(2, copy_of(2)));
    BOOST_TEST(eventually([&] { return appliance.count(Counter::link_clear) == 1; }));
    BOOST_TEST(appliance.count(Counter::mirror_received) == received);
    // Nor from elsewhere to a port in clear: what comes in on another network is not believed.
    Appliance clear{in_clear()};
    wait_port(clear);
    clear.page().mirror_links[0].write(test_keys());
    Bytes frame(wire::HaHeader::size);
    wire::write({wire::ha_version, wire::HaType::mirror_clear, 0, 1}, frame);
    const Bytes mark = mark_frame();
    frame.insert(frame.end(), mark.begin(), mark.end());
    Bytes packet(wire::udp_packet_size(wire::Family::ipv4, frame.size()));
    wire::write_udp_packet(packet, {address("10.7.0.2"), address("10.7.0.1"), mirror_port, mirror_port},
                           frame);
    const std::uint64_t believed = clear.count(Counter::ha_port_received);
    clear.run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.outside0.rp_filter=0");
    clear.send(Wire::outside, packet);
    BOOST_TEST(eventually([&] { return clear.count(Counter::link_clear) == 1; }));
    BOOST_TEST(clear.count(Counter::ha_port_received) == believed);
}

BOOST_AUTO_TEST_CASE(the_kernel_has_everything_else_on_the_port) {
    Appliance appliance{with_ha()};
    follow(appliance);
    // ping fails when nothing comes back, and run_far() then.
    appliance.run_far("ping -c 1 -W 5 10.7.0.1");
    appliance.run_far("ping -c 1 -W 5 -s 4000 10.7.0.1");
    appliance.run_far("ping -c 1 -W 5 fd00:7::1");
    // The peer's datagrams to other ports, also in pieces.
    const int there = in_namespace(appliance.node(), [] { return udp_socket("10.7.0.1", 7101); });
    const int here = in_namespace(appliance.far(), [] { return udp_socket("10.7.0.2", 7101); });
    const SocketAddress node = socket_address("10.7.0.1", 7101);
    for (const std::size_t size : {std::size_t{100}, std::size_t{4000}}) {
        const Bytes text(size, 0x42);
        BOOST_REQUIRE(::sendto(here, text.data(), text.size(), 0,
                               reinterpret_cast<const sockaddr*>(&node.storage),
                               node.length) == static_cast<ssize_t>(size));
        Bytes got(5000);
        BOOST_TEST(eventually([&] {
            return ::recv(there, got.data(), got.size(), MSG_DONTWAIT) == static_cast<ssize_t>(size);
        }));
    }
    ::close(there);
    ::close(here);
    BOOST_TEST(appliance.count(Counter::link_truncated) == 0U);
}

BOOST_AUTO_TEST_CASE(noise_on_the_ha_port_stops_nothing) {
    Appliance appliance{with_ha()};
    follow(appliance);
    std::mt19937 random{12}; // NOLINT(cert-msc51-cpp): the same noise in every run
    Bytes seed(wire::udp_packet_size(wire::Family::ipv4, appliance.peer().last().size()));
    wire::write_udp_packet(seed, {address("10.7.0.2"), address("10.7.0.1"), mirror_port, mirror_port},
                           appliance.peer().last());
    for (int i = 0; i < 20'000; ++i) {
        Bytes packet = seed;
        for (int changes = 0; changes < 3; ++changes)
            packet[random() % 60] = static_cast<std::uint8_t>(random());
        packet.resize(1 + random() % packet.size());
        appliance.send(Wire::ha, packet);
        if (i % 64 == 0)
            appliance.settle();
    }
    appliance.forget();
    BOOST_TEST(eventually([&] {
        appliance.peer().send(packet_frame(2, copy_of(2)));
        return appliance.is_there(Wire::inside,
                                  [&](const Bytes& frame) { return ip_in(frame) == copy_of(2); });
    }));
    BOOST_TEST(appliance.count(Counter::no_buffer) == 0U);
    BOOST_TEST(appliance.count(Counter::mirror_received) >= 2U);
}

BOOST_AUTO_TEST_SUITE_END()
