// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The one management door of tandemd: a Unix socket that speaks the messages of message.hh.
//
// Problem: whoever may connect can ask; whoever may act can move a VIP. A client that floods, stalls or never
// reads must cost nothing but itself. Idea: the kernel says who the caller is (SO_PEERCRED). root and the
// daemon's own user may act, everybody else whom the socket's group lets in may read. Everything has a bound:
// the length of a request, the requests of one client at a time, the octets waiting for it, the number of
// clients. One more user may be a gateway: a program that asks for others whom it has authenticated, and
// names each of them. It has every method that is exposed to it, and no other. Deliberately absent: what the
// methods do. `events.follow` alone is the server's own. Thread: all of it, replies and publish() included,
// belongs to the thread that runs the io_context.

#include "control/api/message.hh"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace tandem::api {

enum class Access : std::uint8_t { read, act };

/// Who of those that follow gets an event: all, or those who asked for both nodes' (`"node": "all"`).
enum class Audience : std::uint8_t { everybody, both_nodes };

/// Who asks, as the kernel says.
struct Caller {
    std::uint32_t uid{0};
    std::int32_t pid{0};
    Access access{Access::read};
    std::string name; ///< of whom a gateway asks for; empty: the user of that number
};

/// For people: "user 0", "api client NAME".
std::string to_string(const Caller& caller);

/// Answers one request, now or later, from any copy; only the first call counts. When the last copy goes
/// without a call, the client gets an internal error. A client that has left is no error.
class Reply {
public:
    using Deliver = std::function<void(Outcome)>;
    explicit Reply(Deliver deliver);
    void operator()(Outcome outcome) const;

private:
    struct Once;
    std::shared_ptr<Once> once_;
};

using Handler = std::function<void(const boost::json::object& params, const Caller& caller, Reply reply)>;

/// Whether a gateway may ask for it on behalf of others.
enum class Exposure : std::uint8_t { local, remote };

struct Method {
    Access access{Access::act}; ///< what the caller must be allowed
    Handler handler;
    Exposure exposure{Exposure::local};
};
using Methods = std::map<std::string, Method, std::less<>>;

struct Settings {
    std::string socket_path;                  ///< `<run_dir>/tandemd.sock`; the folder must be there
    std::optional<std::uint32_t> group;       ///< group of the socket; otherwise the daemon's own
    std::optional<std::uint32_t> gateway;     ///< the user that asks for others
    std::size_t clients_max{32};              ///< of which a few places are kept for callers who may act
    std::size_t requests_max{16};             ///< of one client, not yet answered; then it is not read from
    std::size_t output_max{1024 * 1024};      ///< octets waiting for one client
    std::chrono::milliseconds farewell{1000}; ///< how long a client that is sent away may take to read why
};

struct Counts {
    std::size_t clients{0};
    std::size_t followers{0};
    std::uint64_t refused_clients{0};  ///< too many at a time
    std::uint64_t refused_requests{0}; ///< malformed, unknown or not permitted
    std::uint64_t dropped_slow{0};     ///< did not read
};

class Server {
public:
    /// Opens the socket, mode 0660. A socket file that a dead daemon left is replaced; a live daemon is an
    /// error.
    static std::expected<std::unique_ptr<Server>, std::string> start(boost::asio::io_context& io,
                                                                     Settings settings, Methods methods);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    /// Closes every connection and removes the socket file. Replies that come later have no effect.
    ~Server();

    /// Sends an event to followers.
    void publish(const boost::json::value& event, Audience audience = Audience::everybody);
    Counts counts() const;

private:
    class Impl;
    explicit Server(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

} // namespace tandem::api
