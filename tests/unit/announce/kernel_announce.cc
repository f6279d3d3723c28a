// SPDX-License-Identifier: GPL-3.0-or-later
// Announcements and claims on a real wire.

#include "control/announce/announce.hh"
#include "dataplane/wire/arp.hh"
#include "tests/unit/netlink/world.hh"

#include <poll.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>

using namespace tandem;
using namespace tandem::testing;

namespace {

constexpr wire::MacAddress stranger{{0x02, 0, 0, 0, 0x77, 0x01}};
constexpr wire::MacAddress other_stranger{{0x02, 0, 0, 0, 0x77, 0x02}};

struct Wire : World {
    std::vector<wire::IpAddress> vips() const { return {vip4, vip6}; }

    announce::Announcer announcer(const std::string& name, std::vector<announce::Frame> frames) const {
        auto opened = announce::Announcer::open(interface(name).index, std::move(frames));
        BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error()));
        return std::move(*opened);
    }
    announce::ClaimWatch watch() const {
        const auto outside = interface("out0");
        auto opened = announce::ClaimWatch::open(outside.index, outside.mac, vips());
        BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error()));
        return std::move(*opened);
    }
    void host_sends(std::vector<announce::Frame> frames) const {
        const Inside host(host_space);
        const std::size_t count = frames.size();
        BOOST_CHECK_EQUAL(announcer("peer0", std::move(frames)).send(), count);
    }
    std::string host_says(const std::string& command) const {
        const Inside host(host_space);
        return output_of(command);
    }
};

announce::Claim await(announce::ClaimWatch& watch) {
    announce::Claim claim;
    BOOST_CHECK(eventually([&] { return watch.next(claim); }));
    return claim;
}

} // namespace

BOOST_AUTO_TEST_SUITE(announcer)

BOOST_FIXTURE_TEST_CASE(neighbours_learn_the_new_place_of_a_vip, Wire) {
    {
        const Inside host(host_space);
        run("ip neigh add 10.77.0.100 lladdr " + stranger.to_string() + " dev peer0 nud stale");
        run("ip neigh add 2001:db8:77::100 lladdr " + stranger.to_string() + " dev peer0 nud stale");
    }
    const auto own = interface("out0").mac;
    auto announcements = announcer("out0", announce::announcement(own, vips()));
    BOOST_CHECK_EQUAL(announcements.size(), 3U);
    BOOST_CHECK_EQUAL(announcements.send(), 3U);
    for (const auto* vip : {"10.77.0.100", "2001:db8:77::100"})
        BOOST_CHECK(eventually([&] {
            return host_says(std::string("ip neigh show ") + vip + " dev peer0").find(own.to_string()) !=
                   std::string::npos;
        }));
}

BOOST_FIXTURE_TEST_CASE(more_frames_than_one_call_takes, Wire) {
    const auto own = interface("out0").mac;
    std::vector<wire::IpAddress> many;
    for (std::uint8_t i = 0; i < 40; ++i)
        many.push_back(wire::IpAddress::v4({10, 77, 0, static_cast<std::uint8_t>(100 + i)}));
    auto announcements = announcer("out0", announce::announcement(own, many));
    auto heard = [&] {
        const Inside host(host_space);
        return announce::ClaimWatch::open(interface("peer0").index, interface("peer0").mac, many);
    }();
    BOOST_REQUIRE(heard.has_value());
    BOOST_CHECK_EQUAL(announcements.send(), 80U);
    for (std::size_t i = 0; i < 80; ++i) {
        const auto claim = await(*heard);
        BOOST_CHECK(claim.vip == many[i / 2]);
        BOOST_CHECK(claim.claimant == own);
    }
}

BOOST_FIXTURE_TEST_CASE(an_interface_that_is_down_or_absent, Wire) {
    auto announcements = announcer("out0", announce::announcement(stranger, vips()));
    run("ip link set out0 down");
    BOOST_CHECK_EQUAL(announcements.send(), 0U);
    run("ip link set out0 up");
    BOOST_CHECK_EQUAL(announcements.send(), 3U);
    for (const int index : {0, -1, 4711}) {
        BOOST_CHECK(!announce::Announcer::open(index, {}).has_value());
        BOOST_CHECK(!announce::ClaimWatch::open(index, stranger, vips()).has_value());
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(claim_watch)

BOOST_FIXTURE_TEST_CASE(hears_who_claims_a_vip, Wire) {
    auto watching = watch();
    announce::Claim claim;
    BOOST_CHECK(!watching.next(claim));
    host_sends(announce::announcement(stranger, vips()));
    pollfd waiting{.fd = watching.descriptor(), .events = POLLIN, .revents = 0};
    BOOST_CHECK_EQUAL(::poll(&waiting, 1, static_cast<int>(patience.count())), 1);
    for (const auto& vip : {vip4, vip4, vip6}) { // ARP in both forms
        claim = await(watching);
        BOOST_CHECK(claim.vip == vip);
        BOOST_CHECK(claim.claimant == stranger);
    }
    BOOST_CHECK(!watching.next(claim));
}

BOOST_FIXTURE_TEST_CASE(hears_the_answer_to_a_probe, Wire) {
    auto watching = watch();
    {
        const Inside host(host_space);
        run("ip addr add 10.77.0.100/32 dev peer0 && ip addr add 2001:db8:77::100/128 dev peer0 nodad");
    }
    const auto outside = interface("out0");
    auto probes = announcer("out0", announce::probe(outside.mac, vips()));
    const auto holder = [&] {
        const Inside host(host_space);
        return interface("peer0").mac;
    }();
    bool heard4 = false;
    bool heard6 = false;
    BOOST_CHECK(eventually([&] {
        probes.send();
        announce::Claim claim;
        while (watching.next(claim)) {
            BOOST_CHECK(claim.claimant == holder);
            heard4 = heard4 || claim.vip == vip4;
            heard6 = heard6 || claim.vip == vip6;
        }
        return heard4 && heard6;
    }));
}

BOOST_FIXTURE_TEST_CASE(does_not_hear_what_this_node_sends, Wire) {
    auto watching = watch();
    auto own = announcer("out0", announce::announcement(interface("out0").mac, vips()));
    auto strange =
        announcer("out0", announce::announcement(stranger, vips())); // sent here, whatever its source
    BOOST_CHECK_EQUAL(own.send() + strange.send(), 6U);
    host_sends(announce::announcement(other_stranger, {{vip4}}));
    BOOST_CHECK(await(watching).claimant == other_stranger);
}

BOOST_FIXTURE_TEST_CASE(does_not_hear_another_vlan_of_the_same_wire, Wire) {
    auto watching = watch();
    auto tagged = announce::announcement(stranger, vips());
    for (auto& frame : tagged) { // IEEE 802.1Q: VLAN 7
        std::copy_backward(frame.bytes.begin() + 12, frame.bytes.begin() + frame.length,
                           frame.bytes.begin() + frame.length + 4);
        std::ranges::copy(std::array<std::uint8_t, 4>{0x81, 0x00, 0x00, 0x07}, frame.bytes.begin() + 12);
        frame.length = static_cast<std::uint16_t>(frame.length + 4);
    }
    host_sends(tagged);
    host_sends(announce::announcement(other_stranger, {{vip4}}));
    BOOST_CHECK(await(watching).claimant == other_stranger);
}

BOOST_FIXTURE_TEST_CASE(passes_over_what_only_looks_like_a_claim, Wire) {
    auto watching = watch();
    auto frames = announce::announcement(stranger, std::vector<wire::IpAddress>(100, vip6));
    for (auto& frame : frames)
        frame.bytes[56] ^= 1; // checksum
    // The frame is a stranger's, but what neighbours learn from it is our own address.
    auto relayed = announce::announcement(interface("out0").mac, {{vip4}});
    relayed[0].bytes[6] ^= 0x40;
    frames.push_back(relayed[0]);
    host_sends(std::move(frames));
    host_sends(announce::announcement(other_stranger, {{vip6}}));
    const auto claim = await(watching);
    BOOST_CHECK(claim.vip == vip6);
    BOOST_CHECK(claim.claimant == other_stranger);
}

BOOST_FIXTURE_TEST_CASE(survives_its_interface_going_down_and_up, Wire) {
    auto watching = watch();
    run("ip link set out0 down");
    announce::Claim claim;
    BOOST_CHECK(!watching.next(claim));
    run("ip link set out0 up");
    BOOST_CHECK(eventually([&] {
        host_sends(announce::announcement(stranger, {{vip4}}));
        return watching.next(claim);
    }));
    BOOST_CHECK(claim.vip == vip4);
}

BOOST_AUTO_TEST_SUITE_END()
