// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How SIP messages leave and arrive.
//
// Problem: one check asks by datagrams, the next over a stream, a third over TLS; whoever asks wants to write
// a request and hear of answers. Idea: a link is a place to send from. Over UDP it serves many servers, over
// a stream one. Nothing blocks. Deliberately absent: transactions, and what a message means.

#include "control/config/sip_target.hh"
#include "control/probe/sip_transaction.hh"
#include "control/resolve/locate.hh"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tandem::probe {

/// From where is asked.
struct SipOrigin {
    wire::IpAddress source; ///< of none: the kernel chooses
    std::string interface;  ///< empty: the kernel chooses
    auto operator<=>(const SipOrigin&) const = default;
};

/// `10.0.0.1:5060`, `[2001:db8::1]:5060`
std::string endpoint_text(const wire::IpAddress& address, std::uint16_t port);
std::string endpoint_text(const resolve::Server& server);

class SipLink {
public:
    /// What is told on the loop. A function may end the link.
    struct Ears {
        std::function<void()> opened;                        ///< a stream: it can be used now
        std::function<void(std::string_view message)> heard; ///< one message or datagram
        /// A stream ended, or never began: a sentence. Nothing follows.
        std::function<void(const std::string& why)> broken;
        /// Over UDP: the network says that nobody is there for a datagram of which this is the beginning.
        std::function<void(std::string_view part)> refused;
    };
    virtual ~SipLink() = default;
    virtual SipReliability reliability() const = 0;
    /// Whether a request can be sent now.
    virtual bool is_open() const = 0;
    /// Our own side as seen by that server, for Via and Contact; empty: there is no way to it.
    virtual std::string local_for(const resolve::Server& server) = 0;
    /// Empty, or a sentence: it was not sent.
    virtual std::string send(const resolve::Server& server, std::string_view message) = 0;
};

/// Serves all servers of a family. A sentence on failure.
std::expected<std::unique_ptr<SipLink>, std::string>
open_datagrams(boost::asio::io_context& io, wire::Family family, const SipOrigin& origin, SipLink::Ears ears);

/// What TLS needs of one setting; it is read from disk once.
class SipTlsContext;
/// A sentence on failure.
std::expected<std::shared_ptr<SipTlsContext>, std::string> make_tls_context(const config::SipTls& tls);

/// A stream to one server. `tls`: none over TCP. `domain`: who the certificate must be for.
std::unique_ptr<SipLink> open_stream(boost::asio::io_context& io, const resolve::Server& server,
                                     const SipOrigin& origin, std::shared_ptr<SipTlsContext> tls,
                                     const std::string& domain, SipLink::Ears ears);

} // namespace tandem::probe
