# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitors, end to end: a fault, the pair of events, the alarm, the status, and what the role engine makes of it.

All on one pair, whose configuration is WATCH; each case finds a pair and leaves one behind."""

from tests.lab.figures import equal
from tests.lab.role_cases import flows, gains, refusal
from tests.lab.told import events, has, shows, wait_alarm, wait_event, wait_monitor, wait_no_alarm, well_pair
from tests.support.lab import other
from tests.support.network import CLIENT4, VIP4, VIP6
from tests.support.station import Stranger
from tests.support.wait import holds_for, monotonic_ns, wait_for

PATIENCE = 30.0
WATCH = {"vip": "true", "nic": "true", "rx_silence_s": "2", "management_interface": '"mgmt0"', "listener": "true",
         "witnesses": f'["{CLIENT4}"]', "witness_interval_ms": "50", "server_interval_ms": "300",
         "server_timeout_ms": "250", "rise_ms": "300", "alternate_s": "1"}
KEYS = {"damper_s": "1"}


def vip_deleted(lab, runs):
    """The VIP is deleted by hand on the active: added again at once, told, and the role stays."""
    for _ in range(runs):
        active = well_pair(lab)
        node, epoch = lab.nodes[active], lab.nodes[active].group()["epoch"]
        for vip, length in ((VIP4, 24), (VIP6, 64)):
            after = monotonic_ns()
            lab.network.address(active, "del", f"{vip}/{length}")
            lab.network.address(active, "del", f"{vip}/{32 if length == 24 else 128}")
            wait_for(lambda vip=vip, after=after: lab.holders.lost_ns(vip, active, after), 5.0, f"{vip} went")
            wait_for(lambda vip=vip, after=after: lab.holders.gained_ns(vip, active, after), 5.0, f"{vip} is back")
            has("vip.lost", wait_event(node, "vip.lost", after)["text"], "missing on the active")
            wait_event(node, "vip.restored", after)
        probe = lab.probe(rate=200, warm_up=20)
        probe.end()
        equal("epoch and role", (node.group()["epoch"], node.role()), (epoch, "active"))
    return f"added again, {runs} times for either family", {}


def vip_fought_over(lab, runs):
    """Something takes the VIP away after each repair: an alarm, then a failure, and the other node takes over."""
    del runs
    active = well_pair(lab)
    node, after = lab.nodes[active], monotonic_ns()
    seen = set()

    def taken_away():
        lab.network.address(active, "del", f"{VIP4}/24")
        lab.network.address(active, "del", f"{VIP4}/32")
        for code, subject in node.alarms():
            if subject == "vip":
                seen.add(code)
        return VIP4 in lab.network.addresses(other(active))
    wait_for(taken_away, PATIENCE, "the other node takes over", every=0.02)
    equal("alarms on the way", seen >= {"monitor.degraded"}, True)
    equal("told once", len(events(node, "vip.lost", after)), 1)
    has("why", wait_event(node, "group.resigning", after)["text"], "health is better")
    lab.wait_pair(active=other(active), deadline=PATIENCE)
    wait_no_alarm(node, "monitor.failed", "vip")
    wait_event(node, "vip.restored", after)
    well_pair(lab, active=other(active))
    return "alarm, failure, hand-over", {}


def vip_left_behind(lab, runs):
    """The VIP is added by hand on the standby: removed at once, told, and the role stays."""
    for _ in range(runs):
        active = well_pair(lab)
        standby = lab.nodes[other(active)]
        after = monotonic_ns()
        lab.network.address(standby.name, "add", f"{VIP4}/32")
        wait_for(lambda after=after, who=standby.name: lab.holders.lost_ns(VIP4, who, after), 5.0, "it is removed")
        has("vip.lost", wait_event(standby, "vip.lost", after)["text"], "not active")
        wait_event(standby, "vip.restored", after)
        equal("who is active", lab.active(), active)
        equal("who has the VIP", lab.holders.held_by(VIP4), {active})
    return f"removed, {runs} times", {}


def _claimed(lab, active, alarm):
    """A third machine claims the VIP: the active stays, says so, and the clients learn it anew each time."""
    node, after = lab.nodes[active], monotonic_ns()
    with Stranger(lab.network, VIP4):
        wait_event(node, "vip.claimed_by_other", after)
        alarm(after)
    equal("takers of the VIP", gains(lab, after), [])
    equal("who has the VIP", lab.holders.held_by(VIP4), {active})
    wait_for(lambda: lab.network.neighbour_mac("c", VIP4) in (None, lab.network.mac(active)), 5.0,
             "the client's neighbour table has the active")
    probe = lab.probe(rate=200, warm_up=20)
    probe.end()
    return after


def stranger(lab, runs):
    """A third machine claims the VIP, with the standby there and without: contradicted, an alarm, no change."""
    active = well_pair(lab)
    node = lab.nodes[active]

    def contested(_after):
        wait_monitor(node, "vip", "degraded")
        has("the alarm", wait_alarm(node, "monitor.degraded", "vip"), "another station")
    after = _claimed(lab, active, contested)
    wait_event(node, "vip.lost", after)
    if runs > 1:  # a contest counts for ten seconds more
        wait_event(node, "vip.restored", after)
        well_pair(lab, active=active)
    standby = lab.nodes[other(active)]
    standby.end_daemon()
    try:
        wait_alarm(node, "peer.down")
        _claimed(lab, active, lambda after: holds_for(lambda: node.role() == "active", 2.0, "the active stays"))
    finally:
        standby.start_daemon()
    lab.wait_pair(active=active, deadline=PATIENCE)
    return "contradicted with and without a standby", {}


def path_port(lab, runs):
    """The HA path's port loses its carrier: the pair of events, an alarm, no score and no change."""
    del runs
    active = well_pair(lab)
    node, after = lab.nodes[active], monotonic_ns()
    lab.network.carrier(active, "ha", "down")
    try:
        has("nic.failed", wait_event(node, "nic.failed", after)["text"], "ha0 has no carrier")
        has("the monitor", wait_monitor(node, "nic", "degraded"), "ha0")
        wait_alarm(node, "monitor.degraded", "nic")
        wait_alarm(node, "path.down", "ha")
        shows(node, "nic degraded")
        equal("score", node.group()["score"], 1000)
        holds_for(lambda: lab.holders.held_by(VIP4) == {active}, 0.5, "nothing moves")
    finally:
        lab.network.carrier(active, "ha", "up")
    wait_event(node, "nic.restored", after)
    wait_no_alarm(node, "monitor.degraded", "nic")
    wait_no_alarm(node, "path.down", "ha")
    equal("takers of the VIP", gains(lab, after), [])
    well_pair(lab, active=active)
    return "told, alarm, no change", {}


def management_port(lab, runs):
    """The management interface loses its carrier: an alarm, and nothing else."""
    del runs
    active = well_pair(lab)
    node, after = lab.nodes[active], monotonic_ns()
    lab.network.carrier(active, "mgmt", "down")
    try:
        has("nic.failed", wait_event(node, "nic.failed", after)["text"], "management interface mgmt0")
        has("the alarm", wait_alarm(node, "monitor.degraded", "nic"), "mgmt0 has no carrier")
        equal("score", node.group()["score"], 1000)
    finally:
        lab.network.carrier(active, "mgmt", "up")
    wait_event(node, "nic.restored", after)
    wait_no_alarm(node, "monitor.degraded", "nic")
    equal("takers of the VIP", gains(lab, after), [])
    return "an alarm and no more", {}


def outside_carrier_told(lab, runs):
    """The outside interface loses its carrier: one pair of events, the alarm, and the other node serves."""
    del runs
    active = well_pair(lab)
    node, after = lab.nodes[active], monotonic_ns()
    lab.network.carrier(active, "lan", "down")
    try:
        wait_for(lambda: lab.holders.gained_ns(VIP4, other(active), after), PATIENCE, "the other node serves")
        wait_event(node, "nic.failed", after)
        wait_alarm(node, "monitor.failed", "nic")
        wait_alarm(node, "isolated")
        equal("told once", len(events(node, "nic.failed", after)), 1)
    finally:
        lab.network.carrier(active, "lan", "up")
    wait_event(node, "nic.restored", after)
    well_pair(lab, active=other(active))
    equal("told once", len(events(node, "nic.restored", after)), 1)
    return "one pair of events, and the other node serves", {}


def isolated_active(lab, runs):
    """The active's way to the gateway is cut and its carrier is not: it hands over. The port's silence is told."""
    for _ in range(runs):
        active = well_pair(lab)
        node, after = lab.nodes[active], monotonic_ns()
        probe = lab.probe()
        lab.network.cut_path(active, "lan")
        try:
            gained = wait_for(lambda: lab.holders.gained_ns(VIP4, other(active), after), PATIENCE,
                              "the other node takes over")
            flows(probe, gained, "the clients are served")
            wait_event(node, "witness.lost", after)
            has("the alarm", wait_alarm(node, "isolated"), "cut off")
            wait_monitor(node, "witness", "failed")
            shows(node, "isolated")
            has("the silence", wait_event(node, "nic.failed", after)["text"], "received nothing for 2 s")
            wait_monitor(node, "nic", "failed")
        finally:
            lab.network.heal_path(active, "lan")
            probe.end()
        wait_event(node, "witness.restored", after)
        wait_event(node, "nic.restored", after)
        wait_no_alarm(node, "isolated")
        well_pair(lab, active=other(active))
        equal("how often the VIP moved", len(gains(lab, after)), 1)
    return f"handed over {runs} times; restored", {}


def both_isolated(lab, runs):
    """Where the standby reaches nobody either, an isolated active keeps the group."""
    del runs
    active = well_pair(lab)
    node, peer, after = lab.nodes[active], lab.nodes[other(active)], monotonic_ns()
    lab.network.cut_path(peer.name, "lan")
    try:
        wait_alarm(peer, "isolated")
        has("refused", refusal(node, "failover"), "outside network")
        lab.network.cut_path(active, "lan")
        wait_event(node, "witness.lost", after)
        wait_alarm(node, "isolated")
        holds_for(lambda: lab.holders.held_by(VIP4) == {active}, 1.0, "the active keeps the VIP")
    finally:
        # The way of the active is whole again first: it has no reason to move then.
        lab.network.heal_path(active, "lan")
        wait_event(node, "witness.restored", after)
        lab.network.heal_path(peer.name, "lan")
    wait_event(peer, "witness.restored", after)
    for each in lab.nodes.values():
        wait_no_alarm(each, "isolated")
    equal("takers of the VIP", gains(lab, after), [])
    well_pair(lab, active=active)
    return "the active stays; failover refused", {}


def witness_dead(lab, runs):
    """The witness itself dies: both nodes say that they are cut off, one holder of the VIP all the time."""
    del runs
    well_pair(lab)
    after = monotonic_ns()
    lab.network.cut_path("c", "lan")
    try:
        for node in lab.nodes.values():
            wait_event(node, "witness.lost", after)
            wait_alarm(node, "isolated")
        holds_for(lambda: len(lab.holders.held_by(VIP4)) == 1, 1.0, "one node keeps the VIP")
    finally:
        lab.network.heal_path("c", "lan")
    for node in lab.nodes.values():
        wait_event(node, "witness.restored", after)
        wait_no_alarm(node, "isolated")
    moved = len(gains(lab, after))
    if moved > 1:  # one: the active was too late to hear of the standby
        raise AssertionError(f"the VIP moved {moved} times")
    well_pair(lab)
    return f"kept; moved {moved} times", {"moved": moved}


def dual_active_on_the_lan(lab, runs):
    """Two actives whose only contact is the data LAN: one releases, the other serves; healed, nothing moves."""
    for run in range(runs):
        active = well_pair(lab)
        alone = active if run % 2 else other(active)
        lab.network.put_on_isle(alone)
        well_pair(lab)
        lab.network.filter_heartbeats(alone, "-I")
        try:
            after = monotonic_ns()
            lab.network.part()
            wait_for(lambda: lab.holders.held_by(VIP4) == {"a", "b"}, PATIENCE, "both sides have an active")
            met_ns = monotonic_ns()
            lab.network.heal_path("lan", "isle")
            wait_for(lambda: len(lab.holders.held_by(VIP4)) == 1, PATIENCE, "one of them releases")
            stayed = lab.holders.held_by(VIP4).copy().pop()
            loser = lab.nodes[other(stayed)]
            # The one that stays may not have counted enough claims by then to call it two actives.
            wait_event(lab.nodes[stayed], "vip.claimed_by_other", met_ns)
            wait_event(loser, "conflict.dual_active", met_ns)
            wait_event(loser, "conflict.lost", met_ns)
            probe = lab.probe()
            flows(probe, monotonic_ns(), "the clients are served")
            probe.end()
            # Without a word of the other one, but with its ARP, the loser does not begin anew.
            holds_for(lambda keeps=stayed: lab.holders.held_by(VIP4) == {keeps}, 1.5, "one holder")
        finally:
            lab.network.filter_heartbeats(alone, "-D")
            lab.network.join()
        now = lab.wait_pair(deadline=PATIENCE)
        equal("who is active after the heal", now, stayed)
        wait_no_alarm(lab.nodes[stayed], "dual_active")
        equal("how often the VIP moved", len(gains(lab, after)), 1)
    lab.network.leave_isle()
    well_pair(lab)
    return f"one released in each of {runs} conflicts", {}


def mute_standby(lab, runs):
    """The standby's server is silent: not ready, failover refused with the reason; forced it is done, and an event."""
    del runs
    active = well_pair(lab)
    node, peer = lab.nodes[active], lab.nodes[other(active)]
    after = monotonic_ns()
    lab.servers[peer.name].end()
    try:
        wait_monitor(peer, "server", "failed")
        wait_for(lambda: not peer.ready(), PATIENCE, "the standby is not ready")
        wait_event(peer, "server.silent", after)
        wait_alarm(peer, "monitor.failed", "server")
        shows(peer, "an answering SIP server", "server failed")
        has("the listener", wait_monitor(peer, "listener", "degraded"), "listener: nobody has bound UDP port 5060")
        has("refused", refusal(node, "failover"), "does not answer")
        equal("takers of the VIP", gains(lab, after), [])
        forced_ns = monotonic_ns()
        node.ctl("failover", "--force", timeout=60.0)
        wait_for(lambda: lab.holders.gained_ns(VIP4, peer.name, forced_ns), PATIENCE, "the peer takes over")
        has("forced", wait_event(node, "operator.forced", forced_ns)["text"], "does not answer")
        # Forced into a node without a server, the group returns by itself to the one that has one.
        wait_for(lambda: lab.holders.gained_ns(VIP4, active, forced_ns), PATIENCE, "it returns")
    finally:
        lab.start_server(peer.name)
    wait_event(peer, "server.answering", after)
    wait_event(peer, "listener.restored", after)
    well_pair(lab, active=active)
    return "refused with the reason; forced; returned by itself", {}


def no_server_anywhere(lab, runs):
    """Both servers cannot bind: the active role alternates, ever more slowly; then one can, and it stays there."""
    del runs
    well_pair(lab)
    after = monotonic_ns()
    for server in lab.servers.values():
        server.end()
    brains = {name: node.brain() for name, node in lab.nodes.items()}
    moved = wait_for(lambda: len(gains(lab, after)) >= 3 and gains(lab, after), PATIENCE, "the role alternates")
    equal("takers in turn", moved[0][0] != moved[1][0] != moved[2][0], True)
    periods = [(later - earlier) / 1e9 for (_, earlier), (_, later) in zip(moved, moved[1:])]
    holder = moved[-1][0]
    damper = wait_for(lambda: lab.nodes[other(holder)].group()["damper"], PATIENCE, "the damper")
    equal("factor of the damper after a hand-over", damper["factor"] > 1, True)
    equal("time that is left", 0 < (damper["remaining_ms"] or 0) <= 4000, True)
    shows(lab.nodes[other(holder)], "hand-over held back for", f"damper x{damper['factor']}")
    has("why", wait_event(lab.nodes[moved[0][0]], "group.resigning", after)["text"], "nothing is served")
    # The server comes back where the group is not: health brings the group there, and there it stays.
    healed = other(lab.active() or holder)
    back_ns = monotonic_ns()
    lab.start_server(healed)
    wait_for(lambda: lab.holders.held_by(VIP4) == {healed}, PATIENCE, "the group is where the server is")
    probe = lab.probe(patience=PATIENCE)
    flows(probe, monotonic_ns(), "the clients are served")
    kept = len(gains(lab, back_ns))
    holds_for(lambda: lab.holders.held_by(VIP4) == {healed}, 2.5, "the group stays there")
    equal("further takers", len(gains(lab, back_ns)), kept)
    wait_for(lambda: lab.nodes[healed].group()["damper"]["factor"] == 1, PATIENCE, "traffic resets the damper")
    probe.end()
    wait_event(lab.nodes[healed], "listener.restored", after)
    lab.start_server(other(healed))
    equal("the brains are the same", {name: each.brain() for name, each in lab.nodes.items()}, brains)
    well_pair(lab, active=healed)
    return "alternated after " + ", ".join(f"{period:.1f} s" for period in periods) + "; stays with a server", {}


def stragglers(lab, runs):
    """A client that goes on sending to the old active's link-layer address is served until it has learnt better."""
    total = 0
    for _ in range(runs):
        active = well_pair(lab)
        old, new = lab.nodes[active], lab.nodes[other(active)]
        lab.network.neighbour("c", VIP4, lab.network.mac(active))
        probe = lab.probe(rate=200, warm_up=20)
        try:
            after = monotonic_ns()
            sent, received = old.counter("redirected_sent"), new.counter("redirected_received")
            old.ctl("failover", timeout=60.0)
            wait_for(lambda: lab.holders.held_by(VIP4) == {other(active)}, PATIENCE, "the VIP has moved")
            flows(probe, monotonic_ns(), "stragglers are served", 2_000_000_000)
            equal("the old active still redirects", events(old, "group.yield_ended", after), [])
            equal("redirected", old.counter("redirected_sent") - sent > 200, True)
            equal("received", new.counter("redirected_received") - received > 200, True)
            shows(old, "redirecting what still arrives")
        finally:
            forgot_ns = monotonic_ns()
            lab.network.neighbour("c", VIP4)
        flows(probe, monotonic_ns(), "the client has learnt")
        summary = probe.stop()
        lost = [round((sent - after) / 1e6) for sent, answered, _, _ in probe.entries() if not answered]
        if lost:
            raise AssertionError(f"{len(lost)} requests lost, sent so many ms after the command: {lost[:20]}; the client "
                                 f"was to learn anew after {(forgot_ns - after) / 1e6:.0f} ms")
        wait_event(old, "group.yield_ended", after)
        well_pair(lab, active=other(active))
        total += summary["sent"]
    return f"0 of {total} requests lost in {runs} switchovers", {"sent": total, "lost": 0}


def survives_restart(lab, runs):
    """`disable` and `role follow` are known again after a restart of tandemd."""
    del runs
    active = well_pair(lab)
    lab.nodes[active].ctl("failover", timeout=60.0)
    now = well_pair(lab, active=other(active))
    after = monotonic_ns()
    lab.nodes[now].ctl("role", "follow")
    standby = lab.nodes[other(now)]
    wait_event(standby, "role.followed", after)
    standby.ctl("disable")
    wait_for(lambda: standby.role() == "disabled", PATIENCE, "disabled")
    for node in (standby, lab.nodes[now]):
        node.end_daemon()
        node.start_daemon()
        wait_for(lambda node=node: node.role() is not None, PATIENCE, f"node {node.name} is back")
    wait_for(lambda: lab.nodes[now].role() == "active", PATIENCE, "the other one is active again")
    equal("role of the disabled node", standby.role(), "disabled")
    for name, role in ((now, "primary"), (other(now), "secondary")):
        group = lab.nodes[name].group()
        equal(f"configured role of node {name}", group["configured_role"], role)
        if group["file_role"] != role:
            shows(lab.nodes[name], f"{role} (follows runtime role, file says {group['file_role']})")
    standby.ctl("enable")
    well_pair(lab, active=now)
    return "known after a restart; enabled again", {}


CASES = (
    ("VIP deleted on the active", vip_deleted, 5),
    ("VIP added on the standby", vip_left_behind, 5),
    ("VIP fought over", vip_fought_over, 0),
    ("another station claims the VIP", stranger, 2),
    ("HA port without carrier", path_port, 0),
    ("management port without carrier", management_port, 0),
    ("outside port without carrier", outside_carrier_told, 0),
    ("active isolated", isolated_active, 3),
    ("both isolated", both_isolated, 0),
    ("witness dead", witness_dead, 0),
    ("standby's server silent", mute_standby, 0),
    ("no server anywhere", no_server_anywhere, 0),
    ("stragglers after a switchover", stragglers, 3),
    ("disabled and followed after a restart", survives_restart, 0),
    ("two actives on the LAN alone", dual_active_on_the_lan, 4),
)
