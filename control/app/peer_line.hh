// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The conversation with the other node over the TLS streams of all HA paths.
//
// Each path has its own stream and so its own datagram keys. Messages go over the first path that has a
// session. Both sides send their status now and then, and either may ask the other for something and gets one
// reply. One thread: the service's. Deliberately absent: what a request does.

#include "control/app/pulse_door.hh"
#include "control/config/config.hh"
#include "control/link/stream.hh"
#include "dataplane/contract/page.hh"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::app {

/// The end of a request: a result, or why not.
struct Outcome {
    boost::json::object result;
    int code{0}; ///< 0: success
    std::string message;

    static Outcome success(boost::json::object result) { return {std::move(result), 0, {}}; }
    static Outcome refused(std::string message) { return {{}, 1, std::move(message)}; }
};
using Respond = std::function<void(Outcome)>;

class PeerLine {
public:
    struct Handlers {
        std::function<void(std::size_t path)> established;
        std::function<void(std::size_t path, link::StreamEnd, const std::string& detail)> ended;
        std::function<void(boost::json::object status)> status;
        std::function<void(const std::string& method, const boost::json::object& params, Respond)> request;
    };

    PeerLine(boost::asio::io_context& io, const config::Config& config, const std::string& pair_key,
             contract::Page& page, PulseDoor& pulse, Handlers handlers);

    bool connected() const;
    bool connected(std::size_t path) const { return streams_[path]->established(); }
    const link::StreamCounters& counters(std::size_t path) const { return streams_[path]->counters(); }

    void send_status(const boost::json::object& status);
    /// Asks the peer; `respond` is called once, at the latest after `patience`.
    void ask(const std::string& method, boost::json::object params, Respond respond);
    void goodbye();

private:
    static constexpr auto patience = std::chrono::seconds{5};
    static constexpr std::size_t asked_max = 64;

    void on_established(std::size_t path, const link::Association& association);
    void on_message(const std::string& text);
    void on_request(const boost::json::object& message);
    void on_reply(const boost::json::object& message);
    bool send(const boost::json::object& message);

    boost::asio::io_context& io_;
    contract::Page& page_;
    PulseDoor& pulse_;
    Handlers handlers_;
    std::vector<std::unique_ptr<link::Stream>> streams_;
    std::vector<contract::MirrorLink> mirror_links_;
    struct Asked {
        Respond respond;
        std::unique_ptr<boost::asio::steady_timer> timer;
    };
    std::map<std::uint64_t, Asked> asked_;
    std::uint64_t next_id_{1};
};

} // namespace tandem::app
