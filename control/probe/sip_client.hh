// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Asks SIP servers one question each: a user agent client as small as a check needs it.
//
// Problem: a question passes through a name look-up, perhaps a connection, perhaps TLS, and a transaction
// that repeats what is lost; each of them may fail or never end. Idea: one object a question, one clock for
// all of them, and one end: an outcome. A link is shared by whoever asks from the same place (datagrams) or
// the same server (streams), and opened anew when it is gone. Deliberately absent: authentication, requests
// from outside, what an outcome means for a check.

#include "control/config/sip_target.hh"
#include "control/probe/sip_link.hh"
#include "control/resolve/resolver.hh"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tandem::probe {

struct SipOutcome {
    enum class Kind : std::uint8_t {
        response, ///< a final one
        silence,  ///< none within the time
        failure,  ///< the other side refused, or the network did
        trouble,  ///< the question did not leave
    };
    Kind kind{Kind::failure};
    std::uint16_t status{0};
    std::string detail; ///< a sentence without a full stop; nothing of it is text from the network
};

class SipClient {
public:
    /// `resolver` must outlive this object.
    SipClient(boost::asio::io_context& io, resolve::Resolver& resolver);
    ~SipClient();
    SipClient(const SipClient&) = delete;
    SipClient& operator=(const SipClient&) = delete;

    struct Question {
        std::shared_ptr<const config::SipTarget> target;
        SipOrigin origin;
        ha::Duration timeout{std::chrono::seconds{32}}; ///< timer F
    };
    using Done = std::function<void(const SipOutcome&)>;
    /// `done` is called once, on the loop, perhaps before this returns. The number is for forget().
    std::uint64_t ask(Question question, Done done);
    /// Nothing will be told of it.
    void forget(std::uint64_t number);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

/// What a URI says, for the look-up.
resolve::Wanted wanted_of(const config::SipUri& uri, const SipOrigin& origin);
/// `10.0.0.1:5060 over UDP`
std::string place_text(const resolve::Server& server);
/// So many random octets, in hexadecimal.
std::string random_text(std::size_t octets);

} // namespace tandem::probe
