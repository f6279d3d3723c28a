// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From the configuration to what each part is told. Pure.

#include "control/config/config.hh"
#include "control/ha/node.hh"
#include "dataplane/contract/policy.hh"
#include "netlink/kernel.hh"

#include <vector>

namespace tandem::app {

/// For the packet path.
contract::Policy packet_policy(const config::Config& config);

/// What a restarted brain knows of the life before.
enum class Resumption : std::uint8_t { fresh, was_active_alone };

/// For one group's role engine.
ha::Policy role_policy(const config::Config& config, const config::Group& group, std::uint64_t known_epoch,
                       ha::InitialState initial, Resumption resumption);

/// For the kernel.
netlink::ShadowSetup shadow_setup(const config::Config& config);

/// The VIPs of one group without their prefix lengths.
std::vector<wire::IpAddress> vip_addresses(const config::Group& group);

/// Of the pair's id, for the heartbeat.
std::uint32_t pair_hash(const config::Config& config);

} // namespace tandem::app
