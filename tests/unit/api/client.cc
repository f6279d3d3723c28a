// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/client.hh"
#include "bench.hh"

#include <boost/test/unit_test.hpp>

#include <cerrno>

using namespace tandem::api;
using namespace std::chrono_literals;
namespace json = boost::json;

BOOST_AUTO_TEST_SUITE(client)

BOOST_AUTO_TEST_CASE(calls) {
    Bench bench;
    auto client = Client::connect(bench.socket_path());
    BOOST_REQUIRE(client);
    const auto echoed = client->call("echo", {{"a", 1}}, 5s);
    BOOST_REQUIRE(echoed);
    BOOST_TEST(echoed->at("a") == 1);
    const auto refused = client->call("refuse", {}, 5s);
    BOOST_REQUIRE(!refused);
    BOOST_TEST(static_cast<int>(refused.error().code) == 1);
    BOOST_TEST(refused.error().message == "not now");
    BOOST_TEST(refused.error().data.at("why") == "x");
    const auto big = client->call("big", {{"size", 500000}}, 5s);
    BOOST_REQUIRE(big);
    BOOST_TEST(big->as_string().size() == 500000U);
}

BOOST_AUTO_TEST_CASE(nobody_there) {
    const Folder folder;
    const auto client = Client::connect(folder.path("none"));
    BOOST_REQUIRE(!client);
    BOOST_TEST(client.error() == ENOENT);
    BOOST_TEST(Client::connect(std::string(200, 'x')).error() == ENAMETOOLONG);
}

BOOST_AUTO_TEST_CASE(patience_ends) {
    Bench bench;
    auto client = Client::connect(bench.socket_path());
    BOOST_REQUIRE(client);
    const auto answer = client->call("later", {}, 20ms);
    BOOST_REQUIRE(!answer);
    BOOST_TEST(answer.error().message == "tandemd does not answer");
    // The late answer is not taken for that of the next call.
    BOOST_TEST(bench.answer_later() == 1U);
    BOOST_TEST(client->call("echo", {{"b", 2}}, 5s)->at("b") == 2);
}

BOOST_AUTO_TEST_CASE(events_between_answers_are_kept) {
    Bench bench;
    auto client = Client::connect(bench.socket_path());
    BOOST_REQUIRE(client);
    BOOST_TEST(client->call("events.follow", {}, 5s).has_value());
    bench.on_server([](Server& server) {
        server.publish(json::object{{"seq", 1}});
        server.publish(json::object{{"seq", 2}});
    });
    BOOST_TEST(client->call("echo", {}, 5s).has_value());
    BOOST_TEST(client->next_event()->at("seq") == 1);
    BOOST_TEST(client->next_event()->at("seq") == 2);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_server_is_an_error) {
    auto bench = std::make_unique<Bench>();
    auto client = Client::connect(bench->socket_path());
    BOOST_REQUIRE(client);
    BOOST_TEST(client->call("echo", {}, 5s).has_value());
    bench.reset();
    const auto event = client->next_event();
    BOOST_REQUIRE(!event);
    BOOST_TEST(event.error().message == "tandemd has closed the connection");
    BOOST_TEST(!client->call("echo", {}, 5s).has_value());
}

BOOST_AUTO_TEST_CASE(a_last_word_is_passed_on) {
    Settings settings;
    settings.clients_max = 1;
    Bench bench{settings};
    auto first = Client::connect(bench.socket_path());
    BOOST_REQUIRE(first);
    BOOST_TEST(first->call("echo", {}, 5s).has_value());
    auto second = Client::connect(bench.socket_path());
    BOOST_REQUIRE(second);
    const auto answer = second->call("echo", {}, 5s);
    BOOST_REQUIRE(!answer);
    BOOST_TEST(answer.error().message == "too many clients; try again later");
}

BOOST_AUTO_TEST_SUITE_END()
