// SPDX-License-Identifier: GPL-3.0-or-later
// The table through the DPDK engine between two real links, and what only an appliance does.
#include "dataplane/path/fragments.hh"
#include "dataplane/path/mirror_frame.hh"
#include "dataplane/path/split.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/ndp.hh"
#include "dataplane/wire/octets.hh"
#include "dataplane/wire/tcp.hh"
#include "dataplane/wire/udp.hh"
#include "tests/packet/appliance.hh"
#include "tests/packet/cases.hh"
#include "tests/packet/namespaces.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>

namespace {

using namespace packet_suite;
using namespace tandem;
using contract::Counter;
using path::Action;
using path::Stance;

const wire::IpAddress vip_address = address(vip);
const wire::IpAddress phone_address = address(phone);

/// Is it this UDP payload, with a right checksum?
bool has_payload(const Bytes& frame, std::string_view payload) {
    const Bytes packet = ip_in(frame);
    const auto ip = wire::parse_ip(packet);
    if (!ip || ip->protocol != wire::protocol_udp || ip->fragment != wire::Fragment::whole)
        return false;
    const auto udp = wire::parse_udp(ip->payload);
    return udp &&
           std::ranges::equal(udp->payload, payload, {}, {},
                              [](char c) { return static_cast<std::uint8_t>(c); }) &&
           wire::transport_checksum(ip->source, ip->destination, ip->protocol, ip->payload) == 0;
}

std::function<bool(const Bytes&)> payload(std::string_view text) {
    return [text = std::string{text}](const Bytes& frame) { return has_payload(frame, text); };
}

std::function<bool(const Bytes&)> is_for(std::string_view destination) {
    return [to = address(destination)](const Bytes& frame) {
        const Bytes packet = ip_in(frame);
        const auto ip = wire::parse_ip(packet);
        return ip && ip->destination == to;
    };
}

/// What fragments on their way make together.
struct Joined {
    path::Fragments fragments{1};
    std::uint32_t count{0};
    bool operator()(const Bytes& frame) {
        const Bytes packet = ip_in(frame);
        const auto ip = wire::parse_ip(packet);
        return ip && ip->fragment != wire::Fragment::whole &&
               fragments.take(path::Instant{}, *ip, count++) == path::Fragmented::whole;
    }
};

bool arrives(Appliance& appliance, const Case& c) {
    Joined joined;
    return appliance
        .receive(Wire::inside,
                 [&](const Bytes& frame) {
                     if (has_payload(frame, c.payload))
                         return true;
                     // A large one goes on in fragments.
                     return joined(frame) && std::string(joined.fragments.packet().end() -
                                                             static_cast<std::ptrdiff_t>(c.payload.size()),
                                                         joined.fragments.packet().end()) == c.payload;
                 })
        .has_value();
}

void check_case(Appliance& appliance, const Case& c) {
    BOOST_TEST_CONTEXT(c.line) {
        set_stance(appliance.page(), c.stance, now_ns());
        appliance.settle();
        appliance.forget();
        appliance.peer().poll();
        appliance.peer().mirrored.clear();
        appliance.peer().redirected.clear();
        const std::uint64_t count_before = appliance.count(c.counter);
        const std::uint64_t kernel_before = appliance.count(Counter::kernel_out);
        Bytes packet = packet_of(c.payload, c.destination, c.port);
        if (packet.size() <= 1500) {
            appliance.send(Wire::outside, packet);
        } else {
            auto splitter = path::Splitter::begin(packet, 1400, 77);
            for (Bytes piece(1400); const std::size_t length = splitter->next(piece);)
                appliance.send(Wire::outside, std::span{piece}.first(length));
        }
        if (c.queued == Case::Queued::no) { // an address of the node itself
            BOOST_TEST(eventually([&] { return appliance.count(Counter::kernel_out) == kernel_before + 1; }));
            return;
        }
        if (c.action == Action::forward)
            BOOST_TEST(arrives(appliance, c));
        BOOST_TEST(eventually([&] { return appliance.count(c.counter) == count_before + 1; }));
        appliance.settle();
        BOOST_TEST(!appliance.is_there(Wire::inside, is_for(c.destination)));
        const std::size_t copies = c.copy == path::Copy::mirror ? 1 : 0;
        const std::size_t redirects = c.action == Action::redirect ? 1 : 0;
        BOOST_TEST(eventually([&] {
            appliance.peer().poll();
            return appliance.peer().mirrored.size() >= copies &&
                   appliance.peer().redirected.size() >= redirects;
        }));
        BOOST_TEST(appliance.peer().mirrored.size() == copies);
        BOOST_TEST(appliance.peer().redirected.size() == redirects);
    }
}

Bytes arp_request(const wire::IpAddress& from, const wire::IpAddress& target) {
    Bytes frame(wire::ArpFrame::size);
    wire::ArpFrame request{wire::MacAddress::broadcast(), station(Appliance::phone_mac), {}};
    request.packet = {wire::ArpOperation::request, station(Appliance::phone_mac), from, {}, target};
    wire::write_arp(frame, request);
    return frame;
}

std::optional<wire::ArpPacket> arp_in(const Bytes& frame) {
    const auto parsed = wire::parse_ethernet(frame);
    if (!parsed || parsed->ether_type != wire::ether_type_arp)
        return std::nullopt;
    const auto arp = wire::parse_arp(parsed->payload);
    return arp ? std::optional{*arp} : std::nullopt;
}

std::function<bool(const Bytes&)> arp_reply_for(const wire::IpAddress& owner) {
    return [owner](const Bytes& frame) {
        const auto arp = arp_in(frame);
        return arp && arp->operation == wire::ArpOperation::reply && arp->sender_ip == owner;
    };
}

} // namespace

BOOST_AUTO_TEST_SUITE(dpdk_engine)

BOOST_AUTO_TEST_CASE(the_table) {
    for (const std::uint8_t workers : {std::uint8_t{1}, std::uint8_t{3}}) {
        Appliance appliance{{.workers = workers, .outside_queues = workers}};
        for (const Case& c : cases())
            check_case(appliance, c);
        BOOST_TEST(appliance.terminate() == 0);
        BOOST_TEST(appliance.run("nft list tables").find("tandem") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(only_mac_addresses_change_both_ways) {
    Appliance appliance;
    const Bytes there = udp_packet(phone_address, 40'000, vip_address, 30'000, "media there");
    const Bytes back = udp_packet(vip_address, 30'000, phone_address, 40'000, "media back");
    for (int round = 0; round < 3; ++round) { // the slow way, and then the quick one
        appliance.send(Wire::outside, there);
        const auto inside = appliance.receive(Wire::inside, payload("media there"));
        BOOST_REQUIRE(inside);
        BOOST_TEST(ip_in(*inside) == there, boost::test_tools::per_element());
        const auto frame = wire::parse_ethernet(*inside);
        BOOST_TEST((frame->destination == station(Appliance::server_mac)));
        BOOST_TEST((frame->source == appliance.mac(Wire::inside)));
        appliance.send(Wire::inside, back);
        const auto outside = appliance.receive(Wire::outside, payload("media back"));
        BOOST_REQUIRE(outside);
        BOOST_TEST(ip_in(*outside) == back, boost::test_tools::per_element());
        BOOST_TEST((wire::parse_ethernet(*outside)->destination == station(Appliance::phone_mac)));
        BOOST_TEST((wire::parse_ethernet(*outside)->source == appliance.mac(Wire::outside)));
    }
    BOOST_TEST(appliance.count(Counter::inside_forwarded) == 3U);
}

BOOST_AUTO_TEST_CASE(the_standby_holds_its_server_back_and_gives_it_the_mirror) {
    Appliance appliance;
    set_stance(appliance.page(), Stance::standby, now_ns());
    appliance.settle();
    appliance.forget();
    appliance.send(Wire::inside,
                   udp_packet(vip_address, 5060, phone_address, 5070, "SIP/2.0 200 OK\r\n\r\n"));
    BOOST_TEST(eventually([&] { return appliance.count(Counter::inside_held_back) == 1; }));
    BOOST_TEST(!appliance.is_there(Wire::outside, is_for(phone)));

    Bytes mark(path::MarkFrame::size);
    path::write(path::MarkFrame{50, 1, 1, 1, 0}, mark);
    appliance.peer().send(mark);
    for (const std::size_t size : {std::size_t{0}, std::size_t{4000}}) {
        const Bytes copy = packet_of(request("REGISTER", size), vip, 5060);
        Bytes frame(path::PacketFrame::header_size);
        path::write_packet_header({50, size == 0 ? 1U : 2U, 7, {}}, frame);
        frame.insert(frame.end(), copy.begin(), copy.end());
        appliance.peer().send(frame);
        Joined joined;
        BOOST_TEST(
            appliance
                .receive(Wire::inside, [&](const Bytes& seen) { return ip_in(seen) == copy || joined(seen); })
                .has_value());
    }
    BOOST_TEST(appliance.count(Counter::mirror_delivered) == 2U);
}

BOOST_AUTO_TEST_CASE(one_address_for_another) {
    Appliance appliance{{.forwarding = contract::Forwarding::nat, .outside_tags = {}, .inside_tags = {}}};
    const wire::IpAddress server = address(Appliance::server);
    for (int round = 0; round < 3; ++round) {
        appliance.send(Wire::outside, packet_of(request("REGISTER"), vip, 5060));
        const auto inside = appliance.receive(Wire::inside, payload(request("REGISTER")));
        BOOST_REQUIRE(inside);
        const Bytes packet = ip_in(*inside);
        BOOST_TEST((wire::parse_ip(packet)->destination == server));
        BOOST_TEST((wire::parse_ip(packet)->source == phone_address));
        appliance.send(Wire::inside, udp_packet(server, 5060, phone_address, 5070, "SIP/2.0 200 OK\r\n\r\n"));
        const auto outside = appliance.receive(Wire::outside, payload("SIP/2.0 200 OK\r\n\r\n"));
        BOOST_REQUIRE(outside);
        const Bytes answer = ip_in(*outside);
        BOOST_TEST((wire::parse_ip(answer)->source == vip_address));
    }
    // The mirror has what the phone sent.
    BOOST_TEST(eventually([&] {
        appliance.peer().poll();
        return appliance.peer().mirrored.size() == 3;
    }));
    for (const Bytes& copy : appliance.peer().mirrored)
        BOOST_TEST(copy == packet_of(request("REGISTER"), vip, 5060), boost::test_tools::per_element());
    // "Port unreachable" of the server quotes what it got; the phone sees what it sent.
    const Bytes sent = udp_packet(phone_address, 40'000, server, 30'000, "nobody there");
    Bytes error(wire::IpPacket::ipv4_header_min + 8 + 28);
    wire::write_ip(error, server, phone_address, wire::protocol_icmp, 64, error.size() - 20);
    error[20] = 3;
    error[21] = 3;
    std::copy_n(sent.begin(), 28, error.begin() + 28);
    wire::store_be(error, 22, wire::checksum(std::span{error}.subspan(20)));
    appliance.send(Wire::inside, error);
    const auto outside = appliance.receive(Wire::outside, [](const Bytes& frame) {
        const Bytes packet = ip_in(frame);
        return !packet.empty() && packet[9] == wire::protocol_icmp;
    });
    BOOST_REQUIRE(outside);
    const Bytes seen = ip_in(*outside);
    BOOST_TEST(wire::checksum(std::span{seen}.subspan(20)) == 0);
    const Bytes quoted(seen.begin() + 28, seen.end());
    BOOST_TEST((wire::IpAddress::v4({quoted[16], quoted[17], quoted[18], quoted[19]}) == vip_address));
}

BOOST_AUTO_TEST_CASE(tags_come_off_and_go_on) {
    Appliance appliance{
        {.forwarding = contract::Forwarding::transparent, .outside_tags = {100}, .inside_tags = {200, 300}}};
    const Bytes there = udp_packet(phone_address, 40'000, vip_address, 30'000, "there");
    appliance.send(Wire::outside, there, {100});
    const auto inside = appliance.receive(Wire::inside, payload("there"));
    BOOST_REQUIRE(inside);
    const Bytes& frame = *inside;
    BOOST_TEST(wire::load_be<std::uint16_t>(frame, 12) == wire::ether_type_service_vlan);
    BOOST_TEST(wire::load_be<std::uint16_t>(frame, 14) == 200);
    BOOST_TEST(wire::load_be<std::uint16_t>(frame, 16) == wire::ether_type_vlan);
    BOOST_TEST(wire::load_be<std::uint16_t>(frame, 18) == 300);
    for (int round = 0; round < 2; ++round) {
        appliance.send(Wire::inside, udp_packet(vip_address, 30'000, phone_address, 40'000, "back"),
                       {200, 300});
        const auto outside = appliance.receive(Wire::outside, payload("back"));
        BOOST_REQUIRE(outside);
        BOOST_TEST(wire::load_be<std::uint16_t>(*outside, 12) == wire::ether_type_vlan);
        BOOST_TEST(wire::load_be<std::uint16_t>(*outside, 14) == 100);
        BOOST_TEST(wire::load_be<std::uint16_t>(*outside, 16) == wire::ether_type_ipv4);
    }
    // The answer to a question has the tag of the question.
    Bytes question = arp_request(phone_address, vip_address);
    const Bytes tag{0x81, 0x00, 0, 100};
    question.insert(question.begin() + 12, tag.begin(), tag.end());
    appliance.send_frame(Wire::outside, question);
    BOOST_TEST(appliance
                   .receive(Wire::outside,
                            [](const Bytes& seen) {
                                const auto arp = arp_in(seen);
                                return arp && arp->operation == wire::ArpOperation::reply && seen[15] == 100;
                            })
                   .has_value());
    // Frames of other networks concern nobody here.
    const std::uint64_t kernel = appliance.count(Counter::kernel_out);
    appliance.send(Wire::outside, there, {101});
    appliance.send(Wire::outside, there);
    BOOST_TEST(eventually([&] { return appliance.count(Counter::kernel_out) == kernel + 2; }));
    BOOST_TEST(!appliance.is_there(Wire::inside, payload("there")));
}

BOOST_AUTO_TEST_CASE(who_has_the_vip) {
    Appliance appliance;
    appliance.send_frame(Wire::outside, arp_request(phone_address, vip_address));
    const auto reply = appliance.receive(Wire::outside, arp_reply_for(vip_address));
    BOOST_REQUIRE(reply);
    BOOST_TEST((arp_in(*reply)->sender_mac == appliance.mac(Wire::outside)));
    Bytes solicitation(wire::NdpFrame::size_max);
    solicitation.resize(
        wire::write_ndp(solicitation, wire::neighbour_probe(station(Appliance::phone_mac), address(vip6))));
    appliance.send_frame(Wire::outside, solicitation);
    BOOST_TEST(appliance
                   .receive(Wire::outside,
                            [](const Bytes& frame) {
                                const Bytes packet = ip_in(frame);
                                const auto ip = wire::parse_ip(packet);
                                const auto message =
                                    ip ? wire::parse_ndp(*ip) : std::unexpected(wire::PacketError::kind);
                                return message && message->type == wire::NdpType::advertisement &&
                                       message->target == address(vip6);
                            })
                   .has_value());
    // The node's own address is the kernel's, and it answers once.
    appliance.send_frame(Wire::outside, arp_request(phone_address, address(node_address)));
    BOOST_TEST(appliance.receive(Wire::outside, arp_reply_for(address(node_address))).has_value());
    for (const Stance stance : {Stance::standby, Stance::yielding, Stance::lapsed}) {
        set_stance(appliance.page(), stance, now_ns());
        appliance.settle();
        const std::uint64_t silent = appliance.count(Counter::address_silent);
        appliance.send_frame(Wire::outside, arp_request(phone_address, vip_address));
        BOOST_TEST(eventually([&] { return appliance.count(Counter::address_silent) == silent + 1; }));
    }
    appliance.settle();
    BOOST_TEST(!appliance.is_there(Wire::outside, arp_reply_for(vip_address)));
}

BOOST_AUTO_TEST_CASE(a_server_that_asks_in_the_name_of_the_vip_is_answered) {
    Appliance appliance;
    appliance.run("ip addr add " + std::string(vip) + "/32 dev outside0"); // as while active
    const wire::MacAddress server = station(Appliance::server_mac);
    Bytes question(wire::ArpFrame::size);
    wire::ArpFrame request{wire::MacAddress::broadcast(), server, {}};
    request.packet = {
        wire::ArpOperation::request, server, vip_address, {}, address(Appliance::inside_address)};
    wire::write_arp(question, request);
    appliance.send_frame(Wire::inside, question);
    BOOST_TEST(
        appliance.receive(Wire::inside, arp_reply_for(address(Appliance::inside_address))).has_value());
}

BOOST_AUTO_TEST_CASE(the_kernel_has_the_rest_once) {
    Appliance appliance;
    Bytes echo(20 + 8 + 8);
    wire::write_ip(echo, phone_address, address(node_address), wire::protocol_icmp, 64, 16);
    echo[20] = 8;
    wire::store_be(echo, 22, wire::checksum(std::span{echo}.subspan(20)));
    appliance.send(Wire::outside, echo);
    const auto is_reply = [](const Bytes& frame) {
        const Bytes packet = ip_in(frame);
        return packet.size() > 28 && packet[9] == wire::protocol_icmp && packet[20] == 0;
    };
    BOOST_TEST(appliance.receive(Wire::outside, is_reply).has_value());
    appliance.settle();
    BOOST_TEST(!appliance.is_there(Wire::outside, is_reply));
    // The server reaches the node itself, also with the VIP as its source.
    wire::write_ip(echo, vip_address, address(Appliance::inside_address), wire::protocol_icmp, 64, 16);
    const std::uint64_t kernel = appliance.count(Counter::kernel_out);
    appliance.send(Wire::inside, echo);
    BOOST_TEST(eventually([&] { return appliance.count(Counter::kernel_out) == kernel + 1; }));
}

BOOST_AUTO_TEST_CASE(what_is_too_large_for_the_inside) {
    Appliance appliance{{.forwarding = contract::Forwarding::transparent,
                         .outside_tags = {},
                         .inside_tags = {},
                         .inside_mtu = 1400}};
    const std::string large(1450, 'x');
    Bytes packet = udp_packet(phone_address, 40'000, vip_address, 30'000, large);
    appliance.send(Wire::outside, packet); // DF is set: write_ip() does
    const auto error = appliance.receive(Wire::outside, [](const Bytes& frame) {
        const Bytes seen = ip_in(frame);
        return seen.size() > 28 && seen[9] == wire::protocol_icmp && seen[20] == 3 && seen[21] == 4;
    });
    BOOST_REQUIRE(error);
    BOOST_TEST(wire::load_be<std::uint16_t>(ip_in(*error), 26) == 1400);
    wire::store_be(packet, 6, std::uint16_t{0});
    wire::store_be(packet, 10, std::uint16_t{0});
    wire::store_be(packet, 10, wire::checksum(std::span{packet}.first(20)));
    appliance.send(Wire::outside, packet);
    Joined joined;
    BOOST_TEST(appliance.receive(Wire::inside, std::ref(joined)).has_value());
    BOOST_TEST(Bytes(joined.fragments.packet().begin() + 20, joined.fragments.packet().end()) ==
                   Bytes(packet.begin() + 20, packet.end()),
               boost::test_tools::per_element());
    appliance.send(Wire::outside, udp_packet(address(phone6), 40'000, address(vip6), 30'000, large));
    BOOST_TEST(appliance
                   .receive(Wire::outside,
                            [](const Bytes& frame) {
                                const Bytes seen = ip_in(frame);
                                return seen.size() > 48 && seen[6] == wire::protocol_icmpv6 &&
                                       seen[40] == 2 && wire::load_be<std::uint32_t>(seen, 44) == 1400;
                            })
                   .has_value());
    BOOST_TEST(appliance.count(Counter::packet_too_big) == 2U);
}

BOOST_AUTO_TEST_CASE(ipv6_fragments_share_a_verdict) {
    Appliance appliance;
    const Bytes whole = packet_of(request("REGISTER", 3'000), vip6, 5060);
    const std::vector<Bytes> pieces = pieces_backwards(whole);
    for (const Bytes& piece : pieces)
        appliance.send(Wire::outside, piece);
    Joined joined;
    BOOST_TEST(appliance.receive(Wire::inside, std::ref(joined)).has_value());
    BOOST_TEST(joined.count == pieces.size());
    BOOST_TEST(eventually([&] {
        appliance.peer().poll();
        return appliance.peer().mirrored.size() == 1;
    }));
    BOOST_TEST(appliance.peer().mirrored.front() == whole, boost::test_tools::per_element());
    // On the standby nothing of it arrives.
    set_stance(appliance.page(), Stance::standby, now_ns());
    appliance.settle();
    const std::uint64_t dropped = appliance.count(Counter::drop_standby);
    for (const Bytes& piece : pieces)
        appliance.send(Wire::outside, piece);
    BOOST_TEST(eventually([&] { return appliance.count(Counter::drop_standby) == dropped + pieces.size(); }));
}

BOOST_AUTO_TEST_CASE(a_neighbour_is_looked_for_while_its_packet_waits) {
    Appliance appliance;
    const wire::IpAddress stranger = address("10.9.0.77");
    appliance.send(Wire::inside, udp_packet(vip_address, 5060, stranger, 5060, "hello stranger"));
    const auto question = appliance.receive(Wire::outside, [&](const Bytes& frame) {
        const auto arp = arp_in(frame);
        return arp && arp->operation == wire::ArpOperation::request && arp->target_ip == stranger;
    });
    BOOST_REQUIRE(question);
    BOOST_TEST(!appliance.is_there(Wire::outside, payload("hello stranger")));
    Bytes reply(wire::ArpFrame::size);
    const wire::MacAddress at = station("02:00:00:00:09:77");
    wire::ArpPacket asked = *arp_in(*question);
    wire::write_arp(reply, wire::arp_reply(at, asked));
    appliance.send_frame(Wire::outside, reply);
    const auto frame = appliance.receive(Wire::outside, payload("hello stranger"));
    BOOST_REQUIRE(frame);
    BOOST_TEST((wire::parse_ethernet(*frame)->destination == at));
    // Where no route leads, the packet is dropped and counted.
    const std::uint64_t failed = appliance.count(Counter::next_hop_failed);
    appliance.send(Wire::inside, udp_packet(vip_address, 5060, address("203.0.113.1"), 5060, "nowhere"));
    BOOST_TEST(eventually([&] { return appliance.count(Counter::next_hop_failed) == failed + 1; }));
    appliance.run("ip route add 203.0.113.0/24 via 10.9.0.77");
    BOOST_TEST(eventually([&] {
        appliance.send(Wire::inside,
                       udp_packet(vip_address, 5060, address("203.0.113.1"), 5060, "somewhere"));
        return appliance.is_there(Wire::outside, payload("somewhere"));
    }));
}

BOOST_AUTO_TEST_CASE(an_operators_neighbour_stays) {
    Appliance appliance;
    const std::string command = "ip neigh show " + std::string(Appliance::server);
    BOOST_TEST(appliance.run(command).find("PERMANENT") != std::string::npos);
    // Servers are looked for every second; a port's counts are told ten times as often.
    const auto begin = std::chrono::steady_clock::now();
    BOOST_TEST(eventually(
        [&] { return std::chrono::steady_clock::now() - begin > std::chrono::milliseconds{2500}; }));
    BOOST_TEST(appliance.run(command).find("PERMANENT") != std::string::npos);
    appliance.send(Wire::outside, packet_of(request("OPTIONS"), vip, 5060));
    BOOST_TEST(appliance.receive(Wire::inside, payload(request("OPTIONS"))).has_value());
}

BOOST_AUTO_TEST_CASE(the_kernel_interface_shows_the_link) {
    Appliance appliance;
    const auto carrier = [&] { return appliance.run("cat /sys/class/net/outside0/carrier"); };
    BOOST_TEST(eventually([&] { return carrier() == "1\n"; }));
    BOOST_TEST(eventually([&] { return appliance.page().ports[0].link == 1; }));
    appliance.run("ip link set o down");
    BOOST_TEST(eventually([&] { return carrier() == "0\n"; }));
    BOOST_TEST(eventually([&] { return appliance.page().ports[0].link == 0; }));
    appliance.run("ip link set o up");
    BOOST_TEST(eventually([&] { return carrier() == "1\n"; }));
}

BOOST_AUTO_TEST_CASE(sip_over_tcp_is_read_and_passed_on) {
    Appliance appliance;
    const std::string message = request("REGISTER");
    const auto segment = [&](std::uint32_t sequence, std::string_view text) {
        Bytes packet(20 + wire::TcpSegment::header_min + text.size());
        wire::write_ip(packet, phone_address, vip_address, wire::protocol_tcp, 64, packet.size() - 20);
        const std::span<std::uint8_t> tcp = std::span{packet}.subspan(20);
        wire::store_be(tcp, 0, std::uint16_t{40'000});
        wire::store_be(tcp, 2, std::uint16_t{5060});
        wire::store_be(tcp, 4, sequence);
        tcp[12] = 0x50;
        tcp[13] = 0x18;
        std::copy(text.begin(), text.end(), tcp.begin() + wire::TcpSegment::header_min);
        return packet;
    };
    const std::string two = message + message;
    appliance.send(Wire::outside, segment(1000, two.substr(0, 100)));
    appliance.send(Wire::outside, segment(1100, two.substr(100)));
    const auto is_tcp = [](const Bytes& frame) {
        const Bytes packet = ip_in(frame);
        return !packet.empty() && packet[9] == wire::protocol_tcp;
    };
    BOOST_TEST(appliance.receive(Wire::inside, is_tcp).has_value());
    BOOST_TEST(appliance.receive(Wire::inside, is_tcp).has_value());
    BOOST_TEST(eventually([&] { return appliance.count(Counter::stream_messages) == 2; }));
}

BOOST_AUTO_TEST_CASE(noise_on_both_wires_stops_nothing) {
    Appliance appliance;
    std::mt19937 random{11}; // NOLINT(cert-msc51-cpp): the same noise in every run
    const std::vector<Bytes> seeds{
        packet_of(request("INVITE"), vip, 5060), packet_of(request("REGISTER"), vip6, 5060),
        udp_packet(vip_address, 5060, phone_address, 5070, "SIP/2.0 200 OK\r\n\r\n")};
    for (int i = 0; i < 20'000; ++i) {
        Bytes packet = seeds[random() % seeds.size()];
        for (int changes = 0; changes < 4; ++changes)
            packet[random() % std::min<std::size_t>(packet.size(), 80)] = static_cast<std::uint8_t>(random());
        packet.resize(1 + random() % packet.size());
        appliance.send(random() % 2 == 0 ? Wire::outside : Wire::inside, packet);
        if (i % 64 == 0)
            appliance.forget();
    }
    appliance.forget();
    appliance.settle();
    appliance.send(Wire::outside, packet_of(request("OPTIONS"), vip, 5060));
    BOOST_TEST(appliance.receive(Wire::inside, payload(request("OPTIONS"))).has_value());
    BOOST_TEST(appliance.count(Counter::no_buffer) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
