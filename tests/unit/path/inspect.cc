// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/inspect.hh"

#include "tests/unit/path/sip_packets.hh"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace tandem::path;
using namespace sip_packets;

namespace {

void check(const Packet& packet, Kind kind, const char* what,
           const tandem::contract::Policy& with = policy()) {
    BOOST_TEST(to_string(inspect(packet, with).kind) == to_string(kind), what);
}

} // namespace

BOOST_AUTO_TEST_SUITE(inspect_packet)

BOOST_AUTO_TEST_CASE(kinds) {
    check(udp(request("REGISTER")), Kind::sip_matching, "blank pattern, request");
    check(udp(request("REGISTER"), "10.9.0.100", 5062), Kind::sip_matching, "second port");
    check(udp(request("REGISTER"), "fd00::100"), Kind::sip_matching, "IPv6");
    check(udp(request("REGISTER"), "10.9.0.101"), Kind::sip_other, "mirroring off");
    check(udp(request("FROBNICATE")), Kind::sip_matching, "extension method");
    check(udp("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"), Kind::sip_matching, "response");
    check(udp("\r\n\r\n"), Kind::keepalive, "CRLF");
    check(udp("GET / HTTP/1.1\r\n\r\n"), Kind::sip_malformed, "HTTP");
    check(udp(std::string(40, '\xff')), Kind::sip_malformed, "noise");
    check(udp(request("REGISTER"), "10.9.0.100", 5061), Kind::other_port, "not a SIP port");
    check(udp(request("REGISTER"), "10.9.0.7"), Kind::not_vip, "another address");
}

BOOST_AUTO_TEST_CASE(pattern_decides) {
    check(udp(request("INVITE")), Kind::sip_matching, "listed", policy("INVITE|CANCEL"));
    check(udp(request("REGISTER")), Kind::sip_other, "not listed", policy("INVITE|CANCEL"));
    check(udp(request("REGISTER")), Kind::sip_other, "excluded", policy("!REGISTER"));
    check(udp(request("INVITE")), Kind::sip_matching, "not excluded", policy("!REGISTER"));
}

BOOST_AUTO_TEST_CASE(of_a_response_no_more_is_read_than_the_pattern_asks) {
    const Packet without_cseq = udp("SIP/2.0 200 OK\r\nFrom: <sip:a@x>\r\n\r\n");
    check(without_cseq, Kind::sip_malformed, "blank pattern");
    check(without_cseq, Kind::sip_malformed, "asks the method", policy("INVITE|2xx/INVITE"));
    check(without_cseq, Kind::sip_other, "no response can match", policy("INVITE"));
    check(udp("SIP/2.0 200 OK"), Kind::sip_malformed, "no end of the line", policy("INVITE"));
    check(udp("SIP/3.0 200 OK\r\n\r\n"), Kind::sip_malformed, "another version", policy("INVITE"));
}

BOOST_AUTO_TEST_CASE(group_is_that_of_the_vip) {
    BOOST_TEST(inspect(udp(request("INVITE"), "fd00::100"), policy()).group == 0);
    BOOST_TEST(inspect(udp(request("INVITE"), "10.9.0.101"), policy()).group == 1);
}

BOOST_AUTO_TEST_CASE(damaged) {
    const Packet whole = udp(request("REGISTER"));
    check({}, Kind::unreadable, "empty");
    check({0x45}, Kind::unreadable, "one octet");
    check(Packet(whole.begin(), whole.begin() + 19), Kind::unreadable, "short IPv4 header");
    check(Packet(whole.begin(), whole.begin() + 20), Kind::truncated, "header only");
    check(Packet(whole.begin(), whole.end() - 1), Kind::truncated, "one octet missing");
    Packet fragment = whole;
    fragment[6] = 0x20; // more fragments
    check(fragment, Kind::fragment, "first fragment");
    Packet version = whole;
    version[0] = 0x75;
    check(version, Kind::unreadable, "IP version 7");
    Packet tcp = whole;
    tcp[9] = 6;
    check(tcp, Kind::other_port, "TCP");
    Packet length = whole;
    length[24] = 0xff; // UDP length beyond the packet
    check(length, Kind::truncated, "UDP length");
}

BOOST_AUTO_TEST_CASE(every_truncation_and_noise_is_survived) {
    const auto with = policy();
    for (const auto& whole : {udp(request("REGISTER")), udp(request("REGISTER"), "fd00::100")})
        for (std::size_t n = 0; n <= whole.size(); ++n) {
            const Packet cut(whole.begin(),
                             whole.begin() + static_cast<std::ptrdiff_t>(n)); // exact size, for asan
            inspect(cut, with);
        }
    std::mt19937 random{3261};
    for (int i = 0; i < 20'000; ++i) {
        Packet packet = udp(request("INVITE"));
        for (int flips = 0; flips < 8; ++flips)
            packet[random() % packet.size()] = static_cast<std::uint8_t>(random());
        inspect(packet, with);
    }
}

BOOST_AUTO_TEST_CASE(a_policy_with_absurd_counts_stays_within_bounds) {
    auto with = policy();
    with.vip_count = 255;
    with.groups[0].sip_port_count = 255;
    check(udp(request("REGISTER"), "10.9.0.100", 5999), Kind::other_port, "no such port", with);
    check(udp(request("REGISTER"), "10.9.0.7"), Kind::not_vip, "no such VIP", with);
}

BOOST_AUTO_TEST_SUITE_END()
