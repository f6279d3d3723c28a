// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The control stream of one HA path: TLS 1.3 with an external pre-shared key over TCP.
//
// The node with the higher id connects, the other listens. A session gives both sides datagram keys (RFC 8446
// section 7.5 exporters) and carries messages: a 32-bit length and that many octets of JSON. Its end tells
// how the peer ended: a reset or an orderly close while the host still answers means that the process is
// gone. A live process that gives up a session says so first, so that its end is not taken for a death.
// Deliberately absent: what the messages say, roles, certificates, tickets and early data.

#include "dataplane/contract/policy.hh"
#include "dataplane/wire/address.hh"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tandem::link {

/// What both sides derive from one TLS session.
struct Association {
    std::uint32_t id{0}; ///< never 0
    contract::DatagramKey heartbeat_transmit;
    contract::DatagramKey heartbeat_receive;
    contract::DatagramKey mirror_transmit;
    contract::DatagramKey mirror_receive;
};

enum class StreamEnd : std::uint8_t {
    process_gone, ///< reset or end of file without a goodbye: the peer's process died, its host lives
    goodbye,      ///< the peer said that it stops, or this node did and its goodbye has left
    replaced,     ///< a newer session took its place
    failed, ///< time-out, network error, or given up by a live peer: the process is not known to be dead
};

struct StreamSettings {
    wire::IpAddress local;
    wire::IpAddress peer;
    std::uint16_t port{0};
    std::string pair_id;
    std::uint8_t node_id{0}; ///< 1 listens, any higher connects
    std::string pair_key;    ///< 32 octets
};

/// Why connections on the stream port were refused. Any thread may read the numbers.
struct StreamCounters {
    std::atomic<std::uint64_t> refused_address{0};   ///< from an address that is not the peer's
    std::atomic<std::uint64_t> refused_handshake{0}; ///< not TLS 1.3, wrong key, wrong pair, time-out
    std::atomic<std::uint64_t> refused_message{0};   ///< over-long or unknown message; the session is ended
    std::atomic<std::uint64_t> sessions{0};          ///< established so far
};

class Stream {
public:
    struct Handlers {
        std::function<void(const Association&)> established;
        std::function<void(StreamEnd, const std::string& detail)> ended;
        std::function<void(std::string message)> message; ///< one JSON text, at most message_max octets
        /// Optional: why a session did not come about (wrong key, other pair, same node id ...), for the log.
        /// At most once a second, and the same reason at most once a minute.
        std::function<void(const std::string& reason)> refused{};
    };
    static constexpr std::size_t message_max = 1 << 20;

    /// Begins to listen or to connect, and keeps trying (every 100 ms at the most) until destroyed.
    /// Everything happens on `io`'s one thread; no handler is called before start() returns nor after the
    /// destructor. A handler may destroy the Stream. Destroying it without a goodbye looks to the peer like
    /// the death of the process.
    static std::unique_ptr<Stream> start(boost::asio::io_context& io, StreamSettings settings,
                                         Handlers handlers);
    virtual ~Stream() = default;
    /// Queues one message; dropped (false) when there is no session, when more than 4 MiB wait, or when it is
    /// empty or longer than message_max.
    virtual bool send(std::string message) = 0;
    /// Sends a goodbye after all that is queued; `ended` tells when it has left (half a second at the most).
    /// From here on no new session is made.
    virtual void goodbye() = 0;
    virtual bool established() const = 0;
    virtual const StreamCounters& counters() const = 0;
};

} // namespace tandem::link
