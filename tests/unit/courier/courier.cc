// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/courier/courier.hh"
#include "servant.hh"

#include <boost/test/unit_test.hpp>

#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

using namespace tandem::courier;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    explicit Fixture(Bounds bounds = {}) {
        auto started = Courier::start(io, bounds);
        BOOST_REQUIRE(started);
        courier = std::move(*started);
    }
    HttpReply get(HttpRequest request) {
        std::optional<HttpReply> reply;
        courier->http(std::move(request), [&](HttpReply r) { reply = std::move(r); });
        BOOST_TEST(!reply); // never from within the call
        BOOST_REQUIRE(run_until(io, [&] { return reply.has_value(); }));
        return *reply;
    }
    MailReply send(MailRequest request) {
        std::optional<MailReply> reply;
        courier->mail(std::move(request), [&](MailReply r) { reply = std::move(r); });
        BOOST_REQUIRE(run_until(io, [&] { return reply.has_value(); }));
        return *reply;
    }
    boost::asio::io_context io;
    std::unique_ptr<Courier> courier;
};

/// Reads a request without a body, up to the empty line.
void read_head(Servant& here, Servant::Socket& socket) {
    while (!here.line(socket).empty()) {
    }
}

MailRequest letter_to(const MailServant& server) {
    MailRequest request;
    request.server = {"127.0.0.1", server.servant.port(), Encryption::off, "", "", {}};
    request.hello = "node.example.com";
    request.from = "tandem@example.com";
    request.to = {"a@example.com", "b@example.com"};
    request.message = "Subject: x\r\n\r\nfirst\r\n.\r\n..second\r\n";
    request.timeout = 5s;
    return request;
}

} // namespace

BOOST_AUTO_TEST_SUITE(courier)

BOOST_AUTO_TEST_CASE(a_request_and_its_answer) {
    Servant server{[](Servant& here, Servant::Socket& socket) {
        read_head(here, socket);
        Servant::say(socket, "HTTP/1.1 503 later\r\nContent-Length: 4\r\n\r\nbusy");
        here.wait_for_end(socket);
    }};
    Fixture f;
    HttpRequest request;
    request.url = server.url("/hook?x=1");
    request.method = "GET";
    request.headers = {"X-Node: a"};
    request.bearer = "token-1";
    const HttpReply reply = f.get(request);
    BOOST_TEST(reply.status == 503);
    BOOST_TEST(reply.body == "busy");
    BOOST_TEST(reply.trouble == "");
    BOOST_TEST(reply.took > 0us);
    BOOST_TEST(server.heard("GET /hook?x=1 HTTP/1.1"));
    BOOST_TEST(server.heard("X-Node: a"));
    BOOST_TEST(server.heard("Authorization: Bearer token-1"));
}

BOOST_AUTO_TEST_CASE(a_body_goes_along) {
    Servant server{[](Servant& here, Servant::Socket& socket) {
        read_head(here, socket);
        here.line(socket);
        Servant::say(socket, "HTTP/1.1 204 done\r\n\r\n");
    }};
    Fixture f;
    HttpRequest request;
    request.url = server.url();
    request.body = std::string(3, 'x') + "\n";
    request.method = "PUT";
    BOOST_TEST(f.get(request).status == 204);
    BOOST_TEST(server.heard("PUT / HTTP/1.1"));
    BOOST_TEST(server.heard("Content-Length: 4"));
    BOOST_TEST(server.heard("xxx"));
    BOOST_TEST(!server.heard("Expect"));
}

BOOST_AUTO_TEST_CASE(a_redirect_is_an_answer) {
    Servant server{[](Servant& here, Servant::Socket& socket) {
        read_head(here, socket);
        Servant::say(socket, "HTTP/1.1 302 there\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
        here.wait_for_end(socket);
    }};
    Fixture f;
    HttpRequest request;
    request.url = server.url();
    BOOST_TEST(f.get(request).status == 302);
    BOOST_TEST(server.connections() == 1);
    BOOST_TEST(!server.heard("POST /other"));
}

BOOST_AUTO_TEST_CASE(answers_have_a_bound) {
    Servant server{[](Servant& here, Servant::Socket& socket) {
        read_head(here, socket);
        Servant::say(socket, "HTTP/1.1 200 ok\r\n\r\n");
        for (;;)
            Servant::say(socket, std::string(1000, 'y'));
    }};
    Fixture f;
    HttpRequest request;
    request.url = server.url();
    request.reply_max = 5000;
    const HttpReply reply = f.get(request);
    BOOST_TEST(reply.status == 200);
    BOOST_TEST(reply.body.size() == 5000U);
    BOOST_TEST(reply.trouble.find("longer") != std::string::npos);
    Servant chatty{[](Servant& here, Servant::Socket& socket) {
        read_head(here, socket);
        Servant::say(socket, "HTTP/1.1 200 ok\r\n");
        for (;;)
            Servant::say(socket, "X-More: " + std::string(1000, 'y') + "\r\n");
    }};
    request.url = chatty.url();
    BOOST_TEST(f.get(request).trouble.find("longer") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_not_carried) {
    Servant server{[](Servant& here, Servant::Socket& socket) { read_head(here, socket); }};
    Fixture f;
    HttpRequest request;
    for (const char* url : {"file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "", "http://",
                            "dict://127.0.0.1/"}) {
        request.url = url;
        const HttpReply reply = f.get(request);
        BOOST_TEST(reply.status == 0);
        BOOST_TEST(!reply.trouble.empty());
        BOOST_TEST(reply.body.empty());
    }
    request.url = server.url();
    request.headers = {"X: a\r\nEvil: b"};
    BOOST_TEST(f.get(request).trouble.find("control character") != std::string::npos);
    request.headers = {};
    request.method = "GET / HTTP/1.1\r\nX";
    BOOST_TEST(!f.get(request).trouble.empty());
    request.method = "POST";
    request.bearer = "x\nEvil: b";
    BOOST_TEST(!f.get(request).trouble.empty());
    request.bearer = "";
    request.url = server.url("/\r\nEvil: b");
    BOOST_TEST(!f.get(request).trouble.empty());
    BOOST_TEST(server.connections() == 0);
}

/// Each has its deadline, and silent servers hold up nobody else.
BOOST_AUTO_TEST_CASE(silence) {
    Servant silent{[](Servant& here, Servant::Socket& socket) { here.wait_for_end(socket); }};
    Servant quick{[](Servant& here, Servant::Socket& socket) {
        read_head(here, socket);
        Servant::say(socket, "HTTP/1.1 200 ok\r\nContent-Length: 0\r\n\r\n");
    }};
    Fixture f;
    std::vector<std::string> order;
    HttpRequest request;
    request.url = silent.url();
    request.timeout = 1s;
    f.courier->http(request, [&](const HttpReply& reply) {
        BOOST_TEST(reply.trouble.find("not done in time") != std::string::npos);
        BOOST_TEST(reply.took >= 990ms);
        BOOST_TEST(reply.took < 3s);
        order.emplace_back("silent");
    });
    request.url = quick.url();
    f.courier->http(request, [&](const HttpReply& reply) {
        BOOST_TEST(reply.status == 200);
        order.emplace_back("quick");
    });
    BOOST_REQUIRE(run_until(f.io, [&] { return order.size() == 2; }));
    BOOST_TEST(order.front() == "quick");
}

/// A mail server that is silent where libcurl looks at nothing else holds up no web request, nor the end.
BOOST_AUTO_TEST_CASE(silent_mail_server) {
    MailServant mail{{{"end of letter", "silence"}}};
    Servant quick{[](Servant& here, Servant::Socket& socket) {
        read_head(here, socket);
        Servant::say(socket, "HTTP/1.1 200 ok\r\nContent-Length: 0\r\n\r\n");
    }};
    std::optional<std::chrono::steady_clock::time_point> end;
    {
        Fixture f;
        bool called = false;
        MailRequest letter = letter_to(mail);
        letter.timeout = 60s;
        f.courier->mail(letter, [&](const MailReply&) { called = true; });
        BOOST_REQUIRE(run_until(f.io, [&] { return mail.servant.heard("."); }));
        HttpRequest request;
        request.url = quick.url();
        BOOST_TEST(f.get(request).status == 200);
        BOOST_TEST(!called);
        end = std::chrono::steady_clock::now();
    }
    BOOST_TEST((std::chrono::steady_clock::now() - *end < 3s));
}

BOOST_AUTO_TEST_CASE(bounded_and_cancelled) {
    Servant silent{[](Servant& here, Servant::Socket& socket) { here.wait_for_end(socket); }};
    Fixture f{{1, 1, 1}};
    int called = 0;
    std::string trouble;
    HttpRequest request;
    request.url = silent.url();
    request.timeout = 30s;
    const auto first = f.courier->http(request, [&](const HttpReply&) { ++called; });
    const auto second = f.courier->http(request, [&](const HttpReply&) { ++called; });
    f.courier->http(request, [&](const HttpReply& reply) { trouble = reply.trouble; });
    BOOST_REQUIRE(run_until(f.io, [&] { return !trouble.empty() && silent.connections() == 1; }));
    BOOST_TEST(trouble.find("too many") != std::string::npos);
    f.courier->cancel(first);
    BOOST_REQUIRE(run_until(f.io, [&] { return silent.connections() == 2; })); // the other's turn
    f.courier->cancel(second);
    f.courier->cancel(second);
    f.courier->cancel(4711);
    request.timeout = 1s;
    BOOST_TEST(f.get(request).trouble.find("not done in time") != std::string::npos);
    BOOST_TEST(called == 0);
}

BOOST_AUTO_TEST_CASE(waiting_counts) {
    Servant silent{[](Servant& here, Servant::Socket& socket) { here.wait_for_end(socket); }};
    Fixture f{{1, 4, 1}};
    HttpRequest request;
    request.url = silent.url();
    request.timeout = 30s;
    f.courier->http(request, [](const HttpReply&) {});
    request.timeout = 300ms;
    BOOST_TEST(f.get(request).trouble.find("turn") != std::string::npos);
}

/// Each turn comes as soon as the one before has ended.
BOOST_AUTO_TEST_CASE(turns) {
    Servant quick{[](Servant& here, Servant::Socket& socket) {
        read_head(here, socket);
        Servant::say(socket, "HTTP/1.1 200 ok\r\nContent-Length: 0\r\n\r\n");
    }};
    Fixture f{{1, 20, 1}};
    HttpRequest request;
    request.url = quick.url();
    request.timeout = 30s;
    int good = 0;
    for (int i = 0; i < 20; ++i)
        f.courier->http(request, [&](const HttpReply& reply) { good += reply.status == 200; });
    BOOST_TEST(run_until(f.io, [&] { return good == 20; }));
}

BOOST_AUTO_TEST_CASE(a_letter) {
    MailServant server;
    Fixture f;
    MailRequest request = letter_to(server);
    request.server.user = "node";
    request.server.password = "secret";
    const MailReply reply = f.send(request);
    BOOST_TEST((reply.fate == MailFate::accepted));
    BOOST_TEST(reply.trouble == "");
    BOOST_REQUIRE(server.letters().size() == 1U);
    BOOST_TEST(server.letters()[0] == "Subject: x\n\nfirst\n.\n..second\n");
    BOOST_TEST(server.servant.heard("EHLO node.example.com"));
    BOOST_TEST(server.servant.heard("AUTH PLAIN"));
    BOOST_TEST(server.servant.heard("MAIL FROM:<tandem@example.com>"));
    BOOST_TEST(server.servant.heard("RCPT TO:<b@example.com>"));
}

BOOST_AUTO_TEST_CASE(letters_refused) {
    struct Row {
        const char* command;
        const char* said;
        MailFate fate;
        const char* words;
    };
    for (const Row& row :
         {Row{"RCPT TO:<b", "550 no \x1b[2Jsuch user\r\n", MailFate::letter_refused, "550 no"},
          Row{"RCPT TO:<b", "450 come again\r\n", MailFate::letter_deferred, "450 come again"},
          Row{"MAIL", "530 log in first\r\n", MailFate::letter_refused, "530"},
          Row{"end of letter", "554 spam\r\n", MailFate::letter_refused, "554 spam"},
          Row{"AUTH", "535 wrong\r\n", MailFate::login_refused, "535 wrong"},
          Row{"greeting", "421 busy\r\n", MailFate::failed, "421 busy"},
          Row{"MAIL", "silence", MailFate::failed, "not done in time"}}) {
        MailServant server{{{row.command, row.said}}};
        Fixture f;
        MailRequest request = letter_to(server);
        request.server.user = "node";
        request.server.password = "secret";
        request.timeout = 1s;
        const MailReply reply = f.send(request);
        BOOST_TEST_CONTEXT(row.command << " " << row.words << ": " << reply.trouble) {
            BOOST_TEST((reply.fate == row.fate));
            BOOST_TEST(reply.trouble.find(row.words) != std::string::npos);
            BOOST_TEST(reply.trouble.find('\x1b') == std::string::npos);
            BOOST_TEST(reply.trouble.find("secret") == std::string::npos);
            BOOST_TEST(server.letters().empty());
        }
    }
}

/// Who takes STARTTLS out of a server's answer gets no letter and no password.
BOOST_AUTO_TEST_CASE(no_starttls_no_letter) {
    MailServant server;
    Fixture f;
    MailRequest request = letter_to(server);
    request.server.encryption = Encryption::starttls;
    request.server.user = "node";
    request.server.password = "secret";
    BOOST_TEST((f.send(request).fate != MailFate::accepted));
    BOOST_TEST(!server.servant.heard("AUTH"));
    BOOST_TEST(!server.servant.heard("MAIL"));
}

BOOST_AUTO_TEST_CASE(commands_cannot_be_slipped_in) {
    MailServant server;
    Fixture f;
    for (const auto& spoil : std::initializer_list<void (*)(MailRequest&)>{
             [](MailRequest& r) { r.to.emplace_back("x@example.com>\r\nRCPT TO:<evil@example.com"); },
             [](MailRequest& r) { r.from = "a@example.com\nDATA"; },
             [](MailRequest& r) { r.hello = "a\r\nQUIT"; },
             [](MailRequest& r) { r.server.password = "a\r\nQUIT"; }}) {
        MailRequest request = letter_to(server);
        spoil(request);
        BOOST_TEST((f.send(request).fate == MailFate::failed));
    }
    BOOST_TEST(server.servant.connections() == 0);
}

/// Whatever the thread is that starts it, its threads are ordinary and take no signals.
BOOST_AUTO_TEST_CASE(ordinary_threads) {
    Fixture f;
    const auto found = [] {
        int count = 0;
        for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
            std::ifstream status{task.path() / "status"};
            std::string line;
            std::string name;
            while (std::getline(status, line)) {
                if (line.starts_with("Name:"))
                    name = line.substr(6);
                if (!name.starts_with("courier-") || !line.starts_with("SigBlk:"))
                    continue;
                ++count;
                const auto blocked = std::stoull(line.substr(8), nullptr, 16);
                for (const int number : {SIGTERM, SIGINT, SIGPIPE, SIGALRM})
                    BOOST_TEST((blocked >> (number - 1) & 1U) == 1U);
                BOOST_TEST(::sched_getscheduler(std::stoi(task.path().filename())) == SCHED_OTHER);
            }
        }
        return count;
    };
    BOOST_TEST(run_until(f.io, [] {
        int named = 0;
        for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
            std::ifstream comm{task.path() / "comm"};
            std::string name;
            named += std::getline(comm, name) && name.starts_with("courier-");
        }
        return named == 2;
    }));
    BOOST_TEST(found() == 2);
}

BOOST_AUTO_TEST_SUITE_END()
