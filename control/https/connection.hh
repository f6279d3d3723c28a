// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One caller's connection: TLS, deadlines, and a conversation that it carries octets for.
//
// Every wait has a deadline that octets do not push ahead: the handshake, the head, the body, the next
// request, what is written. Deliberately absent: what requests mean (conversation.hh).

#include "control/https/brain_line.hh"
#include "control/https/conversation.hh"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace tandem::https {

/// How long each wait may last.
struct Patience {
    std::chrono::milliseconds handshake{5'000};
    std::chrono::milliseconds head{5'000};
    std::chrono::milliseconds body{10'000};
    std::chrono::milliseconds idle{30'000};
    std::chrono::milliseconds write{10'000};
    std::chrono::milliseconds farewell{1'000};
    std::chrono::milliseconds brain{35'000}; ///< longer than any switchover takes
};

class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Socket = boost::asio::ip::tcp::socket;
    using Context = std::shared_ptr<boost::asio::ssl::context>;
    struct Parts {
        Context context;
        Gate& gate;
        BrainLine& brain;
        const Patience& patience;
        std::function<void(Connection&)> ended; ///< called once, at the end
    };

    Connection(Socket socket, const wire::IpAddress& address, Parts parts);
    void start();
    /// Ends at once; `ended` is not called.
    void stop();

    const wire::IpAddress& address() const { return address_; }
    /// The brain was asked something on it: whoever is there is somebody.
    bool trusted() const { return trusted_; }

private:
    void on_handshake(const boost::system::error_code& error);
    void run(Conversation::Step step);
    void go_on(Conversation::Wants wants, std::optional<Call> call);
    void read();
    void on_deadline();
    void set_deadline(std::chrono::milliseconds patience);
    void say_goodbye();
    void drain();
    void close();

    Context context_; ///< the stream's: it may be replaced meanwhile
    boost::asio::ssl::stream<Socket> stream_;
    boost::asio::steady_timer timer_;
    wire::IpAddress address_;
    Parts parts_;
    std::optional<Conversation> conversation_;
    enum class State : std::uint8_t { handshake, reading, writing, asking, leaving, closed };
    State state_{State::handshake};
    Conversation::Wants waited_{Conversation::Wants::end};
    std::uint64_t wait_{0}; ///< number of the present deadline, and of the present read
    std::string output_;
    std::array<char, 16 * 1024> buffer_{};
    std::size_t drained_{0};
    bool trusted_{false};
};

/// Now, as the gate counts time.
ha::Instant now();

} // namespace tandem::https
