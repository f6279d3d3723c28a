// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/policy.hh"

#include "dataplane/wire/ha_frame.hh"

#include <algorithm>
#include <array>

namespace tandem::app {
namespace {

template <std::size_t size>
void write_text(const std::string& text, std::array<char, size>& out) {
    out.fill('\0');
    std::copy_n(text.begin(), std::min(text.size(), size - 1), out.begin());
}

contract::PortSetup port_setup(const config::EnginePort& port) {
    contract::PortSetup out;
    write_text(port.device, out.device);
    write_text(port.kernel_interface, out.kernel_interface);
    for (const std::uint16_t tag : port.vlan)
        out.tags[out.tag_count++] = tag;
    out.mtu = port.mtu;
    return out;
}

netlink::TapSetup tap_setup(const config::Config& config) {
    netlink::TapSetup setup{
        {{config.engine.outside.kernel_interface, {}}, {config.engine.inside.kernel_interface, {}}}};
    for (const config::Group& group : config.groups) {
        for (const wire::Prefix& vip : group.vips)
            setup.interfaces[0].vips.push_back(vip.address);
        for (const wire::Prefix& vip : group.inside_vips)
            setup.interfaces[1].vips.push_back(vip.address);
    }
    return setup;
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
    if (!config.engine.is_appliance())
        write_text(config.node.shadow_interface, policy.shadow_interface);
    for (const config::Path& path : config.paths)
        policy.paths[policy.path_count++] = {path.local, path.peer};
    for (const config::Group& group : config.groups) {
        contract::GroupPolicy& out = policy.groups[policy.group_count];
        out.pattern = group.request_pattern;
        out.mirroring =
            group.mirroring == config::Mirroring::on ? contract::Mirroring::on : contract::Mirroring::off;
        out.forwarding = group.forwarding;
        write_text(group.interface, out.outside_interface);
        for (const std::uint16_t port : group.sip_ports)
            out.sip_ports[out.sip_port_count++] = port;
        for (std::size_t i = 0; i < group.vips.size(); ++i)
            policy.vips[policy.vip_count++] = {.address = group.vips[i].address,
                                               .server = config::server_of(group, i),
                                               .group = policy.group_count,
                                               .unused = {}};
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
        write_text(config.groups[i].name, setup.group_names[i]);
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

KernelSetup kernel_setup(const config::Config& config) {
    if (config.engine.is_appliance())
        return tap_setup(config);
    return shadow_setup(config);
}

std::vector<netlink::Placement> placements(const config::Config& config, const config::Group& group,
                                           int outside_index, int inside_index) {
    std::optional<netlink::EgressRule> egress;
    if (!config.engine.is_appliance())
        egress = {config.node.route_table, config.node.rule_priority};
    std::vector<netlink::Placement> out;
    for (const wire::Prefix& vip : group.vips)
        out.push_back({vip, outside_index, egress});
    for (const wire::Prefix& vip : group.inside_vips)
        out.push_back({vip, inside_index, egress});
    return out;
}

contract::Appliance appliance(const config::Config& config) {
    const config::Engine& engine = config.engine;
    contract::Appliance out;
    out.backend = engine.backend;
    if (!engine.is_appliance())
        return out;
    out.idle = engine.idle;
    out.hugepages = engine.hugepages;
    out.sleep_max_us = engine.sleep_max_us;
    out.memory_mb = engine.memory_mb;
    out.mbufs = engine.mbufs;
    out.workers = static_cast<std::uint8_t>(std::max<std::size_t>(1, engine.cores.size()));
    std::ranges::copy(engine.cores, out.cores.begin()); // the configuration knows how many there may be
    out.outside = port_setup(engine.outside);
    out.inside = port_setup(engine.inside);
    for (std::size_t i = 0; i < config.paths.size(); ++i)
        for (const config::EngineHaPort& ha : engine.ha)
            if (ha.path == config.paths[i].name) {
                out.ha[i] = port_setup(ha.port);
                out.ha[i].mirror = ha.mirror;
            }
    return out;
}

std::vector<wire::IpAddress> addresses_of(const std::vector<wire::Prefix>& prefixes) {
    std::vector<wire::IpAddress> addresses;
    for (const wire::Prefix& prefix : prefixes)
        addresses.push_back(prefix.address);
    return addresses;
}

std::uint32_t pair_hash(const config::Config& config) {
    return wire::name_hash(config.pair.id.data(), config.pair.id.size());
}

} // namespace tandem::app
