// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Two nodes on the loopback interface, and a peer that says what it likes.

#include "control/link/stream.hh"
#include "control/link/tls.hh"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tandem::test {

inline const std::string pair_key(32, 'k');
inline const std::string other_key(32, 'x');
constexpr const char* listener_address = "127.0.0.2";
constexpr const char* connector_address = "127.0.0.3";

/// A TCP port that is free on the listener's address.
std::uint16_t free_port();

link::StreamSettings settings_of(std::uint8_t node_id, std::uint16_t port);

/// Runs the loop until the condition holds; false if it does not within the deadline.
bool run_until(boost::asio::io_context& io, const std::function<bool()>& condition,
               std::chrono::milliseconds deadline = std::chrono::seconds(5));

/// A stream and all that it told.
struct Node {
    boost::asio::io_context& io;
    std::vector<link::Association> associations;
    std::vector<link::StreamEnd> ends;
    std::vector<std::string> details;
    std::vector<std::string> messages;
    std::vector<std::string> reasons;
    std::unique_ptr<link::Stream> stream;

    Node(boost::asio::io_context& loop, const link::StreamSettings& settings);
    bool up() const { return stream->established(); }
};

/// A connector made by hand: it proves the key and may then say anything.
class RawPeer {
public:
    RawPeer(boost::asio::io_context& io, std::uint16_t port, const std::string& key = pair_key,
            const std::string& pair_id = "sip-a", const char* from = connector_address);
    /// Did the handshake succeed?
    bool handshake();
    void say(const std::string& octets);
    void say_message(const std::string& text);
    /// What comes next, at least one octet.
    std::string hear();
    /// Everything heard until the other side closed (or the deadline passed).
    std::string hear_until_closed();
    bool closed() const { return closed_; }
    boost::asio::ip::tcp::socket& socket() { return stream_.next_layer(); }

private:
    boost::asio::io_context& io_;
    link::Tls tls_;
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream_;
    bool closed_{false};
};

} // namespace tandem::test
