// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/policy.hh"

#include "dataplane/wire/ha_frame.hh"

#include <algorithm>
#include <array>

namespace tandem::app {
namespace {

template <std::size_t size = contract::interface_name_max>
std::array<char, size> fixed(const std::string& name) {
    std::array<char, size> out{};
    std::copy_n(name.begin(), std::min(name.size(), out.size() - 1), out.begin());
    return out;
}

ha::Failback failback(config::FailbackPolicy policy) {
    switch (policy) {
    case config::FailbackPolicy::manual:
        return ha::Failback::manual;
    case config::FailbackPolicy::automatic:
        return ha::Failback::automatic;
    case config::FailbackPolicy::window:
        return ha::Failback::window;
    }
    return ha::Failback::manual;
}

} // namespace

contract::Policy packet_policy(const config::Config& config) {
    contract::Policy policy;
    policy.queue = config.engine.queue;
    policy.mirror_port = config.pair.mirror_port;
    policy.shadow_interface = fixed(config.node.shadow_interface);
    for (const config::Path& path : config.paths)
        policy.paths[policy.path_count++] = {path.local, path.peer};
    for (const config::Group& group : config.groups) {
        contract::GroupPolicy& out = policy.groups[policy.group_count];
        out.pattern = group.request_pattern;
        out.mirroring =
            group.mirroring == config::Mirroring::on ? contract::Mirroring::on : contract::Mirroring::off;
        out.outside_interface = fixed(group.interface);
        for (const std::uint16_t port : group.sip_ports)
            out.sip_ports[out.sip_port_count++] = port;
        for (const wire::Prefix& vip : group.vips)
            policy.vips[policy.vip_count++] = {.address = vip.address, .group = policy.group_count};
        ++policy.group_count;
    }
    return policy;
}

contract::RecordSetup record_setup(const config::Config& config) {
    contract::RecordSetup setup;
    setup.registrations_max = config.engine.registrations_max;
    setup.dialogs_max = config.engine.dialogs_max;
    setup.flows_max = config.engine.flows_max;
    setup.capture =
        config.capture.enabled == config::Capturing::on ? contract::Keeping::on : contract::Keeping::off;
    setup.capture_seconds = static_cast<std::uint16_t>(config.capture.seconds.count());
    setup.capture_octets = config.capture.octets;
    for (std::size_t i = 0; i < std::min(config.groups.size(), setup.group_names.size()); ++i)
        setup.group_names[i] = fixed<contract::group_name_max>(config.groups[i].name);
    return setup;
}

ha::Policy role_policy(const config::Config& config, const config::Group& group, const GroupRecord& record,
                       Ending ending, Resumption resumption) {
    ha::Policy policy;
    policy.node_id = config.node.id;
    policy.configured = to_ha(record.role ? record.role->role : group.role);
    policy.role_serial = record.role ? record.role->serial : std::uint8_t{0};
    policy.priority = group.priority;
    policy.paths = config.paths.size();
    policy.interval = config.pair.interval;
    policy.multiplier = config.pair.multiplier;
    policy.known_epoch = known_epoch(record, ending);
    policy.initial = record.disabled ? ha::InitialState::disabled : ha::InitialState::enabled;
    policy.probe_wait = config::Config::probe_time;
    policy.probe_ahead = policy.probe_wait;
    policy.hysteresis = group.hysteresis;
    policy.damper_base = group.damper_base;
    policy.failback = failback(group.failback.policy);
    policy.failback_hold = group.failback.hold;
    // A brain that served alone until it died is missed by nobody who could take over: it need not listen
    // long.
    if (resumption == Resumption::was_active_alone)
        policy.lone_wait = std::chrono::milliseconds{150};
    return policy;
}

netlink::ShadowSetup shadow_setup(const config::Config& config) {
    netlink::ShadowSetup setup;
    setup.name = config.node.shadow_interface;
    setup.route_table = config.node.route_table;
    setup.rule_priority = config.node.rule_priority;
    for (const config::Group& group : config.groups) {
        for (const wire::Prefix& vip : group.vips)
            setup.vips.push_back(vip.address);
        if (std::find(setup.outside_interfaces.begin(), setup.outside_interfaces.end(), group.interface) ==
            setup.outside_interfaces.end())
            setup.outside_interfaces.push_back(group.interface);
    }
    return setup;
}

std::vector<wire::IpAddress> vip_addresses(const config::Group& group) {
    std::vector<wire::IpAddress> addresses;
    for (const wire::Prefix& vip : group.vips)
        addresses.push_back(vip.address);
    return addresses;
}

std::uint32_t pair_hash(const config::Config& config) {
    return wire::name_hash(config.pair.id.data(), config.pair.id.size());
}

} // namespace tandem::app
