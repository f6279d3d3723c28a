// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What operators ask for, and the answers.
//
// A command goes to the node that can carry it out: a failover asked for on the standby is passed on to the
// active. The role engine answers by ticket, when the switchover is done or refused. One thread: the
// service's. Deliberately absent: who may ask (control/api), and how it is decided (control/ha).

#include "control/app/peer_line.hh"
#include "control/app/pulse_door.hh"
#include "control/config/config.hh"
#include "control/ha/node.hh"

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <string>

namespace tandem::app {

class OperatorDesk {
public:
    OperatorDesk(const config::Config& config, PulseDoor& pulse, PeerLine& peer)
        : config_(config)
        , pulse_(pulse)
        , peer_(peer) {}

    enum class Origin : std::uint8_t { here, peer };

    /// `failover`, `failback`, `enable`, `disable`; `view` is the group's present state on this node. Each
    /// request is answered once.
    void ask(const std::string& method, const boost::json::object& params, Origin origin,
             const std::function<const ha::View*(std::size_t group)>& view, Respond respond);

    /// The role engine answered.
    void on_answer(std::size_t group, const ha::Output& output);

    /// Answers those whom the role engine has not answered within `patience`: it hangs, or its word was lost.
    void expire(ha::Instant now);

    /// Every group gives up in order; `done` once all have answered.
    void leave(std::function<void()> done);

    /// The group that `params` names; the only one when it names none. A sentence otherwise.
    std::expected<std::size_t, std::string> find_group(const boost::json::object& params) const;

private:
    /// Longer than any switchover takes, shorter than tandemctl waits.
    static constexpr ha::Duration patience = std::chrono::seconds{30};
    void submit(std::size_t group, ha::Verb verb, ha::Force force, Respond respond);

    const config::Config& config_;
    PulseDoor& pulse_;
    PeerLine& peer_;
    struct Ticket {
        Respond respond;
        ha::Instant asked{};
        ha::Verb verb{};
    };
    std::map<std::uint32_t, Ticket> tickets_;
    std::uint32_t next_ticket_{1};
};

} // namespace tandem::app
