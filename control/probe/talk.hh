// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Questions that have a socket each: connections, datagrams, handshakes.
//
// Problem: one such question takes several steps, may never come to an end, and must leave no descriptor
// behind. Idea: a talk is one question; one prober for all methods of this kind gives each its time and ends
// it. Deliberately absent: what is said.

#include "control/probe/prober.hh"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tandem::probe {

class Talk {
public:
    /// What came of it: called at most once, never from within begin().
    using Done = std::function<void(Found found, std::string detail)>;

    Talk() = default;
    virtual ~Talk() = default;
    Talk(const Talk&) = delete;
    Talk& operator=(const Talk&) = delete;

    /// Once. A sentence when the question could not leave.
    virtual std::optional<std::string> begin(const config::CheckSettings& settings, Done done) = 0;
    /// Nothing is told any more, and the socket is closed.
    virtual void end() = 0;
};

/// A prober of which each question is a talk made by `make`.
std::unique_ptr<Prober> make_talk_prober(boost::asio::io_context& io, Prober::Told told,
                                         std::function<std::shared_ptr<Talk>()> make);

/// Opens the socket for a talk with this address and gives it the source and the interface of the check. A
/// sentence on failure.
std::optional<std::string> open_for(boost::asio::ip::tcp::socket& socket, const wire::IpAddress& to,
                                    const config::CheckSettings& settings);
std::optional<std::string> open_for(boost::asio::ip::udp::socket& socket, const wire::IpAddress& to,
                                    const config::CheckSettings& settings);
/// The address as the sockets want it; a link-local one belongs to the interface of the check.
boost::asio::ip::address address_for(const wire::IpAddress& address, const config::CheckSettings& settings);

} // namespace tandem::probe
