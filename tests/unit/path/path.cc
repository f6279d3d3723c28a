// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/path.hh"

#include "tests/unit/path/sip_packets.hh"

#include <boost/test/unit_test.hpp>

#include <memory>

namespace {

using namespace tandem::path;
using namespace tandem::contract;
using namespace std::chrono_literals;
using namespace sip_packets;

struct Fixture {
    Fixture() {
        page->policy.write(policy("REGISTER|INVITE"));
        path.begin(now);
        while (path.next_transmit()) { // the first mark and report
        }
    }

    void be(Standing standing, Duration lease = 1h, std::uint64_t epoch = 7) {
        for (int g = 0; g < 2; ++g) {
            page->grants[static_cast<std::size_t>(g)].role.write({epoch, standing, {}});
            page->grants[static_cast<std::size_t>(g)].expires_ns = to_page(now + lease);
        }
        path.begin(now);
    }
    void pass(Duration time) {
        now += time;
        path.begin(now);
    }
    Action outside(const Packet& packet, std::uint32_t token = 1) { return path.on_outside(packet, token); }
    std::uint64_t count(Counter c) const { return page->counters.get(c); }

    /// Packet frames that want to be sent.
    std::vector<Packet> transmitted(Sent sent = Sent::yes) {
        std::vector<Packet> frames;
        while (const auto frame = path.next_transmit()) {
            if (frame->kind != TransmitKind::control)
                frames.emplace_back(frame->frame.begin(), frame->frame.end());
            path.transmitted(frame->kind, sent);
        }
        return frames;
    }
    std::vector<Packet> deliveries() {
        std::vector<Packet> packets;
        while (const auto delivery = path.next_delivery()) {
            packets.emplace_back(delivery->packet.begin(), delivery->packet.end());
            path.delivered(*delivery, Delivered::yes);
        }
        return packets;
    }
    void frame(std::uint64_t sequence, const Packet& packet, std::uint64_t epoch = 7) {
        Packet bytes(PacketFrame::header_size);
        write_packet_header({50, sequence, epoch, {}}, bytes);
        bytes.insert(bytes.end(), packet.begin(), packet.end());
        path.on_frame(bytes);
    }
    void redirected(const Packet& packet) {
        Packet bytes(RedirectedFrame::header_size);
        write_redirected_header(bytes);
        bytes.insert(bytes.end(), packet.begin(), packet.end());
        path.on_frame(bytes);
        got = deliveries();
    }
    void peer_stream_begins() {
        Packet bytes(MarkFrame::size);
        write(MarkFrame{50, 1, 1, 1, 0}, bytes);
        path.on_frame(bytes);
    }

    std::unique_ptr<Page> page{std::make_unique<Page>()};
    Instant now{Instant{} + 1h};
    Path path{*page, {10, 20}};
    std::vector<Packet> got;
};

const Packet sip = udp(request("REGISTER"));

} // namespace

BOOST_FIXTURE_TEST_SUITE(path, Fixture)

BOOST_AUTO_TEST_CASE(active_forwards_and_copies_what_matches) {
    be(Standing::active);
    BOOST_TEST((outside(sip) == Action::forward));
    BOOST_TEST((outside(udp(request("OPTIONS"))) == Action::forward));
    const auto frames = transmitted();
    BOOST_REQUIRE(frames.size() == 1U);
    BOOST_TEST(Packet(frames[0].begin() + PacketFrame::header_size, frames[0].end()) == sip);
    BOOST_TEST(count(Counter::sip_received) == 2U);
    BOOST_TEST(count(Counter::sip_forwarded) == 2U);
    BOOST_TEST(count(Counter::mirror_matched) == 1U);
    BOOST_TEST(count(Counter::mirror_sent) == 1U);
    BOOST_TEST(page->traffic[0].arrived == 2U);
    BOOST_TEST(page->traffic[0].arrived_at_ns == to_page(now));
    path.finish();
    BOOST_TEST(page->mirror.sent == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_link_the_copy_stays_in_the_history) {
    be(Standing::active);
    outside(sip);
    transmitted(Sent::no_link);
    BOOST_TEST(count(Counter::mirror_no_link) == 1U);
    BOOST_TEST(count(Counter::mirror_sent) == 0U);
    Packet request_frame(RequestFrame::size_max);
    RequestFrame ask;
    ask.stream = 10;
    ask.range_count = 1;
    ask.ranges[0] = {1, 1};
    request_frame.resize(write(ask, request_frame));
    path.on_frame(request_frame);
    BOOST_TEST(transmitted().size() == 1U);
    BOOST_TEST(count(Counter::mirror_retransmitted) == 1U);
}

BOOST_AUTO_TEST_CASE(standby_drops_what_comes_from_outside) {
    be(Standing::standby);
    BOOST_TEST((outside(sip) == Action::drop));
    BOOST_TEST((outside(udp("x", "10.9.0.7")) == Action::forward));
    BOOST_TEST(count(Counter::drop_standby) == 1U);
    BOOST_TEST(count(Counter::not_sip) == 1U);
}

BOOST_AUTO_TEST_CASE(too_large_for_the_mirror_is_forwarded) {
    be(Standing::active);
    std::string large = request("REGISTER");
    large.resize(65'460, ' ');
    BOOST_TEST((outside(udp(large)) == Action::forward));
    BOOST_TEST(count(Counter::mirror_too_large) == 1U);
    BOOST_TEST(transmitted().empty());
}

BOOST_AUTO_TEST_CASE(lapsed_grant_holds_and_renewal_releases_in_order) {
    be(Standing::active, -1ns);
    BOOST_TEST((outside(sip, 11) == Action::hold));
    BOOST_TEST((outside(sip, 12) == Action::hold));
    BOOST_TEST(!path.next_released().has_value());
    BOOST_TEST((path.deadline() <= now + 1ms));
    pass(50ms);
    BOOST_TEST(!path.next_released().has_value());
    be(Standing::active);
    auto released = path.next_released();
    BOOST_REQUIRE(released.has_value());
    BOOST_TEST(released->token == 11U);
    BOOST_TEST((released->action == Action::forward));
    released = path.next_released();
    BOOST_REQUIRE(released.has_value());
    BOOST_TEST(released->token == 12U);
    BOOST_TEST(!path.next_released().has_value());
    BOOST_TEST(transmitted().size() == 2U);
    BOOST_TEST(count(Counter::held) == 2U);
    BOOST_TEST(count(Counter::held_released) == 2U);
    BOOST_TEST(path.held() == 0U);
}

BOOST_AUTO_TEST_CASE(held_packets_follow_a_new_standing) {
    be(Standing::active, -1ns);
    outside(sip, 11);
    be(Standing::standby);
    const auto released = path.next_released();
    BOOST_REQUIRE(released.has_value());
    BOOST_TEST((released->action == Action::drop));
    BOOST_TEST(count(Counter::held_dropped) == 1U);
    BOOST_TEST(transmitted().empty());
}

BOOST_AUTO_TEST_CASE(held_packets_are_dropped_after_100_ms) {
    be(Standing::active, -1ns);
    outside(sip, 11);
    pass(99ms);
    BOOST_TEST(!path.next_released().has_value());
    pass(1ms);
    const auto released = path.next_released();
    BOOST_REQUIRE(released.has_value());
    BOOST_TEST((released->action == Action::drop));
    BOOST_TEST(count(Counter::held_dropped) == 1U);
}

BOOST_AUTO_TEST_CASE(the_oldest_held_packet_makes_room) {
    be(Standing::active, -1ns);
    for (std::uint32_t token = 0; token < 300; ++token)
        BOOST_TEST((outside(sip, token) == Action::hold));
    BOOST_TEST(path.held() == 256U);
    std::vector<bool> dropped(300);
    while (const auto released = path.next_released()) {
        BOOST_TEST((released->action == Action::drop));
        dropped[released->token] = true;
    }
    for (std::size_t token = 0; token < 300; ++token)
        BOOST_TEST(dropped[token] == (token < 44));
}

BOOST_AUTO_TEST_CASE(yielding_redirects_and_falls_back_to_forwarding) {
    be(Standing::yielding);
    BOOST_TEST((outside(sip) == Action::redirect));
    BOOST_TEST(count(Counter::redirected_sent) == 0U);
    path.redirected(Sent::yes);
    BOOST_TEST(count(Counter::redirected_sent) == 1U);
    path.redirected(Sent::no_link);
    BOOST_TEST(count(Counter::sip_forwarded) == 1U);
}

BOOST_AUTO_TEST_CASE(standby_delivers_mirrored_packets_in_order) {
    be(Standing::standby);
    peer_stream_begins();
    const Packet other = udp(request("INVITE"));
    frame(2, other);
    BOOST_TEST(deliveries().empty());
    frame(1, sip);
    const auto packets = deliveries();
    BOOST_REQUIRE(packets.size() == 2U);
    BOOST_TEST(packets[0] == sip);
    BOOST_TEST(packets[1] == other);
    frame(2, other);
    BOOST_TEST(deliveries().empty());
    BOOST_TEST(count(Counter::mirror_delivered) == 2U);
    BOOST_TEST(count(Counter::mirror_received) == 3U);
    BOOST_TEST(count(Counter::mirror_duplicate) == 1U);
    path.finish();
    BOOST_TEST(page->mirror.received == 2U);
    BOOST_TEST(page->mirror.announced == 2U);
}

BOOST_AUTO_TEST_CASE(mirrored_packets_are_checked) {
    be(Standing::standby);
    peer_stream_begins();
    frame(1, udp(request("REGISTER"), "10.9.0.7"));
    frame(2, Packet(sip.begin(), sip.end() - 3));
    frame(3, sip, 5);
    frame(4, sip, 8); // our own role word may lag
    BOOST_TEST(deliveries().size() == 1U);
    BOOST_TEST(count(Counter::mirror_not_vip) == 1U);
    BOOST_TEST(count(Counter::link_malformed) == 1U);
    BOOST_TEST(count(Counter::mirror_old_epoch) == 1U);
    path.on_frame(Packet{77, 0, 0, 0});
    path.on_frame(Packet{1, 0, 0});
    BOOST_TEST(count(Counter::link_version) == 1U);
    BOOST_TEST(count(Counter::link_malformed) == 2U);
}

BOOST_AUTO_TEST_CASE(only_a_standby_takes_mirrored_packets) {
    peer_stream_begins();
    frame(1, sip); // no role yet
    BOOST_TEST(deliveries().empty());
    be(Standing::active);
    frame(2, sip);
    BOOST_TEST(deliveries().empty());
    BOOST_TEST(count(Counter::mirror_not_standby) == 2U);
    BOOST_TEST(transmitted().empty());
}

BOOST_AUTO_TEST_CASE(a_late_binding_of_the_term_before_reaches_the_new_active) {
    be(Standing::active); // epoch 7
    peer_stream_begins();
    frame(1, sip, 6);                    // a REGISTER that was under way
    frame(2, udp(request("INVITE")), 6); // would ring twice
    frame(3, sip, 5);                    // from long ago
    frame(4, sip, 7);                    // of our own term: nobody else may send it
    BOOST_TEST(deliveries().size() == 1U);
    BOOST_TEST(count(Counter::mirror_late) == 1U);
    BOOST_TEST(count(Counter::mirror_old_epoch) == 2U);
    BOOST_TEST(count(Counter::mirror_not_standby) == 1U);
}

BOOST_AUTO_TEST_CASE(yielding_defers_until_standby) {
    be(Standing::yielding);
    peer_stream_begins();
    const Packet other = udp(request("INVITE"));
    frame(1, sip);
    frame(2, other);
    BOOST_TEST(deliveries().empty());
    BOOST_TEST(count(Counter::mirror_deferred) == 2U);
    be(Standing::standby);
    frame(3, sip);
    const auto packets = deliveries();
    BOOST_REQUIRE(packets.size() == 3U);
    BOOST_TEST(packets[0] == sip);
    BOOST_TEST(packets[1] == other);
    BOOST_TEST(count(Counter::mirror_delivered) == 3U);
}

BOOST_AUTO_TEST_CASE(deferred_packets_are_dropped_when_the_node_turns_active_again) {
    be(Standing::yielding);
    peer_stream_begins();
    frame(1, sip);
    BOOST_TEST(deliveries().empty());
    be(Standing::active);
    BOOST_TEST(deliveries().empty());
    BOOST_TEST(count(Counter::mirror_not_standby) == 1U);
}

BOOST_AUTO_TEST_CASE(redirected_packets_are_served_by_the_active_only) {
    be(Standing::standby);
    redirected(sip);
    BOOST_TEST(got.empty());
    be(Standing::yielding);
    redirected(sip);
    BOOST_TEST(got.empty());
    BOOST_TEST(count(Counter::redirected_refused) == 2U);
    be(Standing::active);
    redirected(sip);
    BOOST_REQUIRE(got.size() == 1U);
    BOOST_TEST(got[0] == sip);
    BOOST_TEST(count(Counter::redirected_received) == 1U);
    BOOST_TEST(transmitted().size() == 1U); // mirrored like one from outside
}

BOOST_AUTO_TEST_CASE(redirected_packets_wait_for_a_lapsed_grant) {
    be(Standing::active, 10ms);
    pass(11ms);
    redirected(sip);
    redirected(udp(request("OPTIONS")));
    BOOST_TEST(got.empty());
    BOOST_TEST(path.held() == 2U);
    BOOST_TEST(!path.next_released().has_value()); // not a packet of the queue
    be(Standing::active);
    redirected(udp(request("INVITE")));
    BOOST_REQUIRE(got.size() == 3U);
    BOOST_TEST(got[0] == sip);
    BOOST_TEST(got[2] == udp(request("INVITE")));
    BOOST_TEST(count(Counter::held) == 2U);
    BOOST_TEST(count(Counter::held_released) == 2U);
    BOOST_TEST(count(Counter::redirected_received) == 3U);
}

BOOST_AUTO_TEST_CASE(redirected_packets_wait_for_100_ms_and_for_an_active_only) {
    be(Standing::active, 10ms);
    pass(11ms);
    redirected(sip);
    pass(100ms);
    BOOST_TEST(deliveries().empty());
    BOOST_TEST(count(Counter::held_dropped) == 1U);
    redirected(sip);
    be(Standing::standby);
    BOOST_TEST(deliveries().empty());
    BOOST_TEST(count(Counter::held_dropped) == 2U);
    BOOST_TEST(count(Counter::redirected_refused) == 1U);
    BOOST_TEST(path.held() == 0U);
    BOOST_TEST(count(Counter::redirected_received) == 0U);
}

BOOST_AUTO_TEST_CASE(a_redirected_packet_makes_room_without_a_verdict_of_the_queue) {
    be(Standing::active, 10ms);
    pass(11ms);
    redirected(sip);
    for (std::uint32_t token = 1; token <= 256; ++token)
        BOOST_TEST((outside(sip, token) == Action::hold));
    BOOST_TEST(path.held() == 256U);
    BOOST_TEST(!path.next_released().has_value());
    BOOST_TEST(count(Counter::held_dropped) == 1U);
}

BOOST_AUTO_TEST_CASE(a_node_that_yields_holds_while_its_grant_has_lapsed) {
    be(Standing::yielding, 10ms);
    pass(11ms);
    BOOST_TEST((outside(sip, 5) == Action::hold));
    be(Standing::yielding);
    const auto released = path.next_released();
    BOOST_REQUIRE(released.has_value());
    BOOST_TEST(released->token == 5U);
    BOOST_TEST((released->action == Action::redirect));
}

BOOST_AUTO_TEST_CASE(mirrored_packets_wait_for_the_end_of_a_doubt) {
    be(Standing::active, 10ms);
    pass(11ms);
    peer_stream_begins();
    frame(1, sip, 8); // a peer has taken over meanwhile
    BOOST_TEST(deliveries().empty());
    BOOST_TEST(count(Counter::mirror_deferred) == 1U);
    be(Standing::standby, 1h, 8);
    const auto packets = deliveries();
    BOOST_REQUIRE(packets.size() == 1U);
    BOOST_TEST(packets[0] == sip);
    BOOST_TEST(count(Counter::mirror_delivered) == 1U);
}

BOOST_AUTO_TEST_CASE(what_the_shadow_server_sends_is_counted) {
    Packet from_vip = sip;
    for (std::size_t i = 0; i < 4; ++i)
        std::swap(from_vip[12 + i], from_vip[16 + i]);
    path.on_shadow(from_vip);
    path.on_shadow(sip);
    path.on_shadow({});
    BOOST_TEST(count(Counter::shadow_held_back) == 1U);
    BOOST_TEST(count(Counter::shadow_other) == 2U);
}

BOOST_AUTO_TEST_CASE(a_gap_that_stays_is_counted_and_told) {
    be(Standing::standby);
    peer_stream_begins();
    frame(3, sip);
    BOOST_TEST(deliveries().empty());
    pass(101ms);
    transmitted();
    BOOST_TEST(deliveries().size() == 1U);
    path.finish();
    BOOST_TEST(count(Counter::mirror_lost) == 2U);
    Notice notice;
    BOOST_REQUIRE(page->notices.pop(notice));
    BOOST_TEST((notice.kind == NoticeKind::mirror_gap));
    BOOST_TEST(notice.value == 2U);
}

BOOST_AUTO_TEST_CASE(a_new_policy_counts_from_the_next_turn) {
    be(Standing::active);
    outside(udp(request("OPTIONS")));
    BOOST_TEST(transmitted().empty());
    page->policy.write(policy(""));
    path.begin(now);
    outside(udp(request("OPTIONS")));
    BOOST_TEST(transmitted().size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
