// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/look_filter.hh"

#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/udp.hh"
#include "tests/unit/kernel_filter.hh"

#include <boost/test/unit_test.hpp>

#include <array>
#include <string>
#include <vector>

using namespace tandem;
using Octets = std::vector<std::uint8_t>;

namespace {

struct Ends {
    wire::IpAddress vip;
    wire::IpAddress own;
};

wire::IpAddress address(const char* text) {
    return wire::IpAddress::parse(text).value();
}

const Ends ipv4{address("192.0.2.100"), address("192.0.2.1")};
const Ends ipv6{address("2001:db8::100"), address("2001:db8::1")};

Octets frame(const wire::IpAddress& from, std::uint16_t from_port, const wire::IpAddress& to,
             std::uint16_t to_port) {
    const Octets payload{'S', 'I', 'P'};
    Octets result(wire::EthernetFrame::header_size + wire::udp_packet_size(from.family, payload.size()));
    const wire::MacAddress mac{{2, 0, 0, 0, 0, 1}};
    wire::write_ethernet(result, mac, mac, from.is_v4() ? wire::ether_type_ipv4 : wire::ether_type_ipv6);
    const wire::UdpFlow flow{
        .source = from, .destination = to, .source_port = from_port, .destination_port = to_port};
    BOOST_REQUIRE_GT(wire::write_udp_packet(std::span(result).subspan(14), flow, payload), 0U);
    return result;
}

test::KernelFilter filter_of(const Ends& ends) {
    return test::KernelFilter{watch::look_filter(ends.vip, 5060, ends.own, 40000)};
}

} // namespace

BOOST_AUTO_TEST_SUITE(look_filter)

BOOST_AUTO_TEST_CASE(the_answer_passes_and_what_differs_in_any_place_does_not) {
    for (const Ends& ends : {ipv4, ipv6}) {
        const auto kernel = filter_of(ends);
        BOOST_CHECK(kernel.passes(frame(ends.vip, 5060, ends.own, 40000)));
        BOOST_CHECK(!kernel.passes(frame(ends.own, 5060, ends.vip, 40000))); // our own question's way
        BOOST_CHECK(!kernel.passes(frame(ends.vip, 5061, ends.own, 40000)));
        BOOST_CHECK(!kernel.passes(frame(ends.vip, 5060, ends.own, 40001)));
        const Octets good = frame(ends.vip, 5060, ends.own, 40000);
        const std::size_t addresses = ends.vip.is_v4() ? 14 + 12 : 14 + 8;
        for (std::size_t i = addresses; i < addresses + 2 * ends.vip.size(); ++i) {
            Octets other = good;
            other[i] ^= 0x10;
            BOOST_CHECK_MESSAGE(!kernel.passes(other), i);
        }
        Octets arp = good;
        arp[13] = 0x06;
        BOOST_CHECK(!kernel.passes(arp));
        Octets tcp = good;
        tcp[ends.vip.is_v4() ? 14 + 9 : 14 + 6] = wire::protocol_tcp;
        BOOST_CHECK(!kernel.passes(tcp));
    }
}

BOOST_AUTO_TEST_CASE(ipv4_fragments_do_not_pass_and_options_do) {
    const auto kernel = filter_of(ipv4);
    const Octets good = frame(ipv4.vip, 5060, ipv4.own, 40000);
    for (const auto& [offset, bit] : {std::pair{20, 0x20}, std::pair{20, 0x01}, std::pair{21, 0x01}}) {
        Octets fragment = good;
        fragment[static_cast<std::size_t>(offset)] |= static_cast<std::uint8_t>(bit);
        BOOST_CHECK(!kernel.passes(fragment));
    }
    Octets with_options = good;
    with_options[14] = 0x46; // 24 octets of header
    with_options.insert(with_options.begin() + 34, 4, 1);
    BOOST_CHECK(kernel.passes(with_options));
}

BOOST_AUTO_TEST_CASE(short_frames_do_not_pass) {
    for (const Ends& ends : {ipv4, ipv6}) {
        const auto kernel = filter_of(ends);
        const Octets good = frame(ends.vip, 5060, ends.own, 40000);
        const std::size_t needed = 14 + (ends.vip.is_v4() ? 20U : 40U) + 4;
        for (std::size_t length = 1; length < needed; ++length)
            BOOST_CHECK_MESSAGE(
                !kernel.passes({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}), length);
    }
}

BOOST_AUTO_TEST_CASE(ends_of_different_families_have_no_filter) {
    BOOST_CHECK(watch::look_filter(ipv4.vip, 5060, ipv6.own, 1).empty());
    BOOST_CHECK(watch::look_filter({}, 5060, {}, 1).empty());
}

BOOST_AUTO_TEST_SUITE_END()
