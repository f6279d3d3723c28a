// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One TLS session over one TCP connection, from the handshake to its end.
//
// Problem: a session can end in many ways, and the peer concludes from the way whether our process is dead.
// Idea: a ladder of states (handshake, hello, established, parting, closed), each with a deadline. A process
// that dies says nothing: its kernel closes the connection. A process that lives and gives a session up says
// so. Deliberately absent: who connects, when to try again, and which of two sessions counts (stream.cc).

#include "control/link/framing.hh"
#include "control/link/hello.hh"
#include "control/link/stream.hh"
#include "control/link/tls.hh"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace tandem::link {

class Session;

/// Why a session ended.
enum class Ending : std::uint8_t {
    process_gone,
    goodbye,
    failed,
    bad_message, ///< over-long or unknown; otherwise as `failed`
};

/// Who is told what happens to a session. Each call may destroy the receiver of others, but not the Session.
class SessionOwner {
public:
    virtual void on_established(Session& session, const Association& association) = 0;
    virtual void on_message(Session& session, std::string message) = 0;
    /// The last call.
    virtual void on_ended(Session& session, Ending ending, const std::string& detail) = 0;

protected:
    ~SessionOwner() = default;
};

class Session : public std::enable_shared_from_this<Session> {
public:
    using Socket = boost::asio::ip::tcp::socket;
    static constexpr std::size_t waiting_max = std::size_t{4} << 20;

    /// `tls` and `owner` must outlive the session or its disown().
    Session(Socket socket, std::shared_ptr<Tls> tls, Hello own, SessionOwner& owner);
    void start();
    bool send(const std::string& message);
    /// Sends a goodbye after what is queued, then closes; the owner hears of the end.
    void goodbye();
    /// Tells the peer, if it can be told, that this session is given up by a live process, and closes. The
    /// owner hears nothing more.
    void abandon();
    /// Closes at once, without a word. The owner hears nothing more.
    void drop();
    bool established() const { return state_ == State::established; }

private:
    using Clock = std::chrono::steady_clock;
    using Error = boost::system::error_code;
    enum class State : std::uint8_t { handshake, hello, established, parting, closed };

    void on_handshake(const Error& error);
    void read_header();
    void on_header(const Error& error);
    void read_body(std::size_t length);
    void on_body(const Error& error, std::string body);
    void on_hello(const std::string& text);
    void enqueue(std::string frame);
    void write_next();
    void on_written(const Error& error);
    void watch();
    void on_watch();
    void part(std::uint32_t last_word, std::chrono::milliseconds linger);
    void on_read_error(const Error& error);
    void give_up(Ending ending, const std::string& detail);
    void finish(Ending ending, const std::string& detail);
    void close();

    std::shared_ptr<Tls> tls_;
    boost::asio::ssl::stream<Socket> stream_;
    Hello own_;
    SessionOwner* owner_;
    State state_{State::handshake};
    boost::asio::steady_timer deadline_; ///< of the handshake and hello; later of the parting
    boost::asio::steady_timer watch_;    ///< keepalives and silence
    Clock::time_point watch_due_{};
    Clock::time_point heard_{};
    unsigned watches_{0};
    FrameHeader header_{};
    std::deque<std::string> queue_; ///< the first is being written
    std::size_t waiting_{0};        ///< octets in the queue
    Error write_error_;             ///< what a write met first; the reading side tells the end
};

} // namespace tandem::link
