// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What is decided about a request: whether it may be, what it asks of the brain, and what its answer is.
//
// Idea: everything that can be refused is refused by the head of the request, before its body is read: the
// address, the rate, the caller, the path, the scope. So a stranger's body costs nothing. One gate serves all
// connections; new settings hold from the next request on. Time is an argument. Deliberately absent: octets
// of HTTP (conversation.hh), sockets.

#include "control/api/message.hh"
#include "control/https/address_filter.hh"
#include "control/https/answer.hh"
#include "control/https/callers.hh"
#include "control/https/rate.hh"
#include "control/https/refusals.hh"
#include "control/https/routes.hh"

#include <boost/json/object.hpp>

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::https {

/// What the connection knows of whoever is at its other end.
struct Peer {
    wire::IpAddress address;
    std::optional<std::vector<std::string>> certificate; ///< the names of the verified one
    std::uint64_t authorities{0};                        ///< the generation that verified it
};

/// The head of a well-formed request.
struct Head {
    std::string verb;
    std::string target;
    std::optional<std::string> authorization;
    std::optional<std::string> content_type;
    enum class Body : std::uint8_t { none, follows };
    Body body{Body::none};
};

/// A request that may be, as far as its head says.
struct Admission {
    const Route* route{nullptr};
    Identity caller;
    boost::json::object params; ///< of the path and the query
};

/// What is asked of the brain.
struct Call {
    std::string method;
    boost::json::object params;
    std::string caller;
};

/// Why the brain has not answered.
enum class Away : std::uint8_t {
    unreachable,
    silent,
    busy,
    lost, ///< it went away with the request
};
using Outcome = std::expected<api::Outcome, Away>;

class Gate {
public:
    using Settings = std::shared_ptr<const config::Api>;
    /// A sentence when the settings cannot be taken.
    static std::expected<std::unique_ptr<Gate>, std::string> make(Settings settings, Refusals::Tell tell);
    /// The old settings stay when the new ones cannot be taken. `new_authorities`: certificates that were
    /// verified before say nothing any more.
    enum class Authorities : std::uint8_t { same, other };
    std::expected<void, std::string> reconfigure(Settings settings, Authorities authorities);

    const config::Api& settings() const { return *settings_; }
    std::uint64_t authorities() const { return authorities_; }

    /// Whether a connection from there is taken, before anything is read from it.
    bool admits(const wire::IpAddress& address, ha::Instant now);
    std::expected<Admission, Answer> admit(const Head& head, const Peer& peer, ha::Instant now);
    /// `body` is what came behind the head.
    std::expected<Call, Answer> ask(const Admission& admission, std::string_view body, const Peer& peer,
                                    ha::Instant now);
    /// Of a route of our own.
    Answer own(const Route& route) const;
    Answer answer(Outcome outcome, const Peer& peer, ha::Instant now);

    /// Counts one, and tells it once in a while.
    void refused(const wire::IpAddress& address, Refusal refusal, ha::Instant now);

private:
    Gate(Settings settings, AddressFilter filter, Refusals::Tell tell);
    std::expected<Identity, Answer> caller(const Head& head, const Peer& peer, ha::Instant now);
    Answer refuse(const Peer& peer, Refusal refusal, ha::Instant now, unsigned status,
                  std::string_view detail);

    Settings settings_;
    AddressFilter filter_;
    RateLimiter requests_;
    RateLimiter connections_;
    Refusals refusals_;
    std::uint64_t answered_{0};
    std::uint64_t authorities_{0};
};

} // namespace tandem::https
