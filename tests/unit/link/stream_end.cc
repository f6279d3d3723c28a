// SPDX-License-Identifier: GPL-3.0-or-later

// How a session ends, and what the other side is told about it.

#include "control/link/framing.hh"
#include "control/link/stream.hh"
#include "tests/unit/link/world.hh"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace tandem;
using namespace tandem::test;
using namespace std::chrono_literals;
using link::StreamEnd;

BOOST_TEST_DONT_PRINT_LOG_VALUE(tandem::link::StreamEnd)

namespace {

const std::string hello = R"({"tandem":1,"node":2,"pair":"sip-a"})";

std::string control(std::uint32_t length) {
    const auto header = link::frame_header(length);
    return {header.begin(), header.end()};
}

/// A listener with a session to a peer made by hand.
struct Listening {
    boost::asio::io_context io;
    std::uint16_t port = free_port();
    Node listener{io, settings_of(1, port)};
    RawPeer peer{io, port};

    Listening() {
        BOOST_REQUIRE(peer.handshake());
        peer.say_message(hello);
        BOOST_REQUIRE(run_until(io, [&] { return listener.up(); }));
        BOOST_REQUIRE(!peer.hear().empty()); // with unread octets, closing would be a reset
    }
    bool ended() {
        return run_until(io, [&] { return !listener.ends.empty(); });
    }
};

/// A process that runs the other node until it is killed.
pid_t fork_node(boost::asio::io_context& io, const link::StreamSettings& settings) {
    io.notify_fork(boost::asio::execution_context::fork_prepare);
    const pid_t pid = fork();
    BOOST_REQUIRE(pid >= 0);
    if (pid == 0) {
        boost::asio::io_context own;
        Node node(own, settings);
        own.run_for(60s);
        _exit(0);
    }
    io.notify_fork(boost::asio::execution_context::fork_parent);
    return pid;
}

} // namespace

BOOST_AUTO_TEST_SUITE(stream_end)

BOOST_AUTO_TEST_CASE(a_closed_connection_means_that_the_process_is_gone) {
    Listening world;
    world.peer.socket().close();
    BOOST_REQUIRE(world.ended());
    BOOST_TEST(world.listener.ends[0] == StreamEnd::process_gone);
    BOOST_TEST(!world.listener.up());
}

BOOST_AUTO_TEST_CASE(a_reset_connection_means_the_same) {
    Listening world;
    world.peer.socket().set_option(boost::asio::socket_base::linger(true, 0));
    world.peer.socket().close();
    BOOST_REQUIRE(world.ended());
    BOOST_TEST(world.listener.ends[0] == StreamEnd::process_gone);
}

BOOST_AUTO_TEST_CASE(also_in_the_middle_of_a_message) {
    Listening world;
    world.peer.say(control(100) + "half");
    world.peer.socket().close();
    BOOST_REQUIRE(world.ended());
    BOOST_TEST(world.listener.ends[0] == StreamEnd::process_gone);
    BOOST_TEST(world.listener.messages.empty());
}

BOOST_AUTO_TEST_CASE(a_killed_process_is_told_at_once) {
    for (const std::uint8_t survivor : {std::uint8_t{1}, std::uint8_t{2}}) {
        boost::asio::io_context io;
        const auto port = free_port();
        const auto other = static_cast<std::uint8_t>(3 - survivor);
        const pid_t pid = fork_node(io, settings_of(other, port));
        Node node(io, settings_of(survivor, port));
        BOOST_TEST(run_until(io, [&] { return node.up(); }));
        const auto killed = std::chrono::steady_clock::now();
        kill(pid, SIGKILL);
        BOOST_TEST(run_until(
            io, [&] { return !node.ends.empty(); }, 1s));
        BOOST_TEST_MESSAGE("told after " << std::chrono::duration_cast<std::chrono::microseconds>(
                                                std::chrono::steady_clock::now() - killed)
                                                .count()
                                         << " us");
        waitpid(pid, nullptr, 0);
        BOOST_REQUIRE(!node.ends.empty());
        BOOST_TEST(node.ends[0] == StreamEnd::process_gone);
    }
}

BOOST_AUTO_TEST_CASE(a_stopped_process_is_not_called_dead) {
    boost::asio::io_context io;
    const auto port = free_port();
    const pid_t pid = fork_node(io, settings_of(2, port));
    Node node(io, settings_of(1, port));
    BOOST_TEST(run_until(io, [&] { return node.up(); }));
    kill(pid, SIGSTOP);
    BOOST_TEST(run_until(io, [&] { return !node.ends.empty(); }));
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    BOOST_REQUIRE(!node.ends.empty());
    BOOST_TEST(node.ends[0] == StreamEnd::failed);
    BOOST_TEST(node.details[0].find("nothing heard") != std::string::npos, node.details[0]);
}

BOOST_AUTO_TEST_CASE(goodbye_leaves_after_what_is_queued) {
    for (const std::uint8_t leaver : {std::uint8_t{1}, std::uint8_t{2}}) {
        boost::asio::io_context io;
        const auto port = free_port();
        Node a(io, settings_of(leaver, port));
        Node b(io, settings_of(static_cast<std::uint8_t>(3 - leaver), port));
        BOOST_REQUIRE(run_until(io, [&] { return a.up() && b.up(); }));
        const std::string text(link::Stream::message_max, 'l');
        a.stream->send(text);
        b.stream->send("{}"); // on its way while the other leaves
        a.stream->goodbye();
        BOOST_TEST(!a.up());
        BOOST_TEST(!a.stream->send("{}"));
        BOOST_REQUIRE(run_until(io, [&] { return !a.ends.empty() && !b.ends.empty(); }));
        BOOST_TEST(a.ends[0] == StreamEnd::goodbye);
        BOOST_TEST(b.ends[0] == StreamEnd::goodbye);
        BOOST_REQUIRE_EQUAL(b.messages.size(), 1U);
        BOOST_TEST((b.messages[0] == text));
        // And no new session comes.
        BOOST_TEST(!run_until(
            io, [&] { return a.up() || b.up(); }, 300ms));
        BOOST_TEST(a.ends.size() == 1U);
        BOOST_TEST(b.ends.size() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(goodbye_is_told_also_when_the_stream_is_destroyed_at_once) {
    boost::asio::io_context io;
    const auto port = free_port();
    Node listener(io, settings_of(1, port));
    Node connector(io, settings_of(2, port));
    BOOST_REQUIRE(run_until(io, [&] { return listener.up() && connector.up(); }));
    connector.stream->goodbye();
    connector.stream.reset();
    BOOST_REQUIRE(run_until(io, [&] { return !listener.ends.empty(); }));
    BOOST_TEST(listener.ends[0] == StreamEnd::goodbye);
}

BOOST_AUTO_TEST_CASE(goodbye_from_a_peer_that_closes_at_once) {
    Listening world;
    world.peer.say(control(link::goodbye_length));
    world.peer.socket().close();
    BOOST_REQUIRE(world.ended());
    BOOST_TEST(world.listener.ends[0] == StreamEnd::goodbye);
}

BOOST_AUTO_TEST_CASE(goodbye_does_not_wait_for_a_peer_that_keeps_the_connection) {
    Listening world;
    world.listener.stream->goodbye();
    BOOST_REQUIRE(run_until(
        world.io, [&] { return !world.listener.ends.empty(); }, 2s));
    BOOST_TEST(world.listener.ends[0] == StreamEnd::goodbye);
}

BOOST_AUTO_TEST_CASE(a_session_given_up_by_a_live_process_is_no_death) {
    Listening world;
    world.peer.say(control(link::abandon_length));
    world.peer.socket().close();
    BOOST_REQUIRE(world.ended());
    BOOST_TEST(world.listener.ends[0] == StreamEnd::failed, world.listener.details[0]);
}

BOOST_AUTO_TEST_CASE(a_newer_session_replaces_the_former) {
    Listening world;
    RawPeer second(world.io, world.port);
    BOOST_REQUIRE(second.handshake());
    // The handshake alone replaces nothing.
    BOOST_TEST(world.listener.ends.empty());
    second.say_message(hello);
    BOOST_REQUIRE(world.ended());
    BOOST_TEST(world.listener.ends[0] == StreamEnd::replaced);
    BOOST_TEST(world.listener.associations.size() == 2U);
    BOOST_TEST(world.listener.up());
    // The former is told that nobody died, and closed.
    const std::string heard = world.peer.hear_until_closed();
    BOOST_TEST(world.peer.closed());
    BOOST_TEST(heard.ends_with(control(link::abandon_length)));
    // The new one works.
    second.say_message("{}");
    BOOST_TEST(run_until(world.io, [&] { return world.listener.messages.size() == 1; }));
    BOOST_TEST(world.listener.ends.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_over_long_message_ends_the_session) {
    Listening world;
    world.peer.say(control(link::Stream::message_max + 1));
    BOOST_REQUIRE(world.ended());
    BOOST_TEST(world.listener.ends[0] == StreamEnd::failed);
    BOOST_TEST(world.listener.stream->counters().refused_message == 1U);
    BOOST_TEST(world.listener.messages.empty());
    BOOST_TEST(world.peer.hear_until_closed().ends_with(control(link::abandon_length)));
}

BOOST_AUTO_TEST_SUITE_END()
