// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How the values of one file relate to each other, and what both nodes must agree on.

#include "control/config/schema.hh"

namespace tandem::config {

/// Duplicates, conflicts, and the inequality that the role lease rests on.
void check(const Draft& draft, Complaints& complaints);

/// The part of `check` that concerns monitors and failback.
void check_watch(const Draft& draft, Complaints& complaints);

/// The part of `check` that concerns the kind of engine: its ports, forwarding, servers.
void check_appliance(const Draft& draft, Complaints& complaints);

/// What only the machine can answer about an appliance: are its TAPs and cores there, are the servers on the
/// inside network.
void check_appliance_against_host(const Config& config, const Places& places,
                                  const std::vector<HostInterface>& interfaces, std::size_t cores,
                                  Complaints& complaints);

/// How to make an interface that is missing, where it is a TAP of the engine; empty where it is not.
std::string how_to_make(const Config& config, const std::string& interface);

/// FNV-1a, 64 bit, of a canonical text of what both nodes must agree on; never 0. The order of groups, VIPs
/// and ports in the file does not matter.
std::uint64_t digest_of(const Config& config);

} // namespace tandem::config
