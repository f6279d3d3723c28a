// SPDX-License-Identifier: GPL-3.0-or-later
// Looking at the service over the wire: the host is the other node and has the VIPs.

#include "control/watch/look.hh"
#include "tests/unit/watch/allocations.hh"
#include "tests/unit/watch/responder.hh"

#include <boost/test/unit_test.hpp>

#include <poll.h>

using namespace tandem;
using namespace tandem::testing;

namespace {

struct Pair : World {
    Pair() {
        const Inside host(host_space);
        run("ip addr add 10.77.0.100/24 dev peer0 && ip addr add 2001:db8:77::100/64 dev peer0 nodad");
        host_mac = interface("peer0").mac;
        settle(vip4);
        settle(vip6);
        const Inside node(node_space);
        settle(*this);
    }
    watch::Look look_at(const wire::IpAddress& own, const wire::IpAddress& vip) const {
        const auto outside = interface("out0");
        auto opened = watch::Look::open(outside.index, outside.mac, own, vip, 5060);
        BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error()));
        return std::move(*opened);
    }
    Responder server(const wire::IpAddress& vip) const {
        const Inside host(host_space);
        return Responder(vip, 5060);
    }
    static bool readable(const watch::Look& look, std::chrono::milliseconds limit = patience) {
        pollfd waiting{.fd = look.descriptor(), .events = POLLIN, .revents = 0};
        return ::poll(&waiting, 1, static_cast<int>(limit.count())) == 1;
    }
    wire::MacAddress host_mac;
};

constexpr std::chrono::milliseconds short_while{60};

} // namespace

BOOST_AUTO_TEST_SUITE(look)

BOOST_FIXTURE_TEST_CASE(the_other_nodes_server_answers_although_the_vip_is_here_as_well, Pair) {
    BOOST_REQUIRE(netlink::set_up_shadow(setup()).has_value());
    const Responder shadow(vip4, 5060); // a common socket would reach this one
    for (const auto& [own, vip] : {std::pair{node4, vip4}, std::pair{node6, vip6}}) {
        auto there = server(vip);
        auto look = look_at(own, vip);
        BOOST_CHECK(!look.answered());
        for (int i = 0; i < 3; ++i) {
            // The other node does not know us: our heartbeats went another way.
            const Inside host(host_space);
            run("ip neigh flush dev peer0");
            const Inside node(node_space);
            look.ask(host_mac);
            BOOST_REQUIRE(eventually([&] { return there.serve() == 1; }));
            BOOST_REQUIRE(readable(look));
            BOOST_CHECK(look.answered());
            BOOST_CHECK(!look.answered()); // read once
        }
    }
}

BOOST_FIXTURE_TEST_CASE(the_question_is_a_whole_packet_with_right_checksums, Pair) {
    // The kernel of the host drops what has a wrong checksum before its socket sees it.
    for (const auto& [own, vip] : {std::pair{node4, vip4}, std::pair{node6, vip6}}) {
        auto there = server(vip);
        std::string heard;
        there.answer = [&](const std::string& question) {
            heard = question;
            return std::string{};
        };
        auto look = look_at(own, vip);
        look.ask(host_mac);
        BOOST_REQUIRE(eventually([&] { return there.serve() == 1; }));
        BOOST_CHECK(heard.starts_with("OPTIONS sip:"));
        BOOST_CHECK(heard.ends_with("\r\n\r\n"));
    }
}

BOOST_FIXTURE_TEST_CASE(an_answer_of_a_moment_ago_counts, Pair) {
    auto there = server(vip4);
    auto look = look_at(node4, vip4);
    std::string first;
    there.answer = [&](const std::string& question) {
        if (first.empty())
            first = ok_to(question);
        return first;
    };
    look.ask(host_mac);
    look.ask(host_mac);
    BOOST_REQUIRE(eventually([&] { return there.serve() > 0; }));
    BOOST_REQUIRE(readable(look));
    BOOST_CHECK(look.answered());
}

BOOST_FIXTURE_TEST_CASE(hostile_answers_do_not_count, Pair) {
    auto there = server(vip4);
    auto look = look_at(node4, vip4);
    const std::vector<std::function<std::string(const std::string&)>> answers{
        ok_to_somebody_else,
        [](const std::string& question) { return question; },
        [](const std::string& question) { return ok_to(question).substr(0, 60); },
        [](const std::string&) { return std::string("\r\n\r\n"); },
        [](const std::string&) { return std::string(1400, '\xff'); },
        [](const std::string& question) { return std::string(5000, ' ') + ok_to(question); }, // fragments
    };
    for (const auto& answer : answers) {
        there.answer = answer;
        look.ask(host_mac);
        BOOST_REQUIRE(eventually([&] { return there.serve() == 1; }));
        readable(look, short_while);
        BOOST_CHECK(!look.answered());
    }
    there.answer = ok_to;
    look.ask(host_mac);
    BOOST_REQUIRE(eventually([&] { return there.serve() == 1; }));
    BOOST_REQUIRE(readable(look));
    BOOST_CHECK(look.answered());
}

BOOST_FIXTURE_TEST_CASE(a_flood_does_not_keep_the_caller_and_is_read_to_its_end, Pair) {
    auto there = server(vip4);
    auto look = look_at(node4, vip4);
    there.answer = ok_to_somebody_else;
    for (int i = 0; i < 40; ++i) {
        look.ask(host_mac);
        BOOST_REQUIRE(eventually([&] { return there.serve() == 1; }));
    }
    there.answer = ok_to;
    look.ask(host_mac);
    BOOST_REQUIRE(eventually([&] { return there.serve() == 1; }));
    // Sixteen a call: the third reaches the answer.
    BOOST_CHECK(!look.answered());
    BOOST_CHECK(!look.answered());
    BOOST_CHECK(eventually([&] { return look.answered(); }));
}

BOOST_FIXTURE_TEST_CASE(nobody_answers, Pair) {
    auto look = look_at(node4, vip4);
    look.ask(host_mac); // no server: the host says port unreachable, which is no SIP
    look.ask(wire::MacAddress{{0x02, 0, 0, 0, 0, 0x99}}); // nobody at all
    readable(look, short_while);
    BOOST_CHECK(!look.answered());
}

BOOST_FIXTURE_TEST_CASE(our_kernel_does_not_refuse_the_answer, Pair) {
    auto there = server(vip4);
    auto look = look_at(node4, vip4);
    Capture capture(*this);
    look.ask(host_mac);
    BOOST_REQUIRE(eventually([&] { return there.serve() == 1; }));
    BOOST_REQUIRE(readable(look));
    BOOST_CHECK(look.answered());
    BOOST_CHECK_EQUAL(capture.from(node4), 2U); // the question and the marker, no ICMP
}

BOOST_FIXTURE_TEST_CASE(asking_and_reading_do_not_allocate, Pair) {
    for (const auto& [own, vip] : {std::pair{node4, vip4}, std::pair{node6, vip6}}) {
        auto there = server(vip);
        auto look = look_at(own, vip);
        Allocations asking;
        look.ask(host_mac);
        BOOST_CHECK_EQUAL(asking.stop(), 0U);
        BOOST_REQUIRE(eventually([&] { return there.serve() == 1; }));
        BOOST_REQUIRE(readable(look));
        Allocations reading;
        const bool answered = look.answered();
        BOOST_CHECK_EQUAL(reading.stop(), 0U);
        BOOST_CHECK(answered);
        Allocations proof; // that they are counted
        const std::string text(1000, 'x');
        BOOST_CHECK_EQUAL(proof.stop(), 1U);
    }
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_opened_says_why, Pair) {
    const auto outside = interface("out0");
    BOOST_CHECK(!watch::Look::open(outside.index, outside.mac, node4, vip6, 5060).has_value());
    BOOST_CHECK(!watch::Look::open(outside.index, outside.mac, {}, {}, 5060).has_value());
    BOOST_CHECK(!watch::Look::open(0, outside.mac, node4, vip4, 5060).has_value());
    BOOST_CHECK(!watch::Look::open(4711, outside.mac, node4, vip4, 5060).has_value());
    const auto foreign =
        watch::Look::open(outside.index, outside.mac, wire::IpAddress::v4({203, 0, 113, 1}), vip4, 5060);
    BOOST_REQUIRE(!foreign.has_value());
    BOOST_CHECK(foreign.error().find("10.77.0.100") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
