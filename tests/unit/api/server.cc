// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/server.hh"
#include "bench.hh"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

using namespace tandem::api;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

std::string request(int id, std::string_view method, std::string_view params = "{}") {
    return "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(id) + ",\"method\":\"" + std::string{method} +
           "\",\"params\":" + std::string{params} + "}\n";
}

constexpr std::int64_t parse_error = static_cast<int>(Code::parse_error);

/// The code must differ between "as somebody else" outcomes; the child cannot use the test framework.
int error_code_as(unsigned uid, const std::string& socket_path, std::string_view method) {
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
            _exit(10);
        Raw client{socket_path};
        client.send(request(1, method));
        const auto answer = client.message();
        const auto* error = answer.as_object().if_contains("error");
        if (error == nullptr)
            _exit(0);
        _exit(error->at("code").as_int64() == static_cast<int>(Code::not_permitted) ? 1 : 2);
    }
    int status = 0;
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/// What the bench's `who` says to a line that a user sends; the code when there is an error. Of a child: the
/// first letters tell.
char who_as(unsigned uid, const std::string& socket_path, const std::string& line) {
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
            _exit('!');
        Raw client{socket_path};
        client.send(line);
        const auto answer = client.message();
        if (const auto* result = answer.as_object().if_contains("result"))
            _exit(result->as_string() == "api client ops" ? 'o' : 'u');
        const auto code = static_cast<Code>(answer.at("error").at("code").as_int64());
        _exit(code == Code::not_permitted      ? 'p'
              : code == Code::method_not_found ? 'm'
              : code == Code::invalid_request  ? 'i'
                                               : '?');
    }
    int status = 0;
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? static_cast<char>(WEXITSTATUS(status)) : '!';
}

} // namespace

BOOST_AUTO_TEST_SUITE(server)

BOOST_AUTO_TEST_CASE(answers) {
    Bench bench;
    Raw client{bench.socket_path()};
    client.send(request(1, "echo", R"({"a":[1,2]})"));
    BOOST_TEST(client.line() == R"({"jsonrpc":"2.0","id":1,"result":{"a":[1,2]}})");
    client.send(request(2, "refuse"));
    BOOST_TEST(client.line() ==
               R"({"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"not now","data":{"why":"x"}}})");
    client.send(request(3, "none"));
    BOOST_TEST(client.error_code() == static_cast<int>(Code::method_not_found));
    client.send(request(4, "throw"));
    const auto thrown = client.message();
    BOOST_TEST(thrown.at("error").at("message") == "broken handler");
    client.send(request(5, "forget"));
    BOOST_TEST(client.error_code() == static_cast<int>(Code::internal_error));
    client.send(request(6, "act"));
    BOOST_TEST(client.message().at("result").at("pid") == getpid());
}

BOOST_AUTO_TEST_CASE(lines_come_in_any_pieces) {
    Bench bench;
    Raw client{bench.socket_path()};
    const std::string text = request(1, "echo") + "\r\n\n" + request(2, "echo");
    for (const char c : text)
        client.send({&c, 1});
    BOOST_TEST(client.message().at("id") == 1);
    BOOST_TEST(client.message().at("id") == 2);
    std::string many;
    for (int i = 0; i < 500; ++i)
        many += request(i, "echo");
    client.send(many);
    for (int i = 0; i < 500; ++i)
        BOOST_TEST(client.message().at("id") == i);
}

BOOST_AUTO_TEST_CASE(garbage_is_answered_and_the_connection_goes_on) {
    Bench bench;
    Raw client{bench.socket_path()};
    client.send("garbage\n{\n\xff\n");
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(client.error_code() == parse_error);
    client.send(request(1, "echo"));
    BOOST_TEST(client.message().at("id") == 1);
    BOOST_TEST(bench.counts().refused_requests == 3U);
}

BOOST_AUTO_TEST_CASE(an_endless_line_ends_the_connection) {
    Bench bench;
    Raw client{bench.socket_path()};
    client.send(std::string(request_size_max + 5000, 'x'));
    BOOST_TEST(client.error_code() == static_cast<int>(Code::invalid_request));
    BOOST_TEST(client.line() == "");
    BOOST_TEST(eventually([&] { return bench.counts().clients == 0; }));
}

BOOST_AUTO_TEST_CASE(the_longest_line_is_read) {
    Bench bench;
    Raw client{bench.socket_path()};
    std::string line = request(1, "echo");
    line.insert(line.size() - 1, request_size_max + 1 - line.size(), ' ');
    BOOST_REQUIRE(line.size() == request_size_max + 1);
    client.send(line);
    BOOST_TEST(client.message().at("id") == 1);
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_later) {
    Bench bench;
    Raw client{bench.socket_path()};
    client.send(request(1, "later") + request(2, "echo"));
    BOOST_TEST(client.message().at("id") == 2);
    BOOST_TEST(bench.answer_later() == 1U);
    BOOST_TEST(client.line() == R"({"jsonrpc":"2.0","id":1,"result":"later"})");
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_early_is_no_harm) {
    Bench bench;
    {
        Raw client{bench.socket_path()};
        client.send(request(1, "later") + "{\"half");
        BOOST_TEST(eventually([&] { return bench.waiting_later() == 1; }));
    }
    BOOST_TEST(bench.answer_later() == 1U);
    BOOST_TEST(eventually([&] { return bench.counts().clients == 0; }));
}

BOOST_AUTO_TEST_CASE(a_client_that_only_finished_writing_gets_its_answers) {
    Bench bench;
    Raw client{bench.socket_path()};
    std::string text;
    for (int i = 0; i < 40; ++i)
        text += request(i, "later");
    client.send(text);
    client.finish_writing();
    std::size_t answered = 0;
    BOOST_TEST(eventually([&] {
        answered += bench.answer_later();
        return answered == 40;
    }));
    for (int i = 0; i < 40; ++i)
        BOOST_TEST(client.message().at("id") == i);
    BOOST_TEST(client.line() == "");
}

BOOST_AUTO_TEST_CASE(unanswered_requests_of_one_client_are_bounded) {
    Settings settings;
    settings.requests_max = 4;
    Bench bench{settings};
    Raw client{bench.socket_path()};
    std::string text;
    for (int i = 0; i < 10; ++i)
        text += request(i, "later");
    client.send(text);
    BOOST_TEST(eventually([&] { return bench.waiting_later() == 4; }));
    // Another one is served meanwhile; then it is still four.
    Raw other{bench.socket_path()};
    other.send(request(1, "echo"));
    BOOST_TEST(other.message().at("id") == 1);
    BOOST_TEST(bench.waiting_later() == 4U);
    BOOST_TEST(bench.answer_later() == 4U);
    BOOST_TEST(client.message().at("id") == 0);
    BOOST_TEST(eventually([&] { return bench.waiting_later() == 4; }));
}

BOOST_AUTO_TEST_CASE(a_client_that_asks_and_does_not_read_is_not_read_from) {
    Bench bench;
    Raw client{bench.socket_path()};
    std::string text;
    for (int i = 0; i < 100; ++i)
        text += request(i, "big", R"({"size":10000})");
    const std::size_t taken = client.flood(text);
    BOOST_TEST(taken < 4U * 1024 * 1024);
    BOOST_TEST(bench.counts().clients == 1U);
    Raw other{bench.socket_path()};
    other.send(request(1, "echo"));
    BOOST_TEST(other.message().at("id") == 1);
    // It is served again as soon as it reads.
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(client.message().at("id") == i);
}

BOOST_AUTO_TEST_CASE(followers_get_events) {
    Bench bench;
    Raw follower{bench.socket_path()};
    Raw other{bench.socket_path()};
    follower.send(request(1, "events.follow"));
    BOOST_TEST(follower.line() == R"({"jsonrpc":"2.0","id":1,"result":{"following":true}})");
    other.send(request(1, "echo"));
    other.line();
    BOOST_TEST(bench.counts().followers == 1U);
    bench.on_server([](Server& server) {
        server.publish(json::object{{"seq", 1}});
        server.publish(json::object{{"seq", 2}});
    });
    BOOST_TEST(follower.line() == R"({"jsonrpc":"2.0","method":"event","params":{"seq":1}})");
    BOOST_TEST(follower.message().at("params").at("seq") == 2);
    other.send(request(2, "echo"));
    BOOST_TEST(other.message().at("id") == 2);
    follower.send(request(3, "echo"));
    BOOST_TEST(follower.message().at("id") == 3);
}

BOOST_AUTO_TEST_CASE(a_follower_that_does_not_read_is_sent_away) {
    Settings settings;
    settings.output_max = 100000;
    Bench bench{settings};
    Raw slow{bench.socket_path()};
    Raw quick{bench.socket_path()};
    for (Raw* client : {&slow, &quick}) {
        client->send(request(1, "events.follow"));
        client->line();
    }
    const std::string filler(10000, 'x');
    // The kernel's buffers fill first, then ours.
    BOOST_TEST(eventually([&] {
        bench.on_server([&](Server& server) { server.publish(json::object{{"text", filler}}); });
        quick.line();
        return bench.counts().followers == 1;
    }));
    // It still gets whole lines and a last word.
    std::string last;
    for (std::string line = slow.line(); !line.empty(); line = slow.line())
        last = line;
    BOOST_TEST(last.find(std::to_string(static_cast<int>(Code::too_slow))) != std::string::npos,
               last.substr(0, 200));
    BOOST_TEST(eventually([&] { return bench.counts().clients == 1; }));
    BOOST_TEST(bench.counts().dropped_slow == 1U);
    bench.on_server([](Server& server) { server.publish(json::object{{"seq", 9}}); });
    BOOST_TEST(quick.message().at("params").at("seq") == 9);
}

BOOST_AUTO_TEST_CASE(a_follower_that_never_reads_is_closed_in_the_end) {
    Settings settings;
    settings.output_max = 100000;
    settings.farewell = 50ms;
    Bench bench{settings};
    Raw slow{bench.socket_path()};
    slow.send(request(1, "events.follow"));
    slow.line();
    const std::string filler(50000, 'x');
    bench.on_server([&](Server& server) {
        for (int i = 0; i < 100; ++i)
            server.publish(json::object{{"text", filler}});
    });
    BOOST_TEST(eventually([&] { return bench.counts().clients == 0; }));
    BOOST_TEST(bench.counts().dropped_slow == 1U);
}

BOOST_AUTO_TEST_CASE(clients_are_bounded) {
    Settings settings;
    settings.clients_max = 3;
    Bench bench{settings};
    std::vector<std::unique_ptr<Raw>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<Raw>(bench.socket_path()));
        clients.back()->send(request(1, "echo"));
        BOOST_TEST(clients.back()->message().at("id") == 1);
    }
    Raw late{bench.socket_path()};
    BOOST_TEST(late.error_code() == static_cast<int>(Code::too_many));
    BOOST_TEST(late.line() == "");
    BOOST_TEST(bench.counts().refused_clients == 1U);
    clients.pop_back();
    BOOST_TEST(eventually([&] { return bench.counts().clients == 2; }));
    Raw next{bench.socket_path()};
    next.send(request(1, "echo"));
    BOOST_TEST(next.message().at("id") == 1);
}

BOOST_AUTO_TEST_CASE(others_may_read_and_not_act,
                     *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
                         return boost::test_tools::assertion_result{geteuid() == 0};
                     })) {
    const unsigned stranger = 12345;
    Settings settings;
    settings.group = stranger;
    Bench bench{settings};
    // The folder of the test is root's: let the stranger through to the socket.
    const std::string folder = std::filesystem::path{bench.socket_path()}.parent_path();
    BOOST_REQUIRE(chmod(folder.c_str(), 0711) == 0);
    BOOST_TEST(error_code_as(stranger, bench.socket_path(), "echo") == 0);
    BOOST_TEST(error_code_as(stranger, bench.socket_path(), "act") == 1);
    BOOST_TEST(error_code_as(stranger, bench.socket_path(), "none") == 2);
    BOOST_TEST(error_code_as(0, bench.socket_path(), "act") == 0);
    BOOST_TEST(bench.counts().refused_requests == 2U);
}

BOOST_AUTO_TEST_CASE(a_gateway_asks_for_others_by_name_and_has_what_is_exposed,
                     *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
                         return boost::test_tools::assertion_result{geteuid() == 0};
                     })) {
    const unsigned gateway = 12345;
    const unsigned stranger = 12346;
    Settings settings;
    settings.group = gateway;
    settings.gateway = gateway;
    Bench bench{settings};
    const std::string folder = std::filesystem::path{bench.socket_path()}.parent_path();
    BOOST_REQUIRE(chmod(folder.c_str(), 0711) == 0);
    const auto line = [](std::string_view method, std::string_view more) {
        return R"({"jsonrpc":"2.0","id":1,"method":")" + std::string{method} + "\"" + std::string{more} +
               "}\n";
    };
    const auto as = [&](unsigned uid, std::string_view method, std::string_view more) {
        return who_as(uid, bench.socket_path(), line(method, more));
    };
    const std::string_view ops = R"(,"caller":"ops")";
    BOOST_TEST(as(gateway, "who", ops) == 'o');
    BOOST_TEST(as(gateway, "who", "") == 'i'); // for whom?
    BOOST_TEST(as(gateway, "who", R"(,"caller":"a\nb")") == 'i');
    BOOST_TEST(as(gateway, "who", R"(,"caller":"")") == 'i');
    BOOST_TEST(as(gateway, "who", R"(,"caller":7)") == 'i');
    BOOST_TEST(as(gateway, "act", ops) == 'p');  // not exposed
    BOOST_TEST(as(gateway, "echo", ops) == 'p'); // not even to read
    BOOST_TEST(as(gateway, "events.follow", ops) == 'm');
    BOOST_TEST(as(gateway, "none", ops) == 'm');
    // Others cannot pose as one.
    BOOST_TEST(as(0, "who", "") == 'u');
    BOOST_TEST(as(0, "who", ops) == 'p');
    BOOST_REQUIRE(chmod(bench.socket_path().c_str(), 0666) == 0);
    BOOST_TEST(as(stranger, "who", "") == 'p');
    BOOST_TEST(as(stranger, "who", ops) == 'p');
}

BOOST_AUTO_TEST_CASE(the_socket_goes_with_the_server_and_a_second_is_refused) {
    std::string path;
    {
        Bench bench;
        path = bench.socket_path();
        boost::asio::io_context io;
        Settings settings;
        settings.socket_path = path;
        const auto second = Server::start(io, settings, {});
        BOOST_REQUIRE(!second);
        BOOST_TEST(second.error() == path + ": another tandemd is running");
    }
    BOOST_TEST(!std::filesystem::exists(path));

    const Folder folder;
    boost::asio::io_context io;
    Settings settings;
    settings.socket_path = folder.path("s");
    auto first = Server::start(io, settings, {});
    BOOST_REQUIRE(first);
    first->reset();
    // At once, though the loop has not run since.
    BOOST_TEST(!std::filesystem::exists(settings.socket_path));
    BOOST_TEST(Server::start(io, settings, {}).has_value());
}

BOOST_AUTO_TEST_CASE(a_reply_without_a_request_is_harmless) {
    int calls = 0;
    {
        const Reply reply{[&](const Outcome& outcome) {
            ++calls;
            BOOST_TEST(outcome.has_value());
        }};
        const Reply copy = reply;
        reply(json::value(1));
        copy(json::value(2));
    }
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_SUITE_END()
