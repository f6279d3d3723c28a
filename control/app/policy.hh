// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From the configuration to what each part is told. Pure.

#include "control/app/records.hh"
#include "control/config/config.hh"
#include "control/ha/node.hh"
#include "dataplane/contract/appliance.hh"
#include "dataplane/contract/policy.hh"
#include "dataplane/contract/records.hh"
#include "netlink/kernel.hh"

#include <variant>
#include <vector>

namespace tandem::app {

/// For the packet path.
contract::Policy packet_policy(const config::Config& config);
/// What the packet path keeps of what passes by.
contract::RecordSetup record_setup(const config::Config& config);

/// What a restarted brain knows of the life before.
enum class Resumption : std::uint8_t { fresh, was_active_alone };

/// For one group's role engine. `ending`: how the life before ended. Of `record` the role must be settled
/// (see settle_role).
ha::Policy role_policy(const config::Config& config, const config::Group& group, const GroupRecord& record,
                       Ending ending, Resumption resumption);

/// Both speak of the same two roles.
constexpr ha::ConfiguredRole to_ha(config::ConfiguredRole role) {
    return role == config::ConfiguredRole::primary ? ha::ConfiguredRole::primary
                                                   : ha::ConfiguredRole::secondary;
}
constexpr config::ConfiguredRole to_config(ha::ConfiguredRole role) {
    return role == ha::ConfiguredRole::primary ? config::ConfiguredRole::primary
                                               : config::ConfiguredRole::secondary;
}

/// For the kernel: in host mode, and on an appliance.
using KernelSetup = std::variant<netlink::ShadowSetup, netlink::TapSetup>;
KernelSetup kernel_setup(const config::Config& config);

/// Where the kernel holds the addresses of one group while it is active. `outside_index`, `inside_index`: of
/// the interfaces; there is no inside one in host mode.
std::vector<netlink::Placement> placements(const config::Config& config, const config::Group& group,
                                           int outside_index, int inside_index);

/// For the packet engine of an appliance: its ports and workers.
contract::Appliance appliance(const config::Config& config);

/// Addresses without their prefix lengths.
std::vector<wire::IpAddress> addresses_of(const std::vector<wire::Prefix>& prefixes);

/// Of the pair's id, for the heartbeat.
std::uint32_t pair_hash(const config::Config& config);

} // namespace tandem::app
