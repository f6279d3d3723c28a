// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/owners.hh"

#include "dataplane/path/split.hh"
#include "dataplane/wire/ip.hh"
#include "dataplane/wire/octets.hh"
#include "dataplane/wire/udp.hh"
#include "tests/unit/path/sip_packets.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <set>

using namespace tandem;
using namespace tandem::path;
using namespace sip_packets;

namespace {

constexpr std::size_t workers = 5;
constexpr std::uint64_t seed = 77;

/// One packet of a flow, in either direction.
struct Flow {
    wire::IpAddress remote;
    std::uint16_t remote_port{0};
    wire::IpAddress local;
    std::uint16_t local_port{0};
    std::uint8_t protocol{wire::protocol_udp};
};

Packet framed(const Packet& packet) {
    Packet frame(14 + packet.size());
    const bool six = packet[0] >> 4U == 6;
    wire::store_be(frame, 12, static_cast<std::uint16_t>(six ? 0x86dd : 0x0800));
    std::ranges::copy(packet, frame.begin() + 14);
    return frame;
}

Packet packet_of(const wire::IpAddress& from, std::uint16_t from_port, const wire::IpAddress& to,
                 std::uint16_t to_port, std::uint8_t protocol, std::size_t payload = 40) {
    Packet packet(64 + payload);
    const std::size_t header = wire::write_ip(packet, from, to, protocol, 64, 8 + payload);
    BOOST_REQUIRE(header != 0U);
    packet.resize(header + 8 + payload);
    wire::store_be(packet, header, from_port);
    wire::store_be(packet, header + 2, to_port);
    wire::store_be(packet, header + 4, static_cast<std::uint16_t>(8 + payload));
    return packet;
}

std::size_t owner(const Owners& owners, Facing facing, const Packet& frame, std::size_t self = 3) {
    return owners.of(facing, {frame.data(), static_cast<std::uint32_t>(frame.size())}, self);
}

std::size_t there(const Owners& owners, const Flow& flow, std::size_t self = 3) {
    return owner(owners, Facing::outside,
                 framed(packet_of(flow.remote, flow.remote_port, flow.local, flow.local_port, flow.protocol)),
                 self);
}

/// `local`: the address in the server's packets.
std::size_t back(const Owners& owners, const Flow& flow, const wire::IpAddress& local, std::size_t self = 3) {
    return owner(owners, Facing::inside,
                 framed(packet_of(local, flow.local_port, flow.remote, flow.remote_port, flow.protocol)),
                 self);
}

Owners owners_of(const contract::Policy& policy, Spreading spreading = Spreading::by_hash) {
    Owners owners{workers, seed, spreading};
    owners.begin(policy, 1);
    return owners;
}

/// Many flows to a VIP, no SIP among them.
std::vector<Flow> flows_to(std::string_view vip, std::size_t count) {
    std::mt19937 random{7}; // NOLINT(cert-msc51-cpp): the same flows in every run
    std::vector<Flow> flows;
    for (std::size_t i = 0; i < count; ++i) {
        const auto n = [&] { return std::to_string(random() % 250 + 1); };
        Flow flow;
        flow.local = address(vip);
        flow.remote =
            address(flow.local.is_v4() ? "10." + n() + "." + n() + "." + n() : "fd00::" + n() + ":" + n());
        flow.remote_port = static_cast<std::uint16_t>(random() % 65'536);
        flow.local_port = static_cast<std::uint16_t>(20'000 + random() % 10'000);
        flow.protocol = i % 4 == 0 ? wire::protocol_tcp : wire::protocol_udp;
        flows.push_back(flow);
    }
    return flows;
}

contract::Policy translating() {
    contract::Policy made = policy();
    made.groups[0].forwarding = contract::Forwarding::nat;
    made.vips[0].server = address("192.168.0.5");
    made.vips[1].server = address("fd10::5");
    return made;
}

} // namespace

BOOST_AUTO_TEST_SUITE(owners)

BOOST_AUTO_TEST_CASE(both_directions_have_one_owner_and_all_workers_have_some) {
    const Owners all = owners_of(policy());
    for (const char* vip : {"10.9.0.100", "fd00::100", "10.9.0.101"}) {
        std::array<std::size_t, workers> counts{};
        for (const Flow& flow : flows_to(vip, 5000)) {
            const std::size_t found = there(all, flow);
            BOOST_REQUIRE(found < workers);
            BOOST_REQUIRE(back(all, flow, flow.local) == found);
            BOOST_REQUIRE(there(all, flow, 0) == found); // whoever asks
            ++counts[found];
        }
        for (const std::size_t count : counts)
            BOOST_TEST((count > 800 && count < 1200)); // 1000 but for chance: 5 sigmas are 141
    }
}

BOOST_AUTO_TEST_CASE(translated_flows_have_one_owner_too) {
    const Owners all = owners_of(translating());
    std::set<std::size_t> found;
    for (const auto& [vip, server] : {std::pair{"10.9.0.100", "192.168.0.5"}, {"fd00::100", "fd10::5"}})
        for (const Flow& flow : flows_to(vip, 500)) {
            BOOST_REQUIRE(back(all, flow, address(server)) == there(all, flow));
            found.insert(there(all, flow));
            // The VIP itself is nobody's address on that side.
            BOOST_REQUIRE(back(all, flow, flow.local) == Owners::first_worker);
        }
    BOOST_TEST(found.size() == workers);
    // A group that is not translated beside one that is.
    for (const Flow& flow : flows_to("10.9.0.101", 100))
        BOOST_REQUIRE(back(all, flow, flow.local) == there(all, flow));
}

BOOST_AUTO_TEST_CASE(what_the_first_worker_keeps_for_itself) {
    const Owners all = owners_of(policy());
    for (Flow flow : flows_to("10.9.0.100", 200)) {
        for (const std::uint16_t port : {std::uint16_t{5060}, std::uint16_t{5062}}) { // by UDP and TCP
            flow.local_port = port;
            BOOST_REQUIRE(there(all, flow) == 0U);
            BOOST_REQUIRE(back(all, flow, flow.local) == 0U);
        }
        flow.local_port = 30'000;
        flow.protocol = 132; // SCTP: no ports that are known here
        BOOST_REQUIRE(there(all, flow) == 0U);
        flow.protocol = wire::protocol_icmp;
        BOOST_REQUIRE(back(all, flow, flow.local) == 0U);
        flow.protocol = wire::protocol_udp;
        flow.local = address("10.9.0.99"); // no VIP
        BOOST_REQUIRE(there(all, flow) == 0U);
    }
    // The port of the phone says nothing, that of another group neither.
    std::set<std::size_t> found;
    for (Flow flow : flows_to("10.9.0.101", 200)) {
        flow.remote_port = 5060;
        flow.local_port = 5062;
        found.insert(there(all, flow));
    }
    BOOST_TEST(found.size() == workers);
}

BOOST_AUTO_TEST_CASE(all_parts_of_a_packet_have_one_owner) {
    const Owners all = owners_of(policy());
    for (const char* vip : {"10.9.0.100", "fd00::100"})
        for (const Flow& flow : flows_to(vip, 50)) {
            const Packet whole = packet_of(flow.remote, flow.remote_port, flow.local, flow.local_port,
                                           wire::protocol_udp, 4000);
            auto splitter = Splitter::begin(whole, 1300, 9);
            BOOST_REQUIRE(splitter);
            std::size_t pieces = 0;
            for (Packet piece(1300); const std::size_t length = splitter->next(piece); ++pieces)
                BOOST_REQUIRE(owner(all, Facing::outside,
                                    framed({piece.begin(),
                                            piece.begin() + static_cast<std::ptrdiff_t>(length)})) == 0U);
            BOOST_TEST(pieces > 3U);
        }
}

BOOST_AUTO_TEST_CASE(headers_out_of_the_ordinary_and_noise_are_for_the_first_worker) {
    const Owners all = owners_of(policy());
    const Flow flow = flows_to("10.9.0.100", 1).front();
    const Packet usual = framed(packet_of(flow.remote, 1, flow.local, 2, wire::protocol_udp));
    for (std::size_t length = 0; length < 14 + 20 + 8; ++length)
        BOOST_REQUIRE(owner(all, Facing::outside,
                            {usual.begin(), usual.begin() + static_cast<std::ptrdiff_t>(length)}) == 0U);
    Packet options = usual;
    options[14] = 0x46;
    BOOST_TEST(owner(all, Facing::outside, options) == 0U);
    Packet arp = usual;
    arp[13] = 0x06;
    BOOST_TEST(owner(all, Facing::outside, arp) == 0U);
    std::mt19937 random{3}; // NOLINT(cert-msc51-cpp): the same noise in every run
    for (int i = 0; i < 20'000; ++i) {
        Packet noise = usual; // its size is that of the memory, for asan
        noise.resize(random() % (usual.size() + 1));
        for (int n = 0; n < 3 && !noise.empty(); ++n)
            noise[random() % noise.size()] = static_cast<std::uint8_t>(random());
        BOOST_REQUIRE(owner(all, random() % 2 == 0 ? Facing::outside : Facing::inside, noise) < workers);
    }
}

BOOST_AUTO_TEST_CASE(ports_that_spread_by_themselves) {
    const Owners plain = owners_of(policy(), Spreading::by_ports);
    const Owners nat = owners_of(translating(), Spreading::by_ports);
    const Owners hashed = owners_of(translating(), Spreading::by_hash);
    for (const Flow& flow : flows_to("10.9.0.100", 100)) {
        BOOST_REQUIRE(there(plain, flow, 3) == 3U);
        BOOST_REQUIRE(there(plain, flow, 1) == 1U);
        BOOST_REQUIRE(back(plain, flow, flow.local, 4) == 4U);
        BOOST_REQUIRE(there(nat, flow, 3) == there(hashed, flow, 3)); // they cannot know of a translation
    }
    Flow sip = flows_to("10.9.0.100", 1).front();
    sip.local_port = 5060;
    BOOST_TEST(there(plain, sip, 3) == 0U);
}

BOOST_AUTO_TEST_CASE(a_new_policy_counts_from_its_number_on) {
    Owners all = owners_of(policy());
    Flow flow = flows_to("10.9.0.100", 1).front();
    contract::Policy other = policy();
    other.groups[0].sip_ports[1] = flow.local_port;
    all.begin(other, 1);
    const std::size_t before = there(all, flow);
    all.begin(other, 2);
    BOOST_TEST(there(all, flow) == 0U);
    all.begin(policy(), 3);
    BOOST_TEST(there(all, flow) == before);
    // One worker has everything.
    Owners one{1, seed, Spreading::by_hash};
    one.begin(policy(), 1);
    for (const Flow& any : flows_to("fd00::100", 50))
        BOOST_REQUIRE(there(one, any, 0) == 0U);
    // Without a policy nothing is a flow.
    const Owners fresh{workers, seed, Spreading::by_hash};
    BOOST_TEST(there(fresh, flow) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
