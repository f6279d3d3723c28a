// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Notifications, sent by net-snmp on a thread of its own.
//
// Problem: a receiver that never acknowledges, a disk that does not answer, a library that is not
// thread-safe: none of it may hold up the loop, nor a notification to somebody else. Idea: the loop hands an
// order over and goes on; one ordinary thread has them all under way at once, each with a socket and a
// deadline of its own, and the outcome comes back to the loop as a call. Deliberately absent: keeping what
// was not delivered; whoever must not miss one uses informs and looks at the outcome.

#include "control/config/snmp_settings.hh"
#include "control/snmp/notification.hh"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

namespace tandem::snmp {

/// What the engine is made of; see engine.hh.
struct Identity {
    std::string engine_id;
    std::string boots_file;
};

struct Order {
    config::SnmpReceiver receiver;
    Notification notification;
    std::chrono::milliseconds timeout{10'000};
};

/// Never 0.
using OrderId = std::uint64_t;

/// One loop's; every function is called on it.
class Sender {
public:
    /// So many are under way or wait; one more fails at once.
    static constexpr std::size_t orders_max = 256;
    /// `good`: sent, or acknowledged; `detail` is a sentence without a full stop.
    using OnEnd = std::function<void(bool good, std::string detail)>;

    /// A sentence when the system gives no thread.
    static std::expected<std::unique_ptr<Sender>, std::string> start(boost::asio::io_context& io,
                                                                     Identity identity);
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;
    /// Drops what is under way; no function is called any more.
    ~Sender();

    /// The function is called once on the loop, never from within this call, unless it is cancelled.
    OrderId send(Order order, OnEnd on_end);
    /// Its function will not be called. What was sent stays sent.
    void cancel(OrderId id);

private:
    struct State;
    explicit Sender(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

} // namespace tandem::snmp
