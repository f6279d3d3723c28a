// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Notifications as actions want them: to some receivers of `[snmp]`, with one outcome.
//
// Everything on the service's loop; the thread that sends begins with the first notification. Deliberately
// absent: when there is something to notify of.

#include "control/act/template.hh"
#include "control/config/config.hh"
#include "control/snmp/sender.hh"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tandem::app {

class TrapDesk {
public:
    using Done = std::function<void(bool good, std::string detail)>;

    TrapDesk(boost::asio::io_context& io, const config::Config& config);

    /// What is under way goes on as it was begun.
    void reconfigure(const std::optional<config::SnmpSettings>& settings) { settings_ = settings; }

    /// `done` is called once on the loop, never from within this call, unless the function that comes back is
    /// called before.
    std::function<void()> send(const config::TrapAction& action, const act::Variables& variables,
                               std::chrono::milliseconds timeout, Done done);

private:
    boost::asio::io_context& io_;
    std::optional<config::SnmpSettings> settings_;
    snmp::Identity identity_;
    std::unique_ptr<snmp::Sender> sender_;
};

/// What would be sent, to whom, in words.
std::string describe_trap(const config::TrapAction& action, const config::Config& config,
                          const act::Variables& variables);

} // namespace tandem::app
