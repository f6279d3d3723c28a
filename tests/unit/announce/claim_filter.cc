// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/announce/claim_filter.hh"

#include "control/announce/announce.hh"
#include "dataplane/wire/ndp.hh"
#include "tests/unit/kernel_filter.hh"

#include <boost/test/unit_test.hpp>

#include <array>
#include <string>

using namespace tandem;
using Octets = std::vector<std::uint8_t>;

namespace {

constexpr wire::MacAddress own{{0x02, 0, 0, 0, 0, 0x11}};
constexpr wire::MacAddress other{{0x02, 0, 0, 0, 0, 0x12}};

wire::IpAddress address(const std::string& text) {
    return wire::IpAddress::parse(text).value();
}

Octets octets(const announce::Frame& frame) {
    return {frame.view().begin(), frame.view().end()};
}

test::KernelFilter filter_of(const std::vector<wire::IpAddress>& vips) {
    return test::KernelFilter{announce::claim_filter(own, vips)};
}

} // namespace

BOOST_AUTO_TEST_SUITE(claim_filter)

BOOST_AUTO_TEST_CASE(claims_of_any_vip_pass) {
    const std::vector vips{address("192.0.2.10"), address("2001:db8::1"), address("192.0.2.11"),
                           address("2001:db8::2")};
    const auto kernel = filter_of(vips);
    for (const auto& vip : vips)
        for (const auto& frame : announce::announcement(other, {{vip}}))
            BOOST_CHECK_MESSAGE(kernel.passes(octets(frame)), vip.to_string());
}

BOOST_AUTO_TEST_CASE(claims_of_other_addresses_do_not) {
    const auto kernel = filter_of({address("192.0.2.10"), address("2001:db8::1")});
    // Each of the four words of an IPv6 address counts.
    for (const auto* text :
         {"192.0.2.11", "2001:db8::2", "2001:db9::1", "2001:db8:0:1::1", "2001:db8::1:0:1"})
        for (const auto& frame : announce::announcement(other, {{address(text)}}))
            BOOST_CHECK_MESSAGE(!kernel.passes(octets(frame)), text);
}

BOOST_AUTO_TEST_CASE(our_own_frames_do_not_pass_and_near_misses_do) {
    const std::vector vips{address("192.0.2.10"), address("2001:db8::1")};
    const auto kernel = filter_of(vips);
    for (const auto& frame : announce::announcement(own, vips))
        BOOST_CHECK(!kernel.passes(octets(frame)));
    for (const std::size_t differing : {0U, 3U, 4U, 5U}) {
        auto mac = own;
        mac.octets[differing] ^= 0x40;
        for (const auto& frame : announce::announcement(mac, vips))
            BOOST_CHECK_MESSAGE(kernel.passes(octets(frame)), differing);
    }
}

BOOST_AUTO_TEST_CASE(questions_are_no_claims) {
    const std::vector vips{address("192.0.2.10"), address("2001:db8::1")};
    const auto kernel = filter_of(vips);
    for (const auto& frame : announce::probe(other, vips))
        BOOST_CHECK(!kernel.passes(octets(frame)));
}

BOOST_AUTO_TEST_CASE(what_is_not_arp_for_ipv4_over_ethernet_does_not_pass) {
    const auto kernel = filter_of({address("192.0.2.10")});
    const auto good = octets(announce::announcement(other, {{address("192.0.2.10")}}).front());
    BOOST_REQUIRE(kernel.passes(good));
    struct Change {
        std::size_t offset;
        std::uint8_t value;
    };
    // type, hardware, protocol, lengths, operation (3: RARP)
    for (const auto& change : {Change{13, 0x35}, Change{15, 6}, Change{16, 9}, Change{18, 8}, Change{19, 16},
                               Change{21, 3}, Change{21, 0}}) {
        auto bad = good;
        bad[change.offset] = change.value;
        BOOST_CHECK_MESSAGE(!kernel.passes(bad), change.offset);
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_an_advertisement_on_this_link_does_not_pass) {
    const auto kernel = filter_of({address("2001:db8::1")});
    const auto good = octets(announce::announcement(other, {{address("2001:db8::1")}}).front());
    BOOST_REQUIRE(kernel.passes(good));
    for (const std::size_t offset : {12U, 20U, 21U, 54U}) { // type, next header, hop limit, ICMPv6 type
        auto bad = good;
        bad[offset] ^= 1;
        BOOST_CHECK_MESSAGE(!kernel.passes(bad), offset);
    }
}

BOOST_AUTO_TEST_CASE(short_frames_do_not_pass) {
    const auto kernel = filter_of({address("192.0.2.10"), address("2001:db8::1")});
    for (const auto* text : {"192.0.2.10", "2001:db8::1"}) {
        const auto good = octets(announce::announcement(other, {{address(text)}}).front());
        const std::size_t needed =
            address(text).is_v4() ? 32 : 78; // to the end of the address that is compared
        for (std::size_t length = 0; length < needed; ++length)
            BOOST_CHECK_MESSAGE(
                !kernel.passes({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}), length);
    }
}

BOOST_AUTO_TEST_CASE(the_longest_list_of_vips) {
    std::vector<wire::IpAddress> vips;
    for (unsigned i = 1; i <= 32; ++i)
        vips.push_back(address("2001:db8::" + std::to_string(i)));
    const auto kernel = filter_of(vips);
    BOOST_CHECK(kernel.passes(octets(announce::announcement(other, {{vips.front()}}).front())));
    BOOST_CHECK(kernel.passes(octets(announce::announcement(other, {{vips.back()}}).front())));
    BOOST_CHECK(!kernel.passes(octets(announce::announcement(other, {{address("2001:db8::33")}}).front())));
}

BOOST_AUTO_TEST_CASE(no_vips_nothing_passes) {
    const auto kernel = filter_of({});
    for (const auto& frame :
         announce::announcement(other, std::vector{address("192.0.2.10"), address("2001:db8::1")}))
        BOOST_CHECK(!kernel.passes(octets(frame)));
}

BOOST_AUTO_TEST_SUITE_END()
