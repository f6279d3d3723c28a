// SPDX-License-Identifier: GPL-3.0-or-later

#include "tests/unit/link/world.hh"

#include "control/link/framing.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>

namespace tandem::test {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

std::uint16_t free_port() {
    asio::io_context io;
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::make_address(listener_address), 0));
    return acceptor.local_endpoint().port();
}

link::StreamSettings settings_of(std::uint8_t node_id, std::uint16_t port) {
    const auto own = *wire::IpAddress::parse(node_id == 1 ? listener_address : connector_address);
    const auto peer = *wire::IpAddress::parse(node_id == 1 ? connector_address : listener_address);
    return {.local = own,
            .peer = peer,
            .port = port,
            .pair_id = "sip-a",
            .node_id = node_id,
            .pair_key = pair_key};
}

bool run_until(asio::io_context& io, const std::function<bool()>& condition,
               std::chrono::milliseconds deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        if (io.stopped())
            io.restart();
        io.run_one_for(std::chrono::milliseconds(5));
    }
    return true;
}

Node::Node(asio::io_context& loop, const link::StreamSettings& settings)
    : io(loop) {
    stream = link::Stream::start(
        io, settings,
        {.established = [this](const link::Association& association) { associations.push_back(association); },
         .ended =
             [this](link::StreamEnd end, const std::string& detail) {
                 ends.push_back(end);
                 details.push_back(detail);
             },
         .message = [this](std::string text) { messages.push_back(std::move(text)); },
         .refused = [this](const std::string& reason) { reasons.push_back(reason); }});
}

RawPeer::RawPeer(asio::io_context& io, std::uint16_t port, const std::string& key, const std::string& pair_id,
                 const char* from)
    : io_(io)
    , tls_(link::Side::connector, pair_id, key)
    , stream_(io, tls_.context()) {
    stream_.next_layer().open(tcp::v4());
    stream_.next_layer().bind({asio::ip::make_address(from), 0});
    stream_.next_layer().connect({asio::ip::make_address(listener_address), port});
}

bool RawPeer::handshake() {
    std::optional<Error> result;
    stream_.async_handshake(asio::ssl::stream_base::client, [&](const Error& error) { result = error; });
    BOOST_REQUIRE(run_until(io_, [&] { return result.has_value(); }));
    return !*result;
}

void RawPeer::say(const std::string& octets) {
    std::optional<Error> result;
    asio::async_write(stream_, asio::buffer(octets),
                      [&](const Error& error, std::size_t) { result = error; });
    BOOST_REQUIRE(run_until(io_, [&] { return result.has_value(); }));
}

void RawPeer::say_message(const std::string& text) {
    const auto header = link::frame_header(static_cast<std::uint32_t>(text.size()));
    say(std::string(header.begin(), header.end()) + text);
}

std::string RawPeer::hear() {
    std::array<char, 4096> buffer;
    std::string heard;
    std::optional<Error> result;
    stream_.async_read_some(asio::buffer(buffer), [&](const Error& error, std::size_t n) {
        result = error;
        heard.assign(buffer.data(), n);
    });
    if (!run_until(io_, [&] { return result.has_value(); })) {
        Error ignored;
        stream_.next_layer().close(ignored); // the read must not outlive its buffer
        run_until(io_, [&] { return result.has_value(); });
        return {};
    }
    closed_ = static_cast<bool>(*result);
    return heard;
}

std::string RawPeer::hear_until_closed() {
    std::string heard;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!closed_ && std::chrono::steady_clock::now() < end)
        heard += hear();
    return heard;
}

} // namespace tandem::test
