// SPDX-License-Identifier: GPL-3.0-or-later

// Sessions that come about, and what goes through them.

#include "control/link/stream.hh"
#include "tests/unit/link/world.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::test;
using namespace std::chrono_literals;

namespace {

bool same(const contract::DatagramKey& a, const contract::DatagramKey& b) {
    return a.key == b.key && a.iv == b.iv;
}

struct Pair {
    boost::asio::io_context io;
    std::uint16_t port = free_port();
    Node listener{io, settings_of(1, port)};
    Node connector{io, settings_of(2, port)};

    bool up() {
        return run_until(io, [&] { return listener.up() && connector.up(); });
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(stream)

BOOST_AUTO_TEST_CASE(nothing_is_told_before_start_returns) {
    Pair pair;
    BOOST_TEST(pair.listener.associations.empty());
    BOOST_TEST(!pair.listener.up());
    BOOST_TEST(!pair.connector.stream->send("{}"));
}

BOOST_AUTO_TEST_CASE(both_sides_derive_the_same) {
    Pair pair;
    BOOST_REQUIRE(pair.up());
    BOOST_REQUIRE_EQUAL(pair.listener.associations.size(), 1U);
    BOOST_REQUIRE_EQUAL(pair.connector.associations.size(), 1U);
    const auto& a = pair.listener.associations[0];
    const auto& b = pair.connector.associations[0];
    BOOST_TEST(a.id == b.id);
    BOOST_TEST(a.id != 0U);
    BOOST_TEST(same(a.heartbeat_transmit, b.heartbeat_receive));
    BOOST_TEST(same(a.heartbeat_receive, b.heartbeat_transmit));
    BOOST_TEST(same(a.mirror_transmit, b.mirror_receive));
    BOOST_TEST(same(a.mirror_receive, b.mirror_transmit));
    // No key serves two purposes.
    const contract::DatagramKey keys[] = {a.heartbeat_transmit, a.heartbeat_receive, a.mirror_transmit,
                                          a.mirror_receive};
    for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = i + 1; j < 4; ++j)
            BOOST_TEST(!same(keys[i], keys[j]));
    BOOST_TEST(pair.listener.stream->counters().sessions == 1U);
    BOOST_TEST(pair.listener.stream->counters().refused_handshake == 0U);
    BOOST_TEST(pair.connector.stream->counters().refused_handshake == 0U);
}

BOOST_AUTO_TEST_CASE(each_session_has_keys_of_its_own) {
    boost::asio::io_context io;
    const auto port = free_port();
    Node listener(io, settings_of(1, port));
    {
        Node connector(io, settings_of(2, port));
        BOOST_REQUIRE(run_until(io, [&] { return listener.up() && connector.up(); }));
    }
    Node connector(io, settings_of(2, port));
    BOOST_REQUIRE(run_until(io, [&] { return listener.associations.size() == 2 && connector.up(); }));
    BOOST_TEST(listener.associations[0].id != listener.associations[1].id);
    BOOST_TEST(
        !same(listener.associations[0].heartbeat_transmit, listener.associations[1].heartbeat_transmit));
}

BOOST_AUTO_TEST_CASE(messages_go_both_ways_in_order) {
    Pair pair;
    BOOST_REQUIRE(pair.up());
    std::vector<std::string> sent;
    for (int i = 0; i < 200; ++i)
        sent.push_back("{\"n\":" + std::to_string(i) + "}");
    for (const auto& text : sent) {
        BOOST_TEST(pair.listener.stream->send(text));
        BOOST_TEST(pair.connector.stream->send(text));
    }
    BOOST_REQUIRE(run_until(pair.io, [&] {
        return pair.listener.messages.size() == sent.size() && pair.connector.messages.size() == sent.size();
    }));
    BOOST_TEST((pair.listener.messages == sent));
    BOOST_TEST((pair.connector.messages == sent));
}

BOOST_AUTO_TEST_CASE(messages_are_bounded) {
    Pair pair;
    BOOST_REQUIRE(pair.up());
    std::string longest(link::Stream::message_max, 'm');
    longest.front() = 'a';
    longest.back() = 'z';
    BOOST_TEST(!pair.listener.stream->send(longest + "m"));
    BOOST_TEST(!pair.listener.stream->send(""));
    // More than 4 MiB do not wait.
    unsigned taken = 0;
    while (taken < 10 && pair.listener.stream->send(longest))
        ++taken;
    BOOST_TEST(taken == 3U); // and a few octets of framing
    BOOST_REQUIRE(run_until(pair.io, [&] { return pair.connector.messages.size() == taken; }));
    BOOST_TEST((pair.connector.messages.back() == longest));
    BOOST_TEST(pair.listener.stream->send("{}")); // there is room again
    BOOST_REQUIRE(run_until(pair.io, [&] { return pair.connector.messages.size() == taken + 1; }));
}

BOOST_AUTO_TEST_CASE(an_idle_session_lives_on) {
    Pair pair;
    BOOST_REQUIRE(pair.up());
    // Longer than the silence that ends a session: only the keepalives speak.
    BOOST_TEST(!run_until(
        pair.io, [&] { return !pair.listener.ends.empty() || !pair.connector.ends.empty(); }, 2700ms));
    BOOST_TEST(pair.listener.up());
    BOOST_TEST(pair.listener.messages.empty());
}

BOOST_AUTO_TEST_CASE(a_restarted_listener_has_a_session_soon) {
    boost::asio::io_context io;
    const auto port = free_port();
    Node connector(io, settings_of(2, port));
    auto listener = std::make_unique<Node>(io, settings_of(1, port));
    BOOST_REQUIRE(run_until(io, [&] { return listener->up() && connector.up(); }));
    listener.reset();
    BOOST_REQUIRE(run_until(io, [&] { return !connector.up(); }));
    listener = std::make_unique<Node>(io, settings_of(1, port));
    const auto begun = std::chrono::steady_clock::now();
    BOOST_REQUIRE(run_until(
        io, [&] { return listener->up() && connector.up(); }, 2s));
    BOOST_TEST_MESSAGE("a new session after " << std::chrono::duration_cast<std::chrono::milliseconds>(
                                                     std::chrono::steady_clock::now() - begun)
                                                     .count()
                                              << " ms");
    BOOST_TEST(connector.stream->counters().sessions == 2U);
}

BOOST_AUTO_TEST_CASE(a_connector_that_was_first_keeps_trying) {
    boost::asio::io_context io;
    const auto port = free_port();
    Node connector(io, settings_of(2, port));
    BOOST_TEST(!run_until(
        io, [&] { return connector.up(); }, 350ms));
    Node listener(io, settings_of(1, port));
    BOOST_TEST(run_until(
        io, [&] { return listener.up() && connector.up(); }, 2s));
    BOOST_TEST(connector.reasons.empty()); // nothing is said about attempts that met nobody
}

BOOST_AUTO_TEST_CASE(an_address_that_is_not_here_is_tried_again_in_silence) {
    boost::asio::io_context io;
    auto settings = settings_of(1, free_port());
    settings.local = *wire::IpAddress::parse("192.0.2.1");
    Node listener(io, settings);
    settings = settings_of(2, settings.port);
    settings.local = *wire::IpAddress::parse("192.0.2.2");
    Node connector(io, settings);
    BOOST_TEST(!run_until(
        io, [&] { return listener.up() || connector.up() || !listener.reasons.empty(); }, 300ms));
    BOOST_TEST(connector.reasons.empty());
}

BOOST_AUTO_TEST_CASE(over_ipv6) {
    boost::asio::io_context io;
    const auto port = [&] {
        using boost::asio::ip::tcp;
        return tcp::acceptor(io, tcp::endpoint(tcp::v6(), 0)).local_endpoint().port();
    }();
    const auto on_loopback = [&](std::uint8_t node_id) {
        auto settings = settings_of(node_id, port);
        settings.local = settings.peer = *wire::IpAddress::parse("::1");
        return settings;
    };
    Node listener(io, on_loopback(1));
    Node connector(io, on_loopback(2));
    BOOST_TEST(run_until(io, [&] { return listener.up() && connector.up(); }));
}

BOOST_AUTO_TEST_CASE(a_handler_may_destroy_the_stream) {
    boost::asio::io_context io;
    const auto port = free_port();
    Node listener(io, settings_of(1, port));
    std::unique_ptr<link::Stream> victim;
    unsigned calls = 0;
    link::Stream::Handlers handlers;
    handlers.established = [&](const link::Association&) {
        ++calls;
        victim.reset();
    };
    handlers.ended = [&](link::StreamEnd, const std::string&) { ++calls; };
    victim = link::Stream::start(io, settings_of(2, port), std::move(handlers));
    BOOST_REQUIRE(run_until(io, [&] { return !listener.ends.empty(); }));
    BOOST_TEST(calls == 1U);
    BOOST_TEST(!victim);
}

BOOST_AUTO_TEST_SUITE_END()
