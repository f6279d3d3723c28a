// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From what the brain's parts know to the status that people and programs see. Reads, decides nothing.

#include "control/app/engine_watch.hh"
#include "control/app/peer_line.hh"
#include "control/app/pulse.hh"
#include "control/config/config.hh"
#include "control/status/status.hh"
#include "dataplane/contract/page.hh"
#include "netlink/kernel.hh"

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
    const std::vector<int>& interface_indices;         ///< of each group
    const std::vector<std::string>& warnings;
    std::uint32_t incarnation{0};
    std::string peer_name; ///< empty: not known
    ha::Instant started{};
    ha::Instant now{};
};

status::NodeStatus report_status(const StatusSources& sources);

} // namespace tandem::app
