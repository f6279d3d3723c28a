// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One client of the local API.

#include "control/api/server.hh"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace tandem::api {

/// Reads requests, writes answers and events, within the bounds of the settings. Owns itself while an
/// operation is under way; `Hooks` are called until `stop()`.
class Session : public std::enable_shared_from_this<Session> {
public:
    using Socket = boost::asio::local::stream_protocol::socket;
    enum class End : std::uint8_t { left, sent_away, too_slow };
    struct Hooks {
        std::function<void(Session&, Request)> request;
        std::function<void(Session&, End)> end;
        std::function<void()> refused; ///< a line that is no request
    };

    Session(Socket socket, Caller caller, const Settings& settings, Hooks hooks);
    void start();
    /// Ends the connection at once, without calling a hook.
    void stop();
    /// Ends the connection with a last error.
    void send_away(Error error);

    /// An answer to one of the requests that were handed over.
    void answer(const boost::json::value& id, const Outcome& outcome);
    /// An event. A client that has too much waiting is sent away.
    void publish(std::shared_ptr<const std::string> line);

    const Caller& caller() const { return caller_; }
    /// Wants events, and is not on its way out.
    bool follows(Audience audience) const {
        return follows_ && (audience == Audience::everybody || *follows_ == audience) &&
               state_ == State::open;
    }
    void follow(Audience audience) { follows_ = audience; }

private:
    enum class State : std::uint8_t { open, leaving, closed };
    void read();
    void take_lines();
    void take_line(std::string_view line);
    /// There is room for one more request.
    bool may_take() const;
    /// After anything that may have made room.
    void go_on();
    void on_read(boost::system::error_code error, std::size_t size);
    void on_written(boost::system::error_code error, std::size_t size);
    void enqueue(std::shared_ptr<const std::string> line);
    void write();
    void too_slow();
    void close(End end);

    Socket socket_;
    boost::asio::steady_timer farewell_;
    Caller caller_;
    const Settings settings_;
    Hooks hooks_;
    State state_{State::open};
    End reason_{End::left};
    std::optional<Audience> follows_;
    bool reading_{false};
    bool writing_{false};
    bool taking_{false};
    bool at_end_{false}; ///< the client has finished writing
    std::size_t pending_{0};
    std::string input_;
    std::array<char, 4096> buffer_{};
    std::deque<std::shared_ptr<const std::string>> output_;
    std::size_t output_size_{0};
};

} // namespace tandem::api
