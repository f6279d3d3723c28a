// SPDX-License-Identifier: GPL-3.0-or-later

#include "control/link/beat_socket.hh"
#include "tests/unit/seal/allocations.hh"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <vector>

using namespace tandem;
using link::BeatSocket;
using link::Received;

BOOST_TEST_DONT_PRINT_LOG_VALUE(tandem::link::Received)

namespace {

constexpr std::uint32_t pair_hash = 0xabad1deaU;

contract::DatagramKey key(std::uint8_t seed) {
    contract::DatagramKey out;
    out.key.fill(seed);
    out.iv.fill(static_cast<std::uint8_t>(seed + 1));
    return out;
}

/// A UDP socket that is no node.
struct Plain {
    int fd{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    std::uint16_t port{0};

    explicit Plain(const char* address, std::uint16_t wanted = 0) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(wanted);
        inet_pton(AF_INET, address, &in.sin_addr);
        BOOST_REQUIRE_EQUAL(bind(fd, reinterpret_cast<sockaddr*>(&in), sizeof in), 0);
        socklen_t length = sizeof in;
        getsockname(fd, reinterpret_cast<sockaddr*>(&in), &length);
        port = ntohs(in.sin_port);
    }
    Plain(const Plain&) = delete;
    Plain& operator=(const Plain&) = delete;
    ~Plain() { close(fd); }

    void send(const char* address, const std::vector<std::uint8_t>& octets) const {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        inet_pton(AF_INET, address, &in.sin_addr);
        BOOST_REQUIRE_EQUAL(
            sendto(fd, octets.data(), octets.size(), 0, reinterpret_cast<sockaddr*>(&in), sizeof in),
            static_cast<ssize_t>(octets.size()));
    }
    std::vector<std::uint8_t> receive() const {
        pollfd p{fd, POLLIN, 0};
        BOOST_REQUIRE_EQUAL(poll(&p, 1, 2000), 1);
        std::vector<std::uint8_t> out(2048);
        out.resize(static_cast<std::size_t>(recv(fd, out.data(), out.size(), 0)));
        return out;
    }
};

std::uint16_t free_port() {
    Plain a("127.0.0.2");
    return a.port;
}

BeatSocket open(const char* local, const char* peer, std::uint16_t port, std::uint8_t node_id) {
    auto opened = BeatSocket::open({.local = *wire::IpAddress::parse(local),
                                    .peer = *wire::IpAddress::parse(peer),
                                    .port = port,
                                    .pair_hash = pair_hash,
                                    .node_id = node_id});
    BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error()));
    return std::move(*opened);
}

wire::Beat beat_of(std::uint8_t node_id, std::uint64_t sent_ns) {
    wire::Beat beat;
    beat.pair_hash = pair_hash;
    beat.node_id = node_id;
    beat.sent_ns = sent_ns;
    beat.group_count = 1;
    beat.groups[0] = {.name_hash = 7, .epoch = 42, .role = 2, .priority = 100, .score = 1000, .flags = 4};
    return beat;
}

/// The next thing that a socket receives within two seconds.
Received wait(BeatSocket& socket, wire::Beat& beat) {
    pollfd p{socket.descriptor(), POLLIN, 0};
    poll(&p, 1, 2000);
    return socket.receive(beat);
}

struct Two {
    std::uint16_t port = free_port();
    BeatSocket a = open("127.0.0.2", "127.0.0.3", port, 1);
    BeatSocket b = open("127.0.0.3", "127.0.0.2", port, 2);

    void key_both(std::uint32_t association, std::uint8_t seed) {
        a.rekey(association, key(seed), key(static_cast<std::uint8_t>(seed + 100)));
        b.rekey(association, key(static_cast<std::uint8_t>(seed + 100)), key(seed));
    }
};

/// A socket and, in the place of its peer, one that is no node but has the peer's keys.
struct Forged {
    std::uint16_t port = free_port();
    BeatSocket a = open("127.0.0.2", "127.0.0.3", port, 1);
    Plain peer{"127.0.0.3", port};
    seal::Sealer sealer{key(9)};

    Forged() { a.rekey(77, key(1), key(9)); }

    std::vector<std::uint8_t> datagram(const wire::HaHeader& header, std::span<const std::uint8_t> plain) {
        std::vector<std::uint8_t> out(wire::HaHeader::size + plain.size() + seal::tag_size);
        wire::write(header, out);
        sealer.seal(header.sequence, std::span(out).first(wire::HaHeader::size), plain,
                    std::span(out).subspan(wire::HaHeader::size));
        return out;
    }
    std::vector<std::uint8_t> datagram(std::uint64_t sequence, const wire::Beat& beat) {
        std::array<std::uint8_t, wire::Beat::size_max> plain;
        return datagram({.association = 77, .sequence = sequence},
                        std::span(plain).first(wire::write(beat, plain)));
    }
    Received deliver(const std::vector<std::uint8_t>& octets) {
        peer.send("127.0.0.2", octets);
        wire::Beat beat;
        return wait(a, beat);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(beat_socket)

BOOST_AUTO_TEST_CASE(says_nothing_without_keys) {
    Two two;
    wire::Beat beat;
    BOOST_TEST(!two.a.keyed());
    BOOST_TEST(!two.a.send(beat_of(1, 1)));
    BOOST_TEST(two.a.receive(beat) == Received::nothing);
}

BOOST_AUTO_TEST_CASE(beats_go_both_ways) {
    Two two;
    two.key_both(5, 10);
    wire::Beat beat;
    BOOST_REQUIRE(two.a.send(beat_of(1, 111)));
    BOOST_REQUIRE(wait(two.b, beat) == Received::beat);
    BOOST_TEST(beat.node_id == 1);
    BOOST_TEST(beat.sent_ns == 111U);
    BOOST_TEST(beat.groups[0].epoch == 42U);
    BOOST_TEST(two.b.receive(beat) == Received::nothing);
    BOOST_REQUIRE(two.b.send(beat_of(2, 222)));
    BOOST_REQUIRE(wait(two.a, beat) == Received::beat);
    BOOST_TEST(beat.sent_ns == 222U);
    BOOST_TEST(two.a.counters().sent == 1U);
    BOOST_TEST(two.a.counters().received == 1U);
}

BOOST_AUTO_TEST_CASE(over_ipv6) {
    // Two sockets cannot share ::1 and a port; one that talks to itself shows all but the answer.
    auto socket = open("::1", "::1", free_port(), 1);
    socket.rekey(5, key(1), key(1));
    wire::Beat beat;
    BOOST_REQUIRE(socket.send(beat_of(2, 1)));
    BOOST_TEST(wait(socket, beat) == Received::beat);
}

BOOST_AUTO_TEST_CASE(outranks_other_traffic) {
    Two two;
    int value = 0;
    socklen_t length = sizeof value;
    getsockopt(two.a.descriptor(), IPPROTO_IP, IP_TOS, &value, &length);
    BOOST_TEST(value >> 2 == 48); // CS6
    getsockopt(two.a.descriptor(), SOL_SOCKET, SO_PRIORITY, &value, &length);
    BOOST_TEST(value == 6);
}

BOOST_AUTO_TEST_CASE(garbage_is_counted_by_reason) {
    Forged world;
    const auto good = world.datagram(1, beat_of(2, 1));
    const auto& counters = world.a.counters();

    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{31}})
        BOOST_TEST(world.deliver({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}) ==
                   Received::refused);
    BOOST_TEST(counters.truncated == 4U);
    BOOST_TEST(world.deliver(std::vector<std::uint8_t>(1400, 1)) == Received::refused);
    BOOST_TEST(counters.truncated == 5U); // no heartbeat is that long

    auto changed = good;
    changed[0] = 99; // version
    BOOST_TEST(world.deliver(changed) == Received::refused);
    std::array<std::uint8_t, 60> plain{};
    const wire::HaHeader mirrored{.type = wire::HaType::mirror, .association = 77, .sequence = 1};
    BOOST_TEST(world.deliver(world.datagram(mirrored, plain)) == Received::refused);
    BOOST_TEST(counters.version == 2U);

    BOOST_TEST(world.deliver(world.datagram({.association = 78, .sequence = 1}, plain)) == Received::refused);
    BOOST_TEST(world.deliver(world.datagram({.association = 0, .sequence = 1}, plain)) == Received::refused);
    BOOST_TEST(counters.association == 2U);

    changed = good;
    changed.back() ^= 1;
    BOOST_TEST(world.deliver(changed) == Received::refused);
    changed = good;
    changed[20] ^= 1;
    BOOST_TEST(world.deliver(changed) == Received::refused);
    BOOST_TEST(world.deliver({good.begin(), good.end() - 1}) == Received::refused);
    BOOST_TEST(counters.unauthentic == 3U);

    BOOST_TEST(world.deliver(world.datagram({.association = 77, .sequence = 50},
                                            std::span(plain).first(3))) == Received::refused);
    BOOST_TEST(counters.malformed == 1U);

    auto foreign = beat_of(2, 1);
    foreign.pair_hash = 1;
    BOOST_TEST(world.deliver(world.datagram(51, foreign)) == Received::refused);
    BOOST_TEST(world.deliver(world.datagram(52, beat_of(1, 1))) == Received::refused); // our own id
    BOOST_TEST(counters.foreign == 2U);

    // After all that, what is good is good.
    BOOST_TEST(counters.received == 0U);
    BOOST_TEST(world.deliver(good) == Received::beat);
    BOOST_TEST(counters.received == 1U);
}

BOOST_AUTO_TEST_CASE(replays_are_refused) {
    Forged world;
    const auto first = world.datagram(1, beat_of(2, 1));
    const auto second = world.datagram(2, beat_of(2, 2));
    BOOST_TEST(world.deliver(second) == Received::beat);
    BOOST_TEST(world.deliver(first) == Received::beat); // late, but not seen
    BOOST_TEST(world.deliver(first) == Received::refused);
    BOOST_TEST(world.deliver(second) == Received::refused);
    BOOST_TEST(world.deliver(world.datagram(0, beat_of(2, 1))) == Received::refused); // numbers begin at 1
    BOOST_TEST(world.a.counters().replayed == 3U);
    // A forged number must not move the window.
    auto forged = world.datagram(3, beat_of(2, 3));
    forged[8] = 0x7f; // the top of the sequence number
    BOOST_TEST(world.deliver(forged) == Received::refused);
    BOOST_TEST(world.a.counters().unauthentic == 1U);
    BOOST_TEST(world.deliver(world.datagram(3, beat_of(2, 3))) == Received::beat);
}

BOOST_AUTO_TEST_CASE(only_the_peer_reaches_a_connected_socket) {
    Forged world;
    const Plain stranger("127.0.0.4", world.port);
    stranger.send("127.0.0.2", world.datagram(1, beat_of(2, 1)));
    wire::Beat beat;
    BOOST_TEST(world.a.receive(beat) == Received::nothing);
    BOOST_TEST(world.deliver(world.datagram(2, beat_of(2, 2))) == Received::beat);
    BOOST_TEST(world.a.counters().received == 1U);
}

BOOST_AUTO_TEST_CASE(an_unreachable_port_is_told_once) {
    auto socket = open("127.0.0.2", "127.0.0.3", free_port(), 1);
    socket.rekey(5, key(1), key(2));
    wire::Beat beat;
    BOOST_TEST(socket.receive(beat) == Received::nothing);
    BOOST_REQUIRE(socket.send(beat_of(1, 1)));
    BOOST_TEST(wait(socket, beat) == Received::unreachable);
    BOOST_TEST(socket.receive(beat) == Received::nothing);
    // Nothing is left that would wake the loop for ever.
    pollfd p{socket.descriptor(), POLLIN, 0};
    BOOST_TEST(poll(&p, 1, 0) == 0);
}

BOOST_AUTO_TEST_CASE(an_unreachable_port_is_told_when_sending_meets_it_first) {
    auto socket = open("127.0.0.2", "127.0.0.3", free_port(), 1);
    socket.rekey(5, key(1), key(2));
    BOOST_REQUIRE(socket.send(beat_of(1, 1)));
    pollfd p{socket.descriptor(), POLLIN, 0};
    BOOST_REQUIRE_EQUAL(poll(&p, 1, 2000), 1); // the error is there
    BOOST_TEST(socket.send(beat_of(1, 2)));    // takes the error, and still sends
    wire::Beat beat;
    BOOST_TEST(socket.receive(beat) == Received::unreachable);
    BOOST_TEST(socket.counters().sent == 2U);
    BOOST_TEST(socket.counters().send_failed == 0U);
}

BOOST_AUTO_TEST_CASE(a_restarted_peer_is_heard_after_unreachable) {
    const auto port = free_port();
    auto a = open("127.0.0.2", "127.0.0.3", port, 1);
    a.rekey(5, key(1), key(2));
    wire::Beat beat;
    BOOST_REQUIRE(a.send(beat_of(1, 1)));
    BOOST_TEST(wait(a, beat) == Received::unreachable);
    auto b = open("127.0.0.3", "127.0.0.2", port, 2);
    b.rekey(5, key(2), key(1));
    BOOST_REQUIRE(a.send(beat_of(1, 2)));
    BOOST_TEST(wait(b, beat) == Received::beat);
    BOOST_REQUIRE(b.send(beat_of(2, 3)));
    BOOST_TEST(wait(a, beat) == Received::beat);
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_while_only_one_side_has_new_keys) {
    Two two;
    two.key_both(5, 10);
    wire::Beat beat;
    for (const bool a_first : {true, false}) {
        const std::uint32_t association = a_first ? 6 : 7;
        const std::uint8_t seed = a_first ? 20 : 30;
        const auto key_a = [&] {
            two.a.rekey(association, key(seed), key(static_cast<std::uint8_t>(seed + 100)));
        };
        const auto key_b = [&] {
            two.b.rekey(association, key(static_cast<std::uint8_t>(seed + 100)), key(seed));
        };
        a_first ? key_a() : key_b();
        for (int i = 0; i < 10; ++i) {
            BOOST_REQUIRE(two.a.send(beat_of(1, 1)));
            BOOST_TEST(wait(two.b, beat) == Received::beat);
            BOOST_REQUIRE(two.b.send(beat_of(2, 1)));
            BOOST_TEST(wait(two.a, beat) == Received::beat);
        }
        a_first ? key_b() : key_a();
        for (unsigned i = 0; i < 2 * BeatSocket::patience; ++i) {
            BOOST_REQUIRE(two.a.send(beat_of(1, 1)));
            BOOST_TEST(wait(two.b, beat) == Received::beat);
            BOOST_REQUIRE(two.b.send(beat_of(2, 1)));
            BOOST_TEST(wait(two.a, beat) == Received::beat);
        }
    }
    BOOST_TEST(two.a.counters().association == 0U);
    BOOST_TEST(two.b.counters().association == 0U);
}

BOOST_AUTO_TEST_CASE(the_association_on_the_wire_changes_when_the_peer_has_it) {
    Forged world; // keyed with 77
    world.a.rekey(78, key(2), key(9));
    const auto association = [](const std::vector<std::uint8_t>& octets) {
        const auto header = wire::read_ha_header(octets);
        BOOST_REQUIRE(header.has_value());
        return header->association;
    };
    BOOST_REQUIRE(world.a.send(beat_of(1, 1)));
    BOOST_TEST(association(world.peer.receive()) == 77U);
    // The keys before still count for receiving, and change nothing for sending.
    BOOST_TEST(world.deliver(world.datagram(1, beat_of(2, 1))) == Received::beat);
    BOOST_REQUIRE(world.a.send(beat_of(1, 1)));
    BOOST_TEST(association(world.peer.receive()) == 77U);
    std::array<std::uint8_t, wire::Beat::size_max> plain;
    const std::size_t length = wire::write(beat_of(2, 2), plain);
    BOOST_TEST(world.deliver(world.datagram({.association = 78, .sequence = 1},
                                            std::span(plain).first(length))) == Received::beat);
    BOOST_REQUIRE(world.a.send(beat_of(1, 1)));
    BOOST_TEST(association(world.peer.receive()) == 78U);
    // Two associations later the first is forgotten.
    world.a.rekey(79, key(3), key(9));
    BOOST_TEST(world.deliver(world.datagram(2, beat_of(2, 1))) == Received::refused);
    BOOST_TEST(world.a.counters().association == 1U);
}

BOOST_AUTO_TEST_CASE(patience_ends) {
    Forged world;
    world.a.rekey(78, key(2), key(9));
    std::uint32_t last = 0;
    for (unsigned i = 0; i <= BeatSocket::patience; ++i) {
        BOOST_REQUIRE(world.a.send(beat_of(1, 1)));
        last = wire::read_ha_header(world.peer.receive())->association;
        BOOST_TEST(last == (i < BeatSocket::patience ? 77U : 78U));
    }
}

BOOST_AUTO_TEST_CASE(keys_told_twice_never_repeat_a_sequence_number) {
    Forged world;
    BOOST_REQUIRE(world.a.send(beat_of(1, 1)));
    world.a.rekey(77, key(1), key(9));
    BOOST_REQUIRE(world.a.send(beat_of(1, 1)));
    const auto first = wire::read_ha_header(world.peer.receive());
    const auto second = wire::read_ha_header(world.peer.receive());
    BOOST_REQUIRE(first.has_value() && second.has_value());
    BOOST_TEST(first->sequence == 1U);
    BOOST_TEST(second->sequence == 2U);
}

BOOST_AUTO_TEST_CASE(opening_says_what_is_wrong) {
    BeatSocket::Settings settings{.local = *wire::IpAddress::parse("192.0.2.1"),
                                  .peer = *wire::IpAddress::parse("192.0.2.2"),
                                  .port = 7101,
                                  .pair_hash = 1,
                                  .node_id = 1};
    auto opened = BeatSocket::open(settings);
    BOOST_REQUIRE(!opened.has_value());
    BOOST_TEST(opened.error().find("192.0.2.1 port 7101: bind") != std::string::npos, opened.error());
    settings.peer = *wire::IpAddress::parse("2001:db8::1");
    BOOST_TEST(!BeatSocket::open(settings).has_value());
    const auto port = free_port();
    const auto first = open("127.0.0.2", "127.0.0.3", port, 1);
    settings.local = *wire::IpAddress::parse("127.0.0.2");
    settings.peer = *wire::IpAddress::parse("127.0.0.3");
    settings.port = port;
    BOOST_TEST(!BeatSocket::open(settings).has_value()); // taken
}

BOOST_AUTO_TEST_CASE(moves) {
    Two two;
    two.key_both(5, 10);
    BeatSocket moved(std::move(two.a));
    wire::Beat beat;
    BOOST_REQUIRE(moved.send(beat_of(1, 1)));
    BOOST_TEST(wait(two.b, beat) == Received::beat);
    two.a = std::move(moved);
    BOOST_REQUIRE(two.a.send(beat_of(1, 1)));
    BOOST_TEST(wait(two.b, beat) == Received::beat);
}

BOOST_AUTO_TEST_CASE(nothing_allocates_after_opening) {
    BOOST_REQUIRE(test::openssl_counted());
    Two two;
    wire::Beat beat;
    bool sent = true;
    unsigned heard = 0;
    const std::uint64_t before = test::allocations();
    two.key_both(5, 10);
    for (int i = 0; i < 100; ++i) {
        sent = two.a.send(beat_of(1, 1)) && sent;
        heard += wait(two.b, beat) == Received::beat ? 1 : 0;
    }
    two.key_both(6, 20);
    for (int i = 0; i < 100; ++i) {
        sent = two.b.send(beat_of(2, 1)) && sent;
        heard += wait(two.a, beat) == Received::beat ? 1 : 0;
    }
    const std::uint64_t after = test::allocations();
    BOOST_TEST(sent);
    BOOST_TEST(heard == 200U);
    BOOST_TEST(after - before == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
