// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/sip_streams.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace tandem::path::test {
namespace {

using namespace std::chrono_literals;
using wire::TcpSegment;

std::string message(const std::string& call, std::size_t body, const std::string& more = {}) {
    return "MESSAGE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/TCP 198.51.100.7\r\nCall-ID: " + call +
           "\r\n" + more + "Content-Length: " + std::to_string(body) + "\r\n\r\n" + std::string(body, 'b');
}

struct Fixture {
    StreamKey key(std::uint16_t port) const {
        return {*wire::IpAddress::parse("198.51.100.7"), *wire::IpAddress::parse("203.0.113.10"), port, 5060};
    }
    static TcpSegment segment(std::uint32_t sequence, std::string_view text) {
        TcpSegment made;
        made.sequence = sequence;
        made.ack = true;
        made.payload = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
        return made;
    }
    void syn(std::uint32_t sequence, std::uint16_t port = 1) {
        TcpSegment opening;
        opening.sequence = sequence;
        opening.syn = true;
        take(opening, port);
    }
    void take(const TcpSegment& segment, std::uint16_t port = 1) {
        streams.take(now, key(port), segment);
        while (const auto text = streams.next())
            got.emplace_back(*text);
    }
    void text(std::uint32_t sequence, const std::string& octets, std::uint16_t port = 1) {
        const std::string copy = octets; // gone afterwards, as a packet is
        take(segment(sequence, copy), port);
    }
    bool saw(const std::vector<std::string>& expected) {
        const bool same = got == expected;
        got.clear();
        return same;
    }

    Instant now{Instant{} + 1h};
    SipStreams streams{5};
    std::vector<std::string> got;
};

std::uint32_t after(std::uint32_t sequence, const std::string& text) {
    return sequence + static_cast<std::uint32_t>(text.size());
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(sip_streams, Fixture)

BOOST_AUTO_TEST_CASE(several_messages_in_one_segment) {
    const std::string one = message("one", 10);
    const std::string two = message("two", 0);
    syn(99);
    text(100, one + "\r\n\r\n" + two);
    BOOST_TEST(saw({one, two}));
    BOOST_TEST(streams.buffers_used() == 0U);
    BOOST_TEST(streams.counts().messages == 2U);
}

BOOST_AUTO_TEST_CASE(one_message_over_many_segments_wherever_it_is_cut) {
    const std::string one = message("one", 5);
    const std::string two = message("two", 3, "Subject: x\r\n y\r\n");
    const std::string all = one + two;
    for (std::size_t cut = 1; cut < all.size(); ++cut) {
        syn(0xffffff00U); // the sequence numbers wrap around
        text(0xffffff01U, all.substr(0, cut));
        text(0xffffff01U + static_cast<std::uint32_t>(cut), all.substr(cut));
        BOOST_TEST(saw({one, two}));
        BOOST_TEST(streams.buffers_used() == 0U);
    }
    syn(9);
    for (std::size_t i = 0; i < all.size(); ++i)
        text(10 + static_cast<std::uint32_t>(i), all.substr(i, 1));
    BOOST_TEST(saw({one, two}));
}

BOOST_AUTO_TEST_CASE(late_and_double_segments) {
    std::mt19937 random{3};
    const std::vector<std::string> messages{message("one", 700), message("two", 0), message("three", 1500),
                                            message("four", 20)};
    std::string all;
    for (const auto& each : messages)
        all += each;
    for (int round = 0; round < 200; ++round) {
        syn(0);
        std::uint32_t sent = 0;
        while (sent < all.size()) {
            // A window of three segments in any order, some of them twice.
            std::vector<std::pair<std::uint32_t, std::uint32_t>> window;
            for (int i = 0; i < 3 && sent < all.size(); ++i) {
                const auto length = std::min(static_cast<std::uint32_t>(random() % 900 + 1),
                                             static_cast<std::uint32_t>(all.size()) - sent);
                window.emplace_back(sent, length);
                if (random() % 4 == 0)
                    window.emplace_back(sent, length);
                sent += length;
            }
            std::ranges::shuffle(window, random);
            for (const auto& [at, length] : window)
                text(1 + at, all.substr(at, length));
        }
        BOOST_TEST(saw(messages));
        BOOST_TEST(streams.buffers_used() == 0U);
    }
    BOOST_TEST(streams.counts().lost == 0U);
}

BOOST_AUTO_TEST_CASE(a_stream_whose_beginning_was_not_seen) {
    const std::string one = message("one", 4);
    text(5000, "tent-Length: 0\r\n\r\n");
    BOOST_TEST(saw({}));
    text(6000, one);
    BOOST_TEST(saw({one}));
    text(after(6000, one), one);
    BOOST_TEST(saw({one}));
}

BOOST_AUTO_TEST_CASE(a_gap_that_stays) {
    const std::string one = message("one", 4);
    syn(99);
    text(100, one);
    text(100 + 40'000, one); // further ahead than a buffer reaches
    BOOST_TEST(saw({one}));
    BOOST_TEST(streams.counts().lost == 1U);
    text(after(100 + 40'000, one), one);
    BOOST_TEST(saw({one}));
}

BOOST_AUTO_TEST_CASE(a_message_larger_than_a_buffer_is_passed_over) {
    const std::string large = message("large", 100'000);
    const std::string one = message("one", 4);
    const std::string all = large + one;
    syn(99);
    for (std::size_t at = 0; at < all.size(); at += 1400)
        text(100 + static_cast<std::uint32_t>(at), all.substr(at, 1400));
    BOOST_TEST(saw({one}));
    BOOST_TEST(streams.counts().too_large == 1U);
    BOOST_TEST(streams.buffers_used() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_not_sip_is_opaque) {
    const std::string hello{"\x16\x03\x01\x02\x00\x01\x00", 7};
    syn(99, 1);
    text(100, hello, 1);
    syn(99, 2);
    text(100, "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", 2);
    BOOST_TEST(streams.counts().opaque == 2U);
    text(107, message("one", 0), 1);
    BOOST_TEST(saw({}));
    BOOST_TEST(streams.buffers_used() == 0U);
}

BOOST_AUTO_TEST_CASE(a_header_section_without_end) {
    std::string endless = "OPTIONS sip:a SIP/2.0\r\n";
    while (endless.size() < 20'000)
        endless += "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n";
    syn(99);
    for (std::size_t at = 0; at < endless.size(); at += 1000)
        text(100 + static_cast<std::uint32_t>(at), endless.substr(at, 1000));
    BOOST_TEST(saw({}));
    BOOST_TEST(streams.buffers_used() == 0U);
}

BOOST_AUTO_TEST_CASE(an_end_is_an_end) {
    const std::string one = message("one", 4);
    syn(99);
    TcpSegment last = segment(100, one);
    last.fin = true;
    take(last);
    BOOST_TEST(saw({one}));
    BOOST_TEST(streams.streams() == 0U);
    syn(99);
    TcpSegment reset = segment(100, "OPTIONS");
    text(100, "OPTIO");
    BOOST_TEST(streams.buffers_used() == 1U);
    reset.rst = true;
    take(reset);
    BOOST_TEST(streams.streams() == 0U);
    BOOST_TEST(streams.buffers_used() == 0U);
}

// Streams without a message are given up before those of established calls, and have half of the buffers.
BOOST_AUTO_TEST_CASE(a_flood_leaves_established_streams_alone) {
    streams = SipStreams{5, {.streams = 64, .buffers = 8}};
    const std::string one = message("one", 400);
    for (std::uint16_t port = 1; port <= 4; ++port) {
        syn(99, port);
        text(100, one, port);
        text(after(100, one), one.substr(0, 50), port); // waits for more
    }
    BOOST_TEST(saw({one, one, one, one}));
    for (std::uint16_t port = 100; port < 5000; ++port) {
        syn(99, port);
        text(100, "INVITE sip:", port);
    }
    BOOST_TEST(streams.streams() == 64U);
    BOOST_TEST(streams.buffers_used() == 8U);
    BOOST_TEST(streams.counts().evicted > 4000U);
    for (std::uint16_t port = 1; port <= 4; ++port)
        text(after(100, one) + 50, one.substr(50), port);
    BOOST_TEST(saw({one, one, one, one}));
}

BOOST_AUTO_TEST_CASE(silent_streams_are_forgotten) {
    const std::string one = message("one", 4);
    syn(99, 1);
    text(100, one, 1);
    syn(99, 2);
    now += 30s;
    streams.expire(now);
    BOOST_TEST(streams.streams() == 1U);
    now += 2h;
    streams.expire(now);
    BOOST_TEST(streams.streams() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::path::test
