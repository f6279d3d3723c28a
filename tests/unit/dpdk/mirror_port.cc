// SPDX-License-Identifier: GPL-3.0-or-later
// Datagrams as they stand on the wire, read with the readers that everybody else uses.

#include "dataplane/io/dpdk/mirror_port.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/udp.hh"

#include <boost/test/unit_test.hpp>

#include <rte_mbuf.h>

#include <memory>
#include <set>
#include <vector>

namespace {

using namespace tandem;
using Bytes = std::vector<std::uint8_t>;

constexpr contract::DatagramKey key{{1, 2, 3}, {4, 5, 6}};
constexpr std::uint16_t port_number = 7102;

struct Free {
    void operator()(rte_mbuf* packet) const { rte_pktmbuf_free(packet); }
};
using Packet = std::unique_ptr<rte_mbuf, Free>;

struct Fixture {
    static rte_mempool* pool(const char* name, std::uint16_t room) {
        rte_mempool* made = rte_mempool_lookup(name);
        return made != nullptr ? made : rte_pktmbuf_pool_create(name, 255, 0, 0, room, SOCKET_ID_ANY);
    }
    dpdk::MirrorPools pools{pool("headers", 384), pool("indirect", 0), pool("copies", 2176)};
    dpdk::MirrorPort mirror{pools};
    std::atomic<std::uint64_t> reserved{0};
    seal::Numbers numbers;

    explicit Fixture(std::string_view local = "192.0.2.1", std::string_view peer = "192.0.2.2") {
        BOOST_REQUIRE(pools.copies != nullptr);
        numbers.begin(reserved);
        mirror.set_route({*wire::MacAddress::parse("02:00:00:00:00:01"),
                          *wire::MacAddress::parse("02:00:00:00:00:02"), *wire::IpAddress::parse(local),
                          *wire::IpAddress::parse(peer), port_number, 1500});
    }
    ~Fixture() {
        BOOST_TEST(rte_mempool_in_use_count(pools.headers) <= 32U); // what is set aside for the next ones
        BOOST_TEST(rte_mempool_in_use_count(pools.copies) <= 33U);
    }
};

struct Ipv6 : Fixture {
    Ipv6()
        : Fixture("2001:db8::1", "2001:db8::2") {}
};

Bytes octets(const rte_mbuf* packet) {
    Bytes out;
    for (; packet != nullptr; packet = packet->next) {
        const auto* data = rte_pktmbuf_mtod(packet, const std::uint8_t*);
        out.insert(out.end(), data, data + packet->data_len);
    }
    return out;
}

Bytes frame_of(std::size_t size) {
    Bytes frame(size);
    for (std::size_t i = 0; i < size; ++i)
        frame[i] = static_cast<std::uint8_t>(i * 5 + size);
    return frame;
}

/// The HA datagram in a frame, if every header and checksum is right.
Bytes datagram_in(const Bytes& frame) {
    const auto parsed = wire::parse_ethernet(frame);
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST((parsed->destination == *wire::MacAddress::parse("02:00:00:00:00:02")));
    BOOST_TEST((parsed->source == *wire::MacAddress::parse("02:00:00:00:00:01")));
    const auto ip = wire::parse_ip(parsed->payload);
    BOOST_REQUIRE(ip.has_value());
    BOOST_TEST(ip->bytes.size() + 14 == frame.size());
    if (ip->source.is_v4())
        BOOST_TEST(wire::checksum(ip->bytes.first(20)) == 0);
    const auto udp = wire::parse_udp(ip->payload);
    BOOST_REQUIRE(udp.has_value());
    BOOST_TEST(udp->source_port == port_number);
    BOOST_TEST(udp->destination_port == port_number);
    if (ip->source.is_v6() || udp->checksum != 0)
        BOOST_TEST(wire::transport_checksum(ip->source, ip->destination, ip->protocol, ip->payload) == 0);
    return {udp->payload.begin(), udp->payload.end()};
}

/// Opened by the library that the other engines use.
Bytes opened(const Bytes& datagram, std::set<std::uint64_t>& seen) {
    const auto header = wire::read_ha_header(datagram);
    BOOST_REQUIRE(header.has_value());
    BOOST_TEST((header->type == wire::HaType::mirror));
    BOOST_TEST(header->association == 9U);
    BOOST_TEST(seen.insert(header->sequence).second, "number " << header->sequence << " sealed twice");
    seal::Opener opener{key};
    Bytes plain(datagram.size());
    const auto length = opener.open(header->sequence, std::span(datagram).first(wire::HaHeader::size),
                                    std::span(datagram).subspan(wire::HaHeader::size), plain);
    BOOST_REQUIRE(length.has_value());
    plain.resize(*length);
    return plain;
}

void check_sealed(Fixture& f, dpdk::Sealing sealing) {
    f.mirror.seal_with(9, key, f.numbers, sealing);
    std::set<std::uint64_t> seen;
    for (const std::size_t size : {std::size_t{1}, std::size_t{44}, std::size_t{740}, std::size_t{1400}}) {
        const Bytes frame = frame_of(size);
        const Packet whole{f.mirror.datagram(frame)};
        BOOST_REQUIRE(whole);
        BOOST_TEST(whole->pkt_len == f.mirror.packet_size(size) + 14);
        BOOST_TEST((opened(datagram_in(octets(whole.get())), seen) == frame));
        const auto parts = std::span<const std::uint8_t>(frame);
        const Packet joined{f.mirror.datagram(parts.first(size / 3), parts.subspan(size / 3))};
        BOOST_TEST((opened(datagram_in(octets(joined.get())), seen) == frame));
        Bytes memory(4096);
        const std::size_t written = f.mirror.write(memory, parts.first(size / 2), parts.subspan(size / 2));
        memory.resize(written);
        const Bytes datagram = datagram_in(memory);
        BOOST_TEST((opened(datagram, seen) == frame));
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(mirror_port)

BOOST_FIXTURE_TEST_CASE(sealed_over_ipv4, Fixture) {
    check_sealed(*this, dpdk::Sealing::fastest);
}

BOOST_FIXTURE_TEST_CASE(sealed_over_ipv6, Ipv6) {
    check_sealed(*this, dpdk::Sealing::fastest);
}

BOOST_FIXTURE_TEST_CASE(sealed_by_openssl, Fixture) {
    check_sealed(*this, dpdk::Sealing::openssl);
}

BOOST_FIXTURE_TEST_CASE(numbers_go_on_in_another_life_and_by_another_sender, Fixture) {
    std::set<std::uint64_t> seen;
    for (int life = 0; life < 3; ++life) {
        seal::Numbers again; // all that an earlier life has left is what was reserved
        again.begin(reserved);
        mirror.seal_with(9, key, again);
        for (int i = 0; i < 100; ++i) {
            const Packet packet{mirror.datagram(frame_of(50))};
            opened(datagram_in(octets(packet.get())), seen);
            BOOST_TEST(seen.insert(again.take()).second); // as the kernel's socket does
        }
    }
    // The reservation is written before the last of the numbers that it covers is passed.
    seal::Numbers many;
    many.begin(reserved);
    for (std::uint64_t i = 0; i < seal::Numbers::ahead + 10; ++i)
        BOOST_REQUIRE(many.take() <= reserved.load());
}

BOOST_FIXTURE_TEST_CASE(in_clear_the_packet_is_referred_to_or_copied, Ipv6) {
    const Bytes head = frame_of(28);
    for (const dpdk::Copying copying : {dpdk::Copying::reference, dpdk::Copying::deep}) {
        mirror.send_in_clear(copying);
        const Packet packet{rte_pktmbuf_alloc(pools.copies)};
        const Bytes content = frame_of(754);
        std::copy(content.begin(), content.end(),
                  reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(packet.get(), 754)));
        const Packet out{mirror.datagram(head, packet.get(), 14, 740)};
        BOOST_REQUIRE(out);
        BOOST_TEST(out->nb_segs == (copying == dpdk::Copying::reference ? 2 : 1));
        const Bytes datagram = datagram_in(octets(out.get()));
        const auto header = wire::read_ha_header(datagram);
        BOOST_TEST((header->type == wire::HaType::mirror_clear));
        BOOST_TEST(header->association == 0U);
        Bytes wanted = head;
        wanted.insert(wanted.end(), content.begin() + 14, content.end());
        BOOST_TEST((Bytes(datagram.begin() + wire::HaHeader::size, datagram.end()) == wanted));
        BOOST_TEST(mirror.datagram(head, packet.get(), 14, 741) == nullptr); // more than the packet has
    }
}

BOOST_FIXTURE_TEST_CASE(what_is_too_long_is_not_made, Fixture) {
    mirror.seal_with(9, key, numbers);
    BOOST_TEST(mirror.datagram(frame_of(2048)) == nullptr); // than a buffer
    Bytes memory(70'000);
    BOOST_TEST(mirror.write(memory, frame_of(65'475), {}) == 65'535U + 14); // the longest of all packets
    BOOST_TEST(mirror.write(memory, frame_of(65'476), {}) == 0U);
    BOOST_TEST(mirror.write(std::span(memory).first(500), frame_of(480), {}) == 0U);
}

BOOST_FIXTURE_TEST_CASE(nothing_is_sent_without_a_way_or_a_key, Fixture) {
    BOOST_TEST(!mirror.ready());
    BOOST_TEST(mirror.datagram(frame_of(10)) == nullptr);
    mirror.seal_with(9, key, numbers);
    BOOST_TEST(mirror.ready());
    mirror.forget_route();
    BOOST_TEST(mirror.datagram(frame_of(10)) == nullptr);
    mirror.set_route({{},
                      {},
                      *wire::IpAddress::parse("192.0.2.1"),
                      *wire::IpAddress::parse("2001:db8::1"),
                      port_number,
                      1500}); // two families
    BOOST_TEST(!mirror.ready());
    mirror.set_route({{},
                      {},
                      *wire::IpAddress::parse("192.0.2.1"),
                      *wire::IpAddress::parse("192.0.2.2"),
                      port_number,
                      1500});
    BOOST_TEST(mirror.ready());
    mirror.forget_key();
    BOOST_TEST(mirror.datagram(frame_of(10)) == nullptr);
}

BOOST_FIXTURE_TEST_CASE(a_dry_pool_is_no_disaster, Fixture) {
    mirror.seal_with(9, key, numbers);
    std::vector<Packet> taken;
    while (rte_mbuf* packet = mirror.datagram(frame_of(10)))
        taken.emplace_back(packet);
    BOOST_TEST(taken.size() >= 200U);
    taken.clear();
    BOOST_TEST(Packet{mirror.datagram(frame_of(10))} != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
