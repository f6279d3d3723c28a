// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The other end of the local API, for one-shot programs: it waits.
//
// Deliberately absent: Asio, threads, reconnecting.

#include "control/api/message.hh"

#include <chrono>
#include <cstdint>
#include <deque>
#include <expected>
#include <string>

namespace tandem::api {

class Client {
public:
    /// Connects to the socket file; the error is an errno.
    static std::expected<Client, int> connect(const std::string& socket_path);
    Client(Client&& other) noexcept;
    Client& operator=(Client&&) = delete;
    ~Client();

    /// Asks and waits for the answer. A connection that breaks or stays silent is an `internal_error`. Events
    /// that come in between are kept for next_event().
    Outcome call(const std::string& method, boost::json::object params, std::chrono::milliseconds patience);

    /// Waits for the next event, without end. The error says why there will be none.
    std::expected<boost::json::value, Error> next_event();

private:
    explicit Client(int socket)
        : socket_{socket} {}
    /// The next message; `deadline` none: waits for ever.
    using Deadline = std::chrono::steady_clock::time_point;
    std::expected<boost::json::object, Error> receive(const Deadline* deadline);

    int socket_;
    std::int64_t last_id_{0};
    std::string input_;
    std::deque<boost::json::value> events_;
};

} // namespace tandem::api
