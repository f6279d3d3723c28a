// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From what the brain's parts know to the status that people and programs see. Reads, decides nothing.

#include "control/app/alarms.hh"
#include "control/app/engine_watch.hh"
#include "control/app/peer_line.hh"
#include "control/app/pulse.hh"
#include "control/config/config.hh"
#include "control/status/status.hh"
#include "dataplane/contract/page.hh"
#include "netlink/kernel.hh"

#include <ctime>
#include <optional>
#include <string>
#include <vector>

namespace tandem::app {

struct StatusSources {
    const config::Config& config;
    const PulseSnapshot& snapshot;
    const contract::Page& page;
    const PeerLine& peer_line;
    EngineState engine{};
    const std::vector<netlink::Interface>& interfaces; ///< of this machine, now
    const std::vector<std::string>& warnings;
    const std::vector<Alarm>& alarms;
    const std::vector<std::vector<watch::Line>>& lines; ///< of each group's monitors
    const std::vector<status::Checks>& checks;          ///< of each group
    std::time_t wall_clock{0};                          ///< for the failback window
    std::uint32_t incarnation{0};
    std::uint64_t events_lost{0}; ///< that the service was too slow to take from the pulse
    std::string peer_name;        ///< empty: not known
    ha::Instant started{};
    ha::Instant now{};
};

status::NodeStatus report_status(const StatusSources& sources);

} // namespace tandem::app
