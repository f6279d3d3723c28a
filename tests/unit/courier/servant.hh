// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A server on loopback that says what a test lets it say: a script of lines, one connection after the other.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tandem::courier {

/// Runs the loop until it holds, for at most ten seconds.
bool run_until(boost::asio::io_context& io, const std::function<bool()>& condition);

class Servant {
public:
    using Socket = boost::asio::ip::tcp::socket;
    /// `serve` talks on one connection, on a thread of the servant; what it throws ends the connection.
    explicit Servant(std::function<void(Servant&, Socket&)> serve);
    Servant(const Servant&) = delete;
    Servant& operator=(const Servant&) = delete;
    ~Servant();

    std::uint16_t port() const { return port_; }
    std::string url(const char* path = "/") const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    int connections() const { return connections_; }

    /// Everything up to and with the end of a line, or of the connection; also noted.
    std::string line(Socket& socket);
    static void say(Socket& socket, std::string_view text);
    /// Until the other end closes.
    void wait_for_end(Socket& socket);
    std::vector<std::string> lines() const;
    bool heard(std::string_view beginning) const;

private:
    void run();
    std::function<void(Servant&, Socket&)> serve_;
    boost::asio::io_context io_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_{0};
    std::atomic<int> connections_{0};
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
    std::vector<std::thread> talks_;
    std::vector<int> open_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

/// A mail server that takes every letter; `answers` are said instead, by the beginning of the command.
struct MailServant {
    explicit MailServant(std::vector<std::pair<std::string, std::string>> instead = {});
    /// Changes what is said from now on.
    void say(std::vector<std::pair<std::string, std::string>> instead);
    /// The letters, as they came, without the final dot.
    std::vector<std::string> letters() const;
    Servant servant;

private:
    void talk(Servant& here, Servant::Socket& socket);
    std::string answer(const std::string& command) const;
    mutable std::mutex mutex_;
    std::vector<std::pair<std::string, std::string>> instead_;
    std::vector<std::string> letters_;
};

} // namespace tandem::courier
