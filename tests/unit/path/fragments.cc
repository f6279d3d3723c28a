// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/fragments.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/octets.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace tandem::path::test {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;
using wire::IpAddress;

const IpAddress phone4 = *IpAddress::parse("198.51.100.7");
const IpAddress vip4 = *IpAddress::parse("203.0.113.10");
const IpAddress phone6 = *IpAddress::parse("2001:db8::7");
const IpAddress vip6 = *IpAddress::parse("2001:db8::10");

Bytes content(std::size_t length) {
    Bytes bytes(length);
    std::uint32_t value = 1;
    for (auto& octet : bytes)
        octet = static_cast<std::uint8_t>((value = value * 1664525 + 1013904223) >> 24U);
    return bytes;
}

/// A whole packet of UDP.
Bytes whole(const IpAddress& from, const IpAddress& to, const Bytes& payload) {
    Bytes packet(40 + payload.size());
    const std::size_t header = wire::write_ip(packet, from, to, wire::protocol_udp, 64, payload.size());
    packet.resize(header);
    packet.insert(packet.end(), payload.begin(), payload.end());
    return packet;
}

/// One fragment of a payload.
Bytes piece4(const Bytes& payload, std::size_t offset, std::size_t length, std::uint16_t id = 1,
             const IpAddress& from = phone4) {
    const bool more = offset + length < payload.size();
    Bytes part(payload.begin() + static_cast<std::ptrdiff_t>(offset),
               payload.begin() + static_cast<std::ptrdiff_t>(offset + length));
    Bytes packet = whole(from, vip4, part);
    wire::store_be(packet, 4, id);
    wire::store_be(packet, 6, static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000U : 0U)));
    wire::store_be<std::uint16_t>(packet, 10, 0);
    wire::store_be(packet, 10, wire::checksum(std::span{packet}.first(20)));
    return packet;
}

/// The same for IPv6, behind a destination options header.
Bytes piece6(const Bytes& payload, std::size_t offset, std::size_t length) {
    const bool more = offset + length < payload.size();
    Bytes part{44, 0, 1, 4, 0, 0, 0, 0}; // destination options: padding
    part.insert(part.end(), {wire::protocol_udp, 0, 0, 0, 0, 0, 0, 9});
    wire::store_be(part, 10, static_cast<std::uint16_t>(offset | (more ? 1U : 0U)));
    part.insert(part.end(), payload.begin() + static_cast<std::ptrdiff_t>(offset),
                payload.begin() + static_cast<std::ptrdiff_t>(offset + length));
    Bytes packet = whole(phone6, vip6, part);
    packet[6] = 60;
    return packet;
}

struct Fixture {
    Fragmented take(const Bytes& packet, std::uint32_t token = 0) {
        const auto ip = wire::parse_ip(packet);
        BOOST_REQUIRE(ip.has_value());
        BOOST_REQUIRE((ip->fragment != wire::Fragment::whole));
        return fragments.take(now, *ip, token);
    }
    std::set<std::uint32_t> given_up() {
        std::set<std::uint32_t> tokens;
        while (const auto token = fragments.next_given_up())
            BOOST_TEST(tokens.insert(*token).second);
        return tokens;
    }

    Instant now{Instant{} + 1h};
    Fragments fragments{7};
    const Bytes payload = content(2000);
};

const std::set<std::uint32_t> nothing;

} // namespace

BOOST_FIXTURE_TEST_SUITE(fragments, Fixture)

BOOST_AUTO_TEST_CASE(an_ipv4_packet_in_any_order) {
    std::vector<std::size_t> order{0, 1, 2, 3};
    do {
        for (std::size_t i = 0; i < order.size(); ++i) {
            const auto outcome = take(piece4(payload, order[i] * 504, order[i] == 3 ? 488 : 504),
                                      static_cast<std::uint32_t>(order[i]));
            BOOST_TEST((outcome == (i == 3 ? Fragmented::whole : Fragmented::kept)));
        }
        const auto packet = fragments.packet();
        const auto ip = wire::parse_ip(packet);
        BOOST_REQUIRE(ip.has_value());
        BOOST_TEST((ip->fragment == wire::Fragment::whole));
        BOOST_TEST(std::ranges::equal(ip->payload, payload));
        BOOST_TEST(wire::checksum(packet.first(20)) == 0);
        BOOST_TEST(std::ranges::equal(fragments.tokens(), order));
        BOOST_TEST(fragments.incomplete() == 0U);
        BOOST_TEST(given_up() == nothing);
    } while (std::ranges::next_permutation(order).found);
}

BOOST_AUTO_TEST_CASE(an_ipv6_packet_loses_its_fragment_header) {
    BOOST_TEST((take(piece6(payload, 1000, 1000), 2) == Fragmented::kept));
    BOOST_TEST((take(piece6(payload, 0, 1000), 1) == Fragmented::whole));
    const auto ip = wire::parse_ip(fragments.packet());
    BOOST_REQUIRE(ip.has_value());
    BOOST_TEST((ip->fragment == wire::Fragment::whole));
    BOOST_TEST(ip->protocol == wire::protocol_udp);
    BOOST_TEST(std::ranges::equal(ip->payload, payload));
    BOOST_TEST(fragments.packet().size() == 40 + 8 + payload.size());
    BOOST_TEST(fragments.tokens().size() == 2U);
}

BOOST_AUTO_TEST_CASE(packets_are_told_apart) {
    const IpAddress other = *IpAddress::parse("198.51.100.8");
    BOOST_TEST((take(piece4(payload, 0, 1000, 1)) == Fragmented::kept));
    BOOST_TEST((take(piece4(payload, 1000, 1000, 2)) == Fragmented::kept));
    BOOST_TEST((take(piece4(payload, 1000, 1000, 1, other)) == Fragmented::kept));
    BOOST_TEST(fragments.incomplete() == 3U);
    BOOST_TEST((take(piece4(payload, 1000, 1000, 1)) == Fragmented::whole));
    BOOST_TEST(fragments.incomplete() == 2U);
}

BOOST_AUTO_TEST_CASE(a_fragment_that_comes_twice_changes_nothing) {
    BOOST_TEST((take(piece4(payload, 0, 1000), 1) == Fragmented::kept));
    BOOST_TEST((take(piece4(payload, 0, 1000), 2) == Fragmented::duplicate));
    BOOST_TEST((take(piece4(payload, 1000, 1000), 3) == Fragmented::whole));
    BOOST_TEST(fragments.tokens().size() == 2U);
}

// RFC 5722: the whole packet goes, and what comes of it later too.
BOOST_AUTO_TEST_CASE(an_overlap_refuses_the_packet) {
    BOOST_TEST((take(piece4(payload, 0, 1000), 1) == Fragmented::kept));
    BOOST_TEST((take(piece4(payload, 504, 1000), 2) == Fragmented::overlap));
    BOOST_TEST(given_up() == std::set<std::uint32_t>{1});
    BOOST_TEST((take(piece4(payload, 0, 1000), 3) == Fragmented::overlap));
    BOOST_TEST((take(piece4(payload, 1000, 1000), 4) == Fragmented::overlap));
    now += 30s;
    fragments.expire(now);
    BOOST_TEST(fragments.incomplete() == 0U);
    BOOST_TEST(given_up() == nothing);
}

BOOST_AUTO_TEST_CASE(two_ends_are_an_overlap) {
    const Bytes shorter(payload.begin(), payload.begin() + 1600);
    BOOST_TEST((take(piece4(payload, 1600, 400), 1) == Fragmented::kept));
    BOOST_TEST((take(piece4(shorter, 800, 800), 2) == Fragmented::overlap));
    BOOST_TEST(given_up() == std::set<std::uint32_t>{1});
}

BOOST_AUTO_TEST_CASE(patience_ends) {
    BOOST_TEST((fragments.deadline() == Instant::max()));
    take(piece4(payload, 0, 1000, 1), 1);
    now += 10s;
    take(piece4(payload, 0, 1000, 2), 2);
    BOOST_TEST((fragments.deadline() == Instant{} + 1h + 30s));
    now += 20s;
    fragments.expire(now);
    BOOST_TEST(given_up() == std::set<std::uint32_t>{1});
    BOOST_TEST((take(piece4(payload, 1000, 1000, 2), 3) == Fragmented::whole));
    BOOST_TEST((fragments.deadline() == Instant::max()));
}

BOOST_AUTO_TEST_CASE(a_packet_has_only_so_many_pieces) {
    const Bytes large = content(8 * 200);
    for (std::size_t i = 0; i < Fragments::pieces_max; ++i)
        BOOST_TEST((take(piece4(large, 8 * i, 8), static_cast<std::uint32_t>(i)) == Fragmented::kept));
    BOOST_TEST((take(piece4(large, 8 * Fragments::pieces_max, 8), 999) == Fragmented::too_many));
    BOOST_TEST(given_up().size() == Fragments::pieces_max);
}

BOOST_AUTO_TEST_CASE(the_longest_packet_and_one_beyond) {
    const Bytes most = content(65'535 - 20);
    for (std::size_t at = 0; at < most.size(); at += 1480) {
        const std::size_t length = std::min<std::size_t>(1480, most.size() - at);
        const auto outcome = take(piece4(most, at, length, 3));
        BOOST_TEST((outcome == (at + length == most.size() ? Fragmented::whole : Fragmented::kept)));
    }
    BOOST_TEST(fragments.packet().size() == 65'535U);
    const Bytes beyond = content(65'528); // fits behind no header
    BOOST_TEST((take(piece4(beyond, 32'768, 32'760, 4), 1) == Fragmented::kept));
    BOOST_TEST((take(piece4(beyond, 0, 32'768, 4), 2) == Fragmented::overlap));
    BOOST_TEST(given_up() == std::set<std::uint32_t>{1});
}

// A flood of fragments that never become a packet pushes out the oldest, whatever the limit that it meets.
BOOST_AUTO_TEST_CASE(a_flood_makes_the_oldest_go) {
    for (const FragmentLimits& limits :
         {FragmentLimits{4, 100, 100'000, 30s}, FragmentLimits{100, 4, 100'000, 30s},
          FragmentLimits{100, 100, 4500, 30s}}) {
        fragments = Fragments{9, limits};
        for (std::uint16_t id = 0; id < 1000; ++id) {
            BOOST_TEST((take(piece4(payload, 0, 1000, id), id) == Fragmented::kept));
            BOOST_TEST(given_up() == (id < 4 ? nothing : std::set<std::uint32_t>{id - 4U}));
            BOOST_TEST(fragments.incomplete() <= 4U);
        }
        BOOST_TEST((take(piece4(payload, 1000, 1000, 999), 2000) == Fragmented::whole));
    }
}

BOOST_AUTO_TEST_CASE(a_packet_larger_than_the_store_is_refused) {
    fragments = Fragments{9, FragmentLimits{4, 4, 1500, 30s}};
    BOOST_TEST((take(piece4(payload, 0, 1000), 1) == Fragmented::kept));
    BOOST_TEST((take(piece4(payload, 1000, 1000), 2) == Fragmented::overlap));
    BOOST_TEST(given_up() == std::set<std::uint32_t>{1});
}

// Every token that is kept comes back exactly once, as part of a packet or given up.
BOOST_AUTO_TEST_CASE(no_token_is_lost) {
    std::mt19937 random{11};
    fragments = Fragments{3, FragmentLimits{16, 40, 20'000, 5s}};
    std::set<std::uint32_t> kept;
    const auto back = [&kept](std::uint32_t token) { BOOST_TEST(kept.erase(token) == 1U); };
    for (std::uint32_t token = 0; token < 50'000; ++token) {
        const std::size_t at = random() % 5 * 400;
        const std::size_t length = std::min<std::size_t>(random() % 8 == 0 ? 800 : 400, payload.size() - at);
        const auto outcome =
            take(piece4(payload, at, length, static_cast<std::uint16_t>(random() % 24)), token);
        if (outcome == Fragmented::kept)
            kept.insert(token);
        if (outcome == Fragmented::whole) {
            BOOST_TEST(std::ranges::equal(wire::parse_ip(fragments.packet())->payload, payload));
            kept.insert(token);
            for (const std::uint32_t part : fragments.tokens())
                back(part);
        }
        while (const auto lost = fragments.next_given_up())
            back(*lost);
        now += 10ms;
        fragments.expire(now);
    }
    now += 5s;
    fragments.expire(now);
    while (const auto lost = fragments.next_given_up())
        back(*lost);
    BOOST_TEST(kept.empty());
    BOOST_TEST(fragments.incomplete() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::path::test
