// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench.hh"

#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <stdexcept>

namespace tandem::api {

namespace json = boost::json;
using namespace std::chrono_literals;

Folder::Folder() {
    std::string form = (std::filesystem::temp_directory_path() / "tandem-api-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(form.data()) != nullptr);
    path_ = form;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Methods Bench::methods() {
    Methods methods;
    methods["who"] = {Access::act,
                      [](const json::object&, const Caller& caller, const Reply& reply) {
                          reply(json::value(to_string(caller)));
                      },
                      Exposure::remote};
    methods["echo"] = {Access::read,
                       [](const json::object& params, const Caller&, Reply reply) { reply(params); }};
    methods["act"] = {Access::act, [](const json::object&, const Caller& caller, Reply reply) {
                          reply(json::object{{"uid", caller.uid}, {"pid", caller.pid}});
                      }};
    methods["refuse"] = {
        Access::read, [](const json::object&, const Caller&, Reply reply) {
            reply(std::unexpected(Error{Code::refused, "not now", json::object{{"why", "x"}}}));
            reply(json::value("a second answer"));
        }};
    methods["later"] = {Access::read,
                        [this](const json::object&, const Caller&, Reply reply) { later_.push_back(reply); }};
    methods["forget"] = {Access::read, [](const json::object&, const Caller&, Reply) {}};
    methods["throw"] = {Access::read, [](const json::object&, const Caller&, Reply) {
                            throw std::runtime_error("broken handler");
                        }};
    methods["big"] = {Access::read, [](const json::object& params, const Caller&, Reply reply) {
                          reply(json::value(std::string(params.at("size").to_number<std::size_t>(), 'x')));
                      }};
    return methods;
}

Bench::Bench(Settings settings)
    : socket_path_{folder_.path("s.sock")} {
    settings.socket_path = socket_path_;
    auto server = Server::start(io_, settings, methods());
    BOOST_REQUIRE(server.has_value());
    server_ = std::move(*server);
    thread_ = std::thread{[this] { io_.run(); }};
}

Bench::~Bench() {
    boost::asio::post(io_, [this] {
        server_.reset();
        later_.clear();
    });
    // Without the server nothing is left to do: run() comes to its end.
    thread_.join();
}

void Bench::on_server(const std::function<void(Server&)>& what) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
        what(*server_);
        done.set_value();
    });
    done.get_future().wait();
}

Counts Bench::counts() {
    Counts counts;
    on_server([&](Server& server) { counts = server.counts(); });
    return counts;
}

std::size_t Bench::waiting_later() {
    std::size_t count = 0;
    on_server([&](Server&) { count = later_.size(); });
    return count;
}

std::size_t Bench::answer_later() {
    std::size_t count = 0;
    on_server([&](Server&) {
        auto replies = std::exchange(later_, {});
        count = replies.size();
        for (const auto& reply : replies)
            reply(json::value("later"));
    });
    return count;
}

Raw::Raw(const std::string& socket_path)
    : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    BOOST_REQUIRE(socket_path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    BOOST_REQUIRE(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

Raw::~Raw() {
    close(socket_);
}

bool Raw::send(std::string_view octets) {
    while (!octets.empty()) {
        const ssize_t size = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
        if (size <= 0)
            return false;
        octets.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

std::size_t Raw::flood(std::string_view octets) {
    std::size_t total = 0;
    // The server may still be reading: full means full for a while.
    for (;;) {
        pollfd waiting{socket_, POLLOUT, 0};
        if (poll(&waiting, 1, 200) <= 0)
            return total;
        const ssize_t size = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size <= 0)
            return total;
        total += static_cast<std::size_t>(size);
        BOOST_REQUIRE(total < 64U * 1024 * 1024);
    }
}

void Raw::finish_writing() {
    shutdown(socket_, SHUT_WR);
}

std::string Raw::line() {
    for (;;) {
        if (const auto end = input_.find('\n'); end != std::string::npos) {
            std::string text = input_.substr(0, end);
            input_.erase(0, end + 1);
            return text;
        }
        pollfd waiting{socket_, POLLIN, 0};
        BOOST_REQUIRE_MESSAGE(poll(&waiting, 1, 5000) == 1, "nothing to read");
        std::array<char, 65536> buffer{};
        const ssize_t size = recv(socket_, buffer.data(), buffer.size(), 0);
        if (size <= 0)
            return {};
        input_.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

json::value Raw::message() {
    const std::string text = line();
    BOOST_REQUIRE_MESSAGE(!text.empty(), "the connection was closed");
    return json::parse(text);
}

std::int64_t Raw::error_code() {
    return message().at("error").at("code").as_int64();
}

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        ::poll(nullptr, 0, 1); // and look again
    }
    return true;
}

} // namespace tandem::api
