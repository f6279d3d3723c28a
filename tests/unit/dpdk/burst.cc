// SPDX-License-Identifier: GPL-3.0-or-later
// Bursts of every mixture, compared packet by packet with what the look at one frame and the table of
// verdicts say.

#include "dataplane/io/dpdk/burst.hh"

#include "tests/unit/path/sip_packets.hh"

#include <boost/test/unit_test.hpp>

#include <rte_mbuf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

namespace {

using namespace tandem;
using namespace sip_packets;
using contract::Counter;
using dpdk::Burst;
using path::Facing;
using path::Kind;
using path::Stance;

constexpr wire::MacAddress outside_port{{2, 0, 0, 0, 0, 1}};
constexpr wire::MacAddress inside_port{{2, 0, 0, 0, 0, 2}};
constexpr wire::MacAddress router{{2, 0, 0, 0, 0, 3}};
constexpr wire::MacAddress server{{2, 0, 0, 0, 0, 4}};
constexpr std::size_t flow_capacity = 1024;

Packet framed(const Packet& packet) {
    Packet frame{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const bool six = packet[0] >> 4U == 6;
    frame.insert(frame.end(),
                 {static_cast<std::uint8_t>(six ? 0x86 : 0x08), static_cast<std::uint8_t>(six ? 0xdd : 0)});
    frame.insert(frame.end(), packet.begin(), packet.end());
    return frame;
}

void set_stations(Packet& frame, const wire::MacAddress& destination, const wire::MacAddress& source) {
    std::copy(destination.octets.begin(), destination.octets.end(), frame.begin());
    std::copy(source.octets.begin(), source.octets.end(), frame.begin() + 6);
}

struct Samples {
    std::vector<Packet> one_vip; ///< SIP of each kind and other packets
    std::vector<Packet> media;   ///< for the same VIP: nothing on a SIP port
    std::vector<Packet> all;     ///< for three VIPs, and what is for none
};

/// Frames for the VIPs, or from them.
Samples samples_of(Facing facing) {
    const auto between = [facing](std::string_view text, const char* vip, std::uint16_t port,
                                  std::string_view remote = {}) {
        const std::string_view other = !remote.empty()        ? remote
                                       : address(vip).is_v4() ? "10.9.0.7"
                                                              : "fd00::7";
        return facing == Facing::outside ? framed(udp(text, vip, port, other))
                                         : framed(udp(text, other, port, vip));
    };
    Samples samples;
    for (const std::size_t length : {12U, 160U, 172U, 700U}) {
        samples.media.push_back(between(std::string(length, 'x'), "10.9.0.100", 8000));
        samples.media.push_back(between(std::string(length, 'x'), "10.9.0.100", 8002, "10.9.0.8"));
    }
    samples.one_vip = samples.media;
    for (const char* method : {"REGISTER", "INVITE", "BYE"})
        samples.one_vip.push_back(between(request(method), "10.9.0.100", 5060));
    samples.one_vip.push_back(between("\r\n\r\n", "10.9.0.100", 5060));
    samples.one_vip.push_back(between(std::string(80, 'x'), "10.9.0.100", 5060));
    samples.all = samples.one_vip;
    for (const char* vip : {"10.9.0.101", "fd00::100", "10.9.0.55"})
        for (const std::uint16_t port : {std::uint16_t{5060}, std::uint16_t{8000}})
            samples.all.push_back(between(request("REGISTER"), vip, port));
    samples.all.push_back(between(request("REGISTER"), "10.9.0.100", 5060, "10.9.0.99")); // no next hop
    Packet fragment = between(std::string(100, 'x'), "10.9.0.100", 8000);
    fragment[20] = 0x20;
    samples.all.push_back(fragment);
    return samples;
}

/// Buffers with frames.
struct Buffers {
    std::vector<Packet> frames;
    std::vector<rte_mbuf> buffers;
    std::vector<rte_mbuf*> packets;

    void fill(std::vector<Packet> with) {
        frames = std::move(with);
        buffers.assign(frames.size(), rte_mbuf{});
        packets.clear();
        for (std::size_t i = 0; i < frames.size(); ++i) {
            frames[i].shrink_to_fit(); // exact size, for asan
            buffers[i].buf_addr = frames[i].data();
            buffers[i].data_len = static_cast<std::uint16_t>(frames[i].size());
            packets.push_back(&buffers[i]);
        }
    }
    /// The places of packets, a bit for each.
    template <class Row>
    std::uint64_t places(const Row& row) const {
        std::uint64_t bits = 0;
        for (const rte_mbuf* packet : row)
            bits |= std::uint64_t{1} << (packet - buffers.data());
        return bits;
    }
    std::uint64_t places(const dpdk::Selection& selection) const {
        std::uint64_t bits = 0;
        for (const dpdk::Looked looked : selection)
            bits |= std::uint64_t{1} << (looked.packet - buffers.data());
        BOOST_TEST(static_cast<std::size_t>(std::popcount(bits)) == selection.size());
        return bits;
    }
};

/// What must become of a burst.
struct Expected {
    std::uint64_t forwarded{0};
    std::uint64_t mirrored{0};
    std::uint64_t sip{0};
    std::uint64_t dropped{0};
    std::uint64_t rest{0};
    std::array<std::uint32_t, contract::groups_max> arrived{};
    std::vector<Packet> frames;
};

struct Fixture {
    struct Release {
        void operator()(void* memory) const { std::free(memory); }
    };
    std::unique_ptr<void, Release> memory{std::aligned_alloc(64, state::Flows::octets(flow_capacity))};
    state::Flows flows{
        {static_cast<std::byte*>(memory.get()), state::Flows::octets(flow_capacity)}, flow_capacity, 5};
    path::Front front{7};
    path::Front alone{7, path::Front::Instructions::plain};
    contract::Counters counters;
    Burst burst{front, &flows, counters};
    contract::Policy with{policy("INVITE|REGISTER")};
    std::uint32_t sequence{0};
    dpdk::Stances stances{};
    std::array<std::uint16_t, 2> mtus{1500, 1500};
    contract::Counters expected_counters;
    std::uint64_t expected_in_flows{0};

    Fixture() {
        burst.set_station(Facing::outside, outside_port);
        burst.set_station(Facing::inside, inside_port);
        alone.set_station(Facing::outside, outside_port);
        alone.set_station(Facing::inside, inside_port);
        stances.fill(Stance::active);
        begin();
    }
    void begin() {
        burst.begin(with, ++sequence, stances);
        alone.begin(with, sequence);
        for (std::size_t v = 0; v < with.vip_count; ++v)
            burst.set_server(v, server);
        for (const char* phone : {"10.9.0.7", "10.9.0.8", "fd00::7"})
            burst.set_next_hop(address(phone), router);
    }
    void set_mtu(Facing facing, std::uint16_t octets) {
        mtus[static_cast<std::size_t>(facing)] = octets;
        burst.set_mtu(facing, octets);
    }

    void expect_of(Expected& expected, Facing facing, std::size_t i) {
        Packet& frame = expected.frames[i];
        const std::uint64_t bit = std::uint64_t{1} << i;
        const std::uint8_t* data = frame.data();
        const auto length = static_cast<std::uint32_t>(frame.size());
        path::Seen seen;
        alone.classify(facing, {&data, &length, 1}, {&seen, 1});
        if (seen.way == path::Way::slow || seen.length > mtus[static_cast<std::size_t>(facing)]) {
            expected.rest |= bit;
            return;
        }
        ++expected_in_flows;
        const Stance stance = stances[seen.group];
        const path::Decision verdict = path::decide(path::Ingress::outside, seen.kind, stance);
        const bool sip = seen.kind == Kind::sip_matching || seen.kind == Kind::sip_other;
        if (facing == Facing::inside) {
            const bool unknown = frame[14] >> 4U == 4 && frame[33] == 99;
            if (stance != Stance::active || unknown) {
                expected.rest |= bit;
                return;
            }
            set_stations(frame, router, outside_port);
        } else {
            const bool asked =
                seen.kind == Kind::sip_matching && with.groups[seen.group].pattern.conditions();
            if (asked || (verdict.action != path::Action::forward && verdict.action != path::Action::drop)) {
                expected.rest |= bit;
                return;
            }
            ++expected.arrived[seen.group];
            expected_counters.add(verdict.counter);
            if (sip)
                expected_counters.add(Counter::sip_received);
            if (verdict.copy == path::Copy::mirror)
                expected_counters.add(Counter::mirror_matched);
            if (verdict.action == path::Action::drop) {
                expected.dropped |= bit;
                return;
            }
            expected.mirrored |= verdict.copy == path::Copy::mirror ? bit : 0;
            set_stations(frame, server, inside_port);
        }
        expected.forwarded |= bit;
        expected.sip |= sip ? bit : 0;
    }

    /// Takes a burst and compares what became of it.
    void take(Facing facing, std::vector<Packet> frames) {
        for (Packet& frame : frames)
            set_stations(frame, facing == Facing::outside ? outside_port : inside_port, router);
        Expected expected;
        expected.frames = frames;
        for (std::size_t i = 0; i < frames.size(); ++i)
            expect_of(expected, facing, i);
        Buffers buffers;
        buffers.fill(std::move(frames));
        const table::Instant now{std::chrono::seconds{1}};
        if (facing == Facing::outside)
            burst.from_outside(buffers.packets, now);
        else
            burst.from_inside(buffers.packets, now);
        burst.translate();
        BOOST_REQUIRE(buffers.places(burst.forwarded()) == expected.forwarded);
        BOOST_REQUIRE(buffers.places(burst.dropped()) == expected.dropped);
        BOOST_REQUIRE(buffers.places(burst.mirrored()) == expected.mirrored);
        BOOST_REQUIRE(buffers.places(burst.sip()) == expected.sip);
        BOOST_REQUIRE(buffers.places(burst.rest()) == expected.rest);
        BOOST_REQUIRE(
            (std::equal(expected.arrived.begin(), expected.arrived.end(), burst.arrived().begin())));
        BOOST_REQUIRE((buffers.frames == expected.frames));
    }
    void compare_counts() {
        for (const Counter counter : {Counter::sip_received, Counter::sip_forwarded, Counter::not_sip,
                                      Counter::mirror_matched, Counter::drop_standby})
            BOOST_TEST(counters.get(counter) == expected_counters.get(counter));
        std::uint64_t counted = 0;
        state::Flows::reader(flows.memory(), flow_capacity).for_each([&](const state::Flow& flow) {
            counted += flow.packets[0] + flow.packets[1];
        });
        BOOST_TEST(counted == expected_in_flows);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(burst)

BOOST_FIXTURE_TEST_CASE(bursts_of_every_mixture_become_what_their_packets_do, Fixture) {
    std::mt19937 random{29};
    const std::array samples{samples_of(Facing::outside), samples_of(Facing::inside)};
    std::size_t whole = 0;
    for (int round = 0; round < 4000; ++round) {
        if (round % 500 == 0) {
            const auto stance_at = [&](int n) {
                constexpr std::array order{Stance::active, Stance::active, Stance::standby, Stance::active,
                                           Stance::yielding};
                return order[static_cast<std::size_t>(round / 500 + n) % order.size()];
            };
            stances[0] = stance_at(0);
            stances[1] = stance_at(1);
            begin();
            set_mtu(Facing::outside, round % 1000 == 0 ? 1500 : 600);
            set_mtu(Facing::inside, round % 1000 == 0 ? 600 : 1500);
        }
        const Facing facing = round % 2 == 0 ? Facing::outside : Facing::inside;
        const Samples& from = samples[static_cast<std::size_t>(facing)];
        const auto& choice = round % 3 == 0 ? from.media : round % 3 == 1 ? from.one_vip : from.all;
        std::vector<Packet> frames(random() % (Burst::burst_max + 1));
        for (Packet& frame : frames)
            frame = choice[random() % choice.size()];
        const std::size_t count = frames.size();
        take(facing, std::move(frames));
        whole += count > 8 && burst.forwarded().size() == count ? 1 : 0;
    }
    BOOST_TEST(whole > 500U);
    compare_counts();
}

BOOST_FIXTURE_TEST_CASE(what_a_pattern_asks_beside_methods_goes_the_slow_way, Fixture) {
    with.groups[0].pattern = contract::RequestPattern::parse("REGISTER from 10.9.0.0/16").value();
    BOOST_REQUIRE(with.groups[0].pattern.conditions());
    begin();
    const Samples samples = samples_of(Facing::outside);
    take(Facing::outside, samples.one_vip);
    BOOST_TEST(!burst.rest().empty());
    take(Facing::outside, samples.media);
    BOOST_TEST(burst.rest().empty());
    compare_counts();
}

BOOST_FIXTURE_TEST_CASE(without_a_server_everything_goes_the_slow_way, Fixture) {
    const Samples samples = samples_of(Facing::outside);
    burst.set_server(0, std::nullopt);
    Buffers buffers;
    buffers.fill(samples.one_vip);
    for (Packet& frame : buffers.frames)
        set_stations(frame, outside_port, router);
    const std::vector<Packet> before = buffers.frames;
    burst.from_outside(buffers.packets, table::Instant{std::chrono::seconds{1}});
    BOOST_TEST(burst.forwarded().empty());
    BOOST_TEST(burst.rest().size() == samples.one_vip.size());
    BOOST_TEST((buffers.frames == before));
}

BOOST_AUTO_TEST_SUITE_END()
