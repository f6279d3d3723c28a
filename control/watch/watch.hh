// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The monitors of one group, as the service loop uses them.
//
// Problem: an address that went, a port without a carrier, a server that cannot bind, phones that fell
// silent: each is found in another way, but they all end as a few facts for the role engine and a line in the
// status. Idea: every monitor has a pure half that judges (facts and time in, verdict out; a header of its
// own in this folder) and an adapter that collects its facts. This class owns those of one group, runs them
// on the service's loop and folds them into what the role engine understands. Deliberately absent: roles,
// netlink changes, actions.

#include "control/config/config.hh"
#include "control/ha/input.hh"
#include "control/ha/time.hh"
#include "control/watch/state.hh"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tandem::watch {

/// What the service knows and the monitors ask for; called on the service's loop.
struct Facts {
    bool active{false};            ///< this node's role; read at start()
    bool carrier{true};            ///< of the outside interface
    std::uint64_t arrived{0};      ///< SIP messages that reached this node for the group's VIPs, ever
    std::vector<bool> vip_outside; ///< for each VIP: is it on the outside interface now
    bool peer_heard{true};         ///< the other node, over an HA path
    bool claimed{false};           ///< another station spoke for a VIP since the last call
};

struct Handlers {
    std::function<Facts()> facts;
    std::function<void(const ha::Input&)> input;   ///< Health, Service, Proof, Witness
    std::function<void(std::uint8_t lacks)> lacks; ///< lack_server or 0
    std::function<void(const Change&)> change;
    std::function<void()> repair; ///< the kernel's addresses are to be set as the role asks
};

class Group {
public:
    /// `io` and `config` outlive it. `outside_index`: interface index of the outside interface;
    /// `path_interfaces`: names of those that hold the HA paths' local addresses, for the monitor `nic`;
    /// `inside`: name of the interface behind which an appliance has its SIP server, empty in host mode.
    Group(boost::asio::io_context& io, const config::Group& config, int outside_index, Handlers handlers,
          std::vector<std::string> path_interfaces = {}, std::string inside = {});
    ~Group();
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    /// Looks at everything once before it returns, so handlers are called. The role is that of the facts.
    void start();
    /// No handler is called afterwards.
    void stop();
    /// The role changed: what was silent under another role is no sign in this one. Call it at every change:
    /// after start() the facts are not asked for the role.
    void on_role(bool active);
    /// The facts have changed: an address came or went, or the carrier. Asks for them at once instead of at
    /// the next round, so that what is repaired within milliseconds is seen as well.
    void look_now();
    std::vector<Line> lines() const;
    /// The period of the traffic monitor, max(oos_check + max(oos_force, 5)) over the endpoints; 0: none.
    std::chrono::seconds silence_period() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem::watch
