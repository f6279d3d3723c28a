// SPDX-License-Identifier: GPL-3.0-or-later
// The table through the nfqueue engine and the real kernel, and the engine's own life.
#include "dataplane/contract/table_file.hh"
#include "dataplane/path/mirror_frame.hh"
#include "dataplane/state/dialogs.hh"
#include "dataplane/table/packet_ring.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/udp.hh"
#include "tests/packet/cases.hh"
#include "tests/packet/host.hh"

#include <boost/test/unit_test.hpp>

namespace {

using namespace packet_suite;
using namespace tandem;
using namespace std::chrono_literals;
using contract::Counter;
using path::Action;

/// The UDP payload of a packet whose checksum must be right: the peer's kernel checks it.
std::string payload_of(const Bytes& packet) {
    const auto ip = wire::parse_ip(packet);
    BOOST_REQUIRE(ip.has_value());
    BOOST_TEST(wire::transport_checksum(ip->source, ip->destination, ip->protocol, ip->payload) == 0);
    const auto udp = wire::parse_udp(ip->payload);
    BOOST_REQUIRE(udp.has_value());
    return {reinterpret_cast<const char*>(udp->payload.data()), udp->payload.size()};
}

void check_case(Host& host, const Case& c) {
    set_stance(host.page(), c.stance, now_ns());
    host.settle();
    host.peer().poll();
    host.peer().mirrored.clear();
    host.peer().redirected.clear();
    const std::uint64_t count_before = host.count(c.counter);
    const std::uint64_t matched_before = host.count(Counter::mirror_matched);

    host.send(c.payload, c.destination, c.port);
    if (c.action == Action::forward) {
        std::optional<std::string> got;
        BOOST_REQUIRE(eventually([&] { return (got = host.received()).has_value(); }));
        BOOST_TEST((*got == c.payload));
    }
    if (c.queued == Case::Queued::yes)
        BOOST_REQUIRE(eventually([&] { return host.count(c.counter) == count_before + 1; }));
    else
        BOOST_TEST(host.count(c.counter) == count_before);
    host.settle();
    BOOST_TEST(!host.received().has_value()); // nothing, or nothing more

    const std::size_t copies = c.copy == path::Copy::mirror ? 1 : 0;
    const std::size_t redirects = c.action == Action::redirect ? 1 : 0;
    BOOST_TEST(host.count(Counter::mirror_matched) == matched_before + copies);
    BOOST_TEST(eventually([&] {
        host.peer().poll();
        return host.peer().mirrored.size() >= copies && host.peer().redirected.size() >= redirects;
    }));
    BOOST_TEST(host.peer().mirrored.size() == copies);
    BOOST_TEST(host.peer().redirected.size() == redirects);
    for (const auto* packets : {&host.peer().mirrored, &host.peer().redirected})
        for (const Bytes& packet : *packets)
            BOOST_TEST((payload_of(packet) == c.payload));
}

Bytes frame_with(const Bytes& header, const Bytes& packet) {
    Bytes frame = header;
    frame.insert(frame.end(), packet.begin(), packet.end());
    return frame;
}

Bytes mirrored_frame(std::uint64_t stream, std::uint64_t sequence, const Bytes& packet) {
    Bytes header(path::PacketFrame::header_size);
    path::write_packet_header({stream, sequence, 7, {}}, header);
    return frame_with(header, packet);
}

} // namespace

BOOST_AUTO_TEST_SUITE(nfqueue_engine)

BOOST_AUTO_TEST_CASE(the_table) {
    Host host;
    host.start();
    for (const Case& c : cases())
        BOOST_TEST_CONTEXT(c.line) {
            check_case(host, c);
        }
    BOOST_TEST(host.peer().garbage == 0U);
    BOOST_TEST(host.peer().replayed == 0U);
    BOOST_TEST(host.peer().marks > 0U);
    BOOST_TEST(host.peer().reports > 0U);
    BOOST_TEST(host.count(Counter::queue_overrun) == 0U);
}

BOOST_AUTO_TEST_CASE(without_keys_a_yielding_node_serves_on) {
    Host host;
    host.page().mirror_links[0].write({});
    host.start();
    set_stance(host.page(), path::Stance::yielding, now_ns());
    host.settle();
    host.send(request("REGISTER"), vip, 5060);
    BOOST_TEST(eventually([&] { return host.received().has_value(); }));
    BOOST_TEST(host.count(Counter::redirected_sent) == 0U);
    BOOST_TEST(host.count(Counter::sip_forwarded) == 1U);
}

BOOST_AUTO_TEST_CASE(a_renewed_grant_releases_what_was_held) {
    Host host;
    host.start();
    set_stance(host.page(), path::Stance::lapsed, now_ns());
    host.settle();
    host.send(request("REGISTER"), vip, 5060);
    BOOST_REQUIRE(eventually([&] { return host.count(Counter::held) == 1; }));
    BOOST_TEST(!host.received().has_value());
    set_stance(host.page(), path::Stance::active, now_ns());
    BOOST_TEST(eventually([&] { return host.received().has_value(); }));
    BOOST_TEST(host.count(Counter::held_released) == 1U);
    BOOST_TEST(eventually([&] {
        host.peer().poll();
        return host.peer().mirrored.size() == 1;
    }));
}

BOOST_AUTO_TEST_CASE(the_standby_puts_mirrored_packets_in_front_of_its_server) {
    Host host;
    // As netlink arranges it on a standby: the VIP lives on the shadow interface, and so does the way from
    // it.
    host.run("ip addr del 10.9.0.100/32 dev n0");
    host.run("ip addr add 10.9.0.100/32 dev shadow0");
    host.run("ip rule add from 10.9.0.100 lookup 77");
    host.run("ip route add default dev shadow0 table 77");
    host.start();
    set_stance(host.page(), path::Stance::standby, now_ns());
    host.settle();
    Bytes mark(path::MarkFrame::size);
    path::write(path::MarkFrame{500, 1, 1, 1, 0}, mark);
    host.peer().send(mark);
    const Bytes packet = packet_of(request("REGISTER"), vip, 5060);
    host.peer().send(mirrored_frame(500, 1, packet));
    std::optional<std::string> got;
    BOOST_REQUIRE(eventually([&] { return (got = host.received()).has_value(); }));
    BOOST_TEST((*got == request("REGISTER")));
    BOOST_TEST(host.seen_source() == "10.9.0.7 5070");
    BOOST_TEST(host.count(Counter::mirror_delivered) == 1U);
    // The server answers, and the answer is held back.
    BOOST_TEST(host.answer("SIP/2.0 200 OK\r\n\r\n"));
    BOOST_TEST(eventually([&] { return host.count(Counter::shadow_held_back) == 1; }));
    BOOST_TEST(eventually([&] {
        host.peer().poll();
        return host.peer().reported_handled == 1;
    }));
    BOOST_TEST(host.page().mirror.received == 1U);
}

BOOST_AUTO_TEST_CASE(the_active_serves_redirected_packets) {
    Host host;
    host.start();
    Bytes header(path::RedirectedFrame::header_size);
    path::write_redirected_header(header);
    host.peer().send(frame_with(header, packet_of(request("REGISTER"), vip, 5060)));
    BOOST_TEST(eventually([&] { return host.received().has_value(); }));
    BOOST_TEST(host.count(Counter::redirected_received) == 1U);
    BOOST_TEST(eventually([&] { return host.count(Counter::mirror_sent) == 1; }));
}

BOOST_AUTO_TEST_CASE(bad_datagrams_are_counted_and_change_nothing) {
    Host host;
    host.start();
    set_stance(host.page(), path::Stance::standby, now_ns());
    host.settle();
    Bytes mark(path::MarkFrame::size);
    path::write(path::MarkFrame{500, 1, 1, 1, 0}, mark);
    host.peer().send(mark);
    const Bytes good = host.peer().last();
    const auto counted = [&](Counter c, const Bytes& datagram) {
        const std::uint64_t before = host.count(c);
        host.peer().send_raw(datagram);
        BOOST_TEST(eventually([&] { return host.count(c) == before + 1; }), contract::to_string(c));
    };
    counted(Counter::link_replayed, good);
    counted(Counter::link_truncated, Bytes(good.begin(), good.begin() + 9));
    Bytes version = good;
    version[0] = 99;
    counted(Counter::link_version, version);
    Bytes association(good);
    association[4] ^= 1; // somewhere in the header: the association or its neighbourhood
    association[5] ^= 1;
    association[6] ^= 1;
    association[7] ^= 1;
    counted(Counter::link_association, association);
    Bytes later = good;
    later[15] = 200; // a fresh sequence number that the seal does not belong to
    counted(Counter::link_unauthentic, later);
    const std::uint64_t before = host.count(Counter::link_malformed);
    host.peer().send(Bytes{3, 0, 0, 0, 1});
    BOOST_TEST(eventually([&] { return host.count(Counter::link_malformed) == before + 1; }));
    BOOST_TEST(host.count(Counter::mirror_received) == 0U);
}

BOOST_AUTO_TEST_CASE(killed_it_fails_open_and_back_it_counts_what_it_missed) {
    Host host;
    host.start();
    for (int i = 0; i < 3; ++i)
        host.send(request("REGISTER"), vip, 5060);
    BOOST_REQUIRE(eventually([&] {
        host.peer().poll();
        return host.peer().mirrored.size() == 3;
    }));
    const std::uint64_t stream_before = host.peer().stream;
    while (host.received()) {
    }

    const std::int64_t killed_at = now_ns();
    host.kill();
    std::uint64_t sent = 0;
    BOOST_REQUIRE(eventually([&] {
        host.send(request("REGISTER"), vip, 5060);
        ++sent;
        return host.received().has_value();
    }));
    BOOST_TEST(now_ns() - killed_at < 50'000'000);
    for (; sent < 40; ++sent)
        host.send(request("REGISTER"), sent % 2 == 0 ? vip : vip6, 5060);
    std::uint64_t got = 1;
    BOOST_TEST(eventually([&] {
        while (host.received())
            ++got;
        return got == 40;
    }));

    contract::Notice notice;
    while (host.page().notices.pop(notice)) {
    }
    host.start();
    BOOST_REQUIRE(eventually([&] { return host.page().notices.pop(notice); }));
    BOOST_TEST((notice.kind == contract::NoticeKind::engine_started));
    BOOST_TEST(notice.value == 40U);
    BOOST_TEST(host.count(Counter::mirror_missed) == 40U);
    host.peer().mirrored.clear();
    host.send(request("INVITE"), vip, 5060);
    BOOST_TEST(eventually([&] { return host.received().has_value(); }));
    BOOST_TEST(eventually([&] {
        host.peer().poll();
        return host.peer().mirrored.size() == 1;
    }));
    BOOST_TEST(host.peer().stream != stream_before);
    BOOST_TEST(host.peer().replayed == 0U); // the new life seals with new numbers
    BOOST_TEST(host.peer().garbage == 0U);

    // And once more: what was counted is not counted again.
    host.kill();
    host.send(request("REGISTER"), vip, 5060);
    BOOST_TEST(eventually([&] { return host.received().has_value(); }));
    host.start();
    BOOST_TEST(eventually([&] { return host.count(Counter::mirror_missed) == 41; }));
}

BOOST_AUTO_TEST_CASE(it_leaves_the_packet_filter_as_it_was) {
    Host host;
    host.run("iptables -t mangle -A INPUT -p udp --dport 9999 -j ACCEPT");
    host.run("iptables -t filter -A INPUT -p tcp --dport 9998 -j ACCEPT");
    const auto rules = [&] { return host.run("sh -c 'iptables-save; ip6tables-save' | grep -v '^#'"); };
    host.run("ip6tables -t mangle -A INPUT -p udp --dport 9997 -j ACCEPT");
    const std::string before = rules();
    host.start();
    BOOST_TEST(rules().find("TANDEM") != std::string::npos);
    BOOST_TEST(rules().find("--dport 9999 -j ACCEPT") != std::string::npos);
    BOOST_TEST(host.run_second() == 1);
    host.send(request("REGISTER"), vip, 5060); // the first one is not disturbed
    BOOST_TEST(eventually([&] { return host.count(Counter::sip_forwarded) == 1; }));
    BOOST_TEST(host.terminate() == 0);
    BOOST_TEST(rules() == before);
    BOOST_TEST(host.page().engine.pid == 0);
    BOOST_TEST(host.page().engine.attached == 0U);
    host.send(request("REGISTER"), vip, 5060);
    BOOST_TEST(eventually([&] { return host.received().has_value(); }));
}

BOOST_AUTO_TEST_CASE(rules_follow_the_policy) {
    Host host;
    host.start();
    auto changed = policy("n0", 5060);
    changed.groups[0].sip_ports = {5062, 5090};
    host.page().policy.write(changed);
    BOOST_TEST(eventually([&] {
        const std::string rules = host.run("iptables-save -t mangle");
        return rules.find("--dport 5090") != std::string::npos &&
               rules.find("--dport 5060") == std::string::npos;
    }));
    host.send(request("REGISTER"), vip, 5062);
    BOOST_TEST(eventually([&] { return host.count(Counter::sip_forwarded) == 1; }));
}

BOOST_AUTO_TEST_CASE(what_passes_is_tracked_and_captured_for_others_to_read) {
    Host host;
    host.start();
    host.send(request("INVITE"), vip, 5060);
    BOOST_REQUIRE(eventually([&] { return host.received().has_value(); }));
    const auto dialogs = contract::TableReader::open(host.run_dir(), contract::TableKind::dialogs,
                                                     sizeof(state::Dialogs::Dialog));
    BOOST_REQUIRE_MESSAGE(dialogs, dialogs.error());
    BOOST_TEST(eventually([&] { return dialogs->header().used == 1U; }));
    const auto capture =
        contract::TableReader::open(host.run_dir(), contract::TableKind::capture, sizeof(table::PacketNote));
    BOOST_REQUIRE_MESSAGE(capture, capture.error());
    const auto ring = table::PacketRing::reader(capture->records());
    auto position = ring.oldest();
    table::PacketRing::Packet packet;
    bool missed = false;
    // The kernel has its own things to say on the shadow interface.
    BOOST_REQUIRE(
        eventually([&] { return ring.read(position, packet, missed) && packet.note.interface == 0; }));
    BOOST_TEST(payload_of(packet.octets) == request("INVITE"));
    BOOST_TEST(packet.note.verdict == static_cast<std::uint8_t>(Action::forward));
    BOOST_TEST(packet.note.reason == static_cast<std::uint16_t>(Counter::sip_forwarded));
    BOOST_TEST(capture->is_alive());
    host.kill();
    BOOST_TEST(eventually([&] { return !capture->is_alive(); }));
}

BOOST_AUTO_TEST_CASE(clauses_decide_what_is_mirrored) {
    Host host;
    auto wanted = policy("n0", 5060);
    wanted.groups[0].pattern =
        *contract::RequestPattern::parse("REGISTER from 10.9.0.0/16 header Call-ID=/^[^x]/");
    host.page().policy.write(wanted);
    host.start();
    host.send(request("REGISTER"), vip, 5060);
    std::string other = request("REGISTER");
    other.insert(other.find("Call-ID: ") + 9, "x");
    host.send(other, vip, 5060);
    BOOST_REQUIRE(eventually([&] { return host.count(Counter::sip_forwarded) == 2; }));
    BOOST_TEST(host.count(Counter::mirror_matched) == 1U);
}

BOOST_AUTO_TEST_CASE(the_shadow_interface_may_come_later_and_go) {
    Host host;
    host.run("ip link del shadow0");
    const auto missing = [&] { return host.page().engine.attached == 0U; };
    host.run("ip tuntap add dev shadow0 mode tun");
    host.start();
    host.run("ip link del shadow0");
    BOOST_TEST(eventually(missing));
    host.send(request("REGISTER"), vip, 5060); // SIP goes on meanwhile
    BOOST_TEST(eventually([&] { return host.received().has_value(); }));
    host.run("ip tuntap add dev shadow0 mode tun");
    BOOST_TEST(eventually([&] { return host.page().engine.attached == 1U; }));
}

BOOST_AUTO_TEST_SUITE_END()
