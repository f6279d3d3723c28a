// SPDX-License-Identifier: GPL-3.0-or-later
// Asking the server at the VIP, as standby and as active.

#include "control/watch/options_socket.hh"
#include "tests/unit/watch/responder.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::testing;
using watch::Answerer;
using watch::OptionsSocket;
using Received = OptionsSocket::Received;

namespace {

struct Node : World {
    Node() {
        const auto done = netlink::set_up_shadow(setup());
        BOOST_REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().what));
        settle(*this);
        settle(vip4);
        settle(vip6);
    }
    static OptionsSocket ask_from(const wire::IpAddress& local, const wire::IpAddress& server,
                                  Answerer answerer = Answerer::this_host) {
        auto opened = OptionsSocket::open({.local = local,
                                           .server = server,
                                           .port = 5060,
                                           .answerer = answerer,
                                           .token = 0x5eed,
                                           .service = {}});
        BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error()));
        return std::move(*opened);
    }
    /// The first thing that is heard; `nothing` when it stays silent.
    static Received await(OptionsSocket& socket, std::chrono::milliseconds limit = patience) {
        Received received = Received::nothing;
        eventually([&] { return (received = socket.receive()) != Received::nothing; }, limit);
        return received;
    }
};

constexpr std::chrono::milliseconds short_while{50};

} // namespace

BOOST_AUTO_TEST_SUITE(options)

BOOST_FIXTURE_TEST_CASE(the_servers_of_standby_and_active_answer_and_nothing_leaves, Node) {
    for (const auto& [own, vip] : {std::pair{node4, vip4}, std::pair{node6, vip6}}) {
        Responder server(vip, 5060);
        Capture capture(*this);
        auto socket = ask_from(own, vip);
        socket.ask();
        BOOST_CHECK_EQUAL(server.serve(), 1U);
        BOOST_CHECK(await(socket) == Received::answer);
        BOOST_CHECK_EQUAL(capture.from(vip), 0U);
        perform(netlink::Transition::rise);
        socket.ask();
        BOOST_CHECK_EQUAL(server.serve(), 1U);
        BOOST_CHECK(await(socket) == Received::answer);
        perform(netlink::Transition::fall);
        socket.ask();
        BOOST_CHECK_EQUAL(server.serve(), 1U);
        BOOST_CHECK(await(socket) == Received::answer);
    }
}

BOOST_FIXTURE_TEST_CASE(without_an_own_address_the_kernel_chooses_one, Node) {
    Responder server(vip4, 5060);
    auto socket = ask_from({}, vip4);
    socket.ask();
    BOOST_CHECK_EQUAL(server.serve(), 1U);
    BOOST_CHECK(await(socket) == Received::answer);
}

BOOST_FIXTURE_TEST_CASE(nobody_on_the_port_is_told_at_once_and_does_not_stop_the_next_question, Node) {
    for (const auto& [own, vip] : {std::pair{node4, vip4}, std::pair{node6, vip6}}) {
        auto socket = ask_from(own, vip);
        socket.ask();
        BOOST_CHECK(await(socket) == Received::refused);
        socket.ask(); // refused again, and this time nobody reads that
        Responder server(vip, 5060);
        socket.ask();
        BOOST_CHECK_EQUAL(server.serve(), 1U);
        BOOST_CHECK(await(socket) == Received::answer);
    }
}

BOOST_FIXTURE_TEST_CASE(an_answer_to_an_earlier_question_is_late, Node) {
    Responder server(vip4, 5060);
    auto socket = ask_from(node4, vip4);
    socket.ask();
    socket.ask();
    BOOST_CHECK_EQUAL(server.serve(), 2U);
    BOOST_CHECK(await(socket) == Received::late);
    BOOST_CHECK(await(socket) == Received::answer);
    BOOST_CHECK(socket.receive() == Received::nothing);
}

BOOST_FIXTURE_TEST_CASE(hostile_answers_are_foreign, Node) {
    Responder server(vip4, 5060);
    auto socket = ask_from(node4, vip4);
    const std::vector<std::function<std::string(const std::string&)>> answers{
        ok_to_somebody_else,
        [](const std::string& question) { return question; },
        [](const std::string& question) { return ok_to(question).substr(0, 40); },
        [](const std::string&) { return std::string("\r\n\r\n"); },
        [](const std::string&) { return std::string(60000, 'x'); },
        [](const std::string& question) { return std::string(5000, 'x') + ok_to(question); },
        [](const std::string&) { return std::string("SIP/2.0 200 OK\r\n\r\n"); },
    };
    for (const auto& answer : answers) {
        server.answer = answer;
        socket.ask();
        BOOST_CHECK_EQUAL(server.serve(), 1U);
        BOOST_CHECK(await(socket) == Received::foreign);
    }
    // Somebody else on this host, who knows the port.
    server.answer = ok_to;
    BOOST_CHECK(socket.receive() == Received::nothing);
}

BOOST_FIXTURE_TEST_CASE(the_server_of_the_other_node_is_not_ours, World) {
    // No shadow interface: the question leaves, and the other node answers for the VIP.
    const Inside host(host_space);
    run("ip addr add 10.77.0.100/24 dev peer0");
    settle(vip4);
    Responder server(vip4, 5060);
    const Inside node(node_space);
    auto anybody = Node::ask_from(node4, vip4, Answerer::anybody);
    anybody.ask();
    BOOST_REQUIRE(eventually([&] { return server.serve() == 1; }));
    BOOST_CHECK(Node::await(anybody) == Received::answer);
    auto ours = Node::ask_from(node4, vip4, Answerer::this_host);
    ours.ask();
    BOOST_REQUIRE(eventually([&] { return server.serve() == 1; }));
    anybody.ask(); // its answer comes after the one that is not to be heard
    BOOST_REQUIRE(eventually([&] { return server.serve() == 1; }));
    BOOST_CHECK(Node::await(anybody) == Received::answer);
    BOOST_CHECK(Node::await(ours, short_while) == Received::nothing);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_opened_says_why) {
    const auto refused = OptionsSocket::open({.local = wire::IpAddress::v4({203, 0, 113, 77}),
                                              .server = wire::IpAddress::v4({127, 0, 0, 1}),
                                              .port = 5060,
                                              .answerer = Answerer::anybody,
                                              .token = 1,
                                              .service = {}});
    BOOST_REQUIRE(!refused.has_value());
    BOOST_CHECK(refused.error().find("127.0.0.1 port 5060") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
