// SPDX-License-Identifier: GPL-3.0-or-later
#include "example.hh"

namespace tandem::status {

using namespace std::chrono_literals;

NodeStatus active_node() {
    NodeStatus node;
    node.node_id = 1;
    node.name = "sip-a";
    node.version = "0.1.0";
    node.incarnation = 0xdeadbeef;
    node.uptime = 3723s;
    node.now = WallClock::time_point{1750000000500ms};
    node.pair_id = "office";
    node.config_digest = 0x0123456789abcdef;
    Group group;
    group.name = "sip";
    group.configured_role = "primary";
    group.role = "active";
    group.epoch = 7;
    group.vips = {{"10.0.0.10", Placement::on_outside}, {"2001:db8::10", Placement::on_outside}};
    group.interface = "eth0";
    group.priority = 100;
    group.readiness = Readiness::ready;
    group.reason = "operator asked for failback";
    group.since = WallClock::time_point{1750000000123ms};
    group.transitions = 3;
    group.mirroring = Mirroring::on;
    group.pattern = "REGISTER";
    group.score = 1000;
    group.hysteresis = 100;
    group.failback.policy = "manual";
    group.calls = 12;
    group.monitors = {{"server", "ok", "", group.since, 0}};
    group.checks = {{{"up", 12}, {"down", 1}}, {"gw"}};
    node.groups.push_back(group);
    node.peer = {PeerState::up, 2, "sip-b"};
    node.paths = {{"cable",
                   "10.1.0.1",
                   "10.1.0.2",
                   PathState::up,
                   StreamState::up,
                   180,
                   95,
                   2.5,
                   {{"unauthentic", 4}, {"replayed", 0}},
                   MirrorWay::kernel}};
    node.mirror = {1200, 1198, 0, 0, Sync::behind};
    node.engine = {EngineState::attached, 812, "nfqueue"};
    node.detection = {5, 3, 20};
    node.beats = {90'000, {{"100", 12}, {"1000", 1}}, 1200, 90};
    node.counters = {{"sip_received", 5000}, {"mirror_sent", 1200}};
    return node;
}

NodeStatus standby_node() {
    NodeStatus node = active_node();
    node.node_id = 2;
    node.name = "sip-b";
    node.groups[0].configured_role = "secondary";
    node.groups[0].role = "standby";
    node.groups[0].calls.reset();
    for (auto& vip : node.groups[0].vips)
        vip.placement = Placement::absent;
    node.peer = {PeerState::up, 1, "sip-a"};
    std::swap(node.paths[0].local, node.paths[0].peer);
    node.mirror = {0, 0, 1198, 2, Sync::in_sync};
    return node;
}

} // namespace tandem::status
