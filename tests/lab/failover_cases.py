# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to the service when a part of the active node dies, and when an operator moves it. All on one pair,
which is healed and waited for between the runs."""

import os
import signal
import statistics

from tests.lab.figures import at_most, equal, spread, words
from tests.support.lab import other
from tests.support.network import VIP4, VIP6
from tests.support.wait import holds_for, monotonic_ns, wait_for

SETTLED_NS = 150_000_000  # so long after the change the answers must have flowed


def _answers_after(probe, moment_ns, what, deadline=5.0):
    wait_for(lambda: probe.last_answer_ns() > moment_ns + SETTLED_NS, deadline, what)


def _outage_of(lab, fault, standby, heal=None):
    """Runs a probe over a fault that makes the other node take over; gives (outage, fault_ns, gained_ns)."""
    probe = lab.probe()
    fault_ns = monotonic_ns()
    fault()
    gained = wait_for(lambda: lab.holders.gained_ns(VIP4, standby, fault_ns), 10.0,
                      f"node {standby} has the VIP after the fault", every=0.002)
    _answers_after(probe, gained, f"answers from node {standby}")
    outage = probe.outage(fault_ns)
    probe.end()
    if heal:
        heal()
    return outage, fault_ns, gained


def node_crash(lab, runs):
    """The active's host dies and nobody is told: median outage at 5 ms x 3 at most 30 ms."""
    outages, lost = [], []
    for _ in range(runs):
        active = lab.wait_pair()
        outage, _, _ = _outage_of(lab, lambda: lab.crash(active), other(active), lambda: lab.heal(active))
        outages.append(outage.ms)
        lost.append(outage.lost)
    lab.wait_pair()
    at_most("median outage", statistics.median(outages), 30)
    return words("outage", outages) + f", {sum(lost)} requests lost", {"outage": spread(outages), "lost": lost}


def brain_kill(lab, runs):
    """SIGKILL for the active's brain: median outage at most 15 ms, never two holders for longer than 30 ms."""
    outages, overlaps = [], []
    for _ in range(runs):
        active = lab.wait_pair()
        outage, fault_ns, _ = _outage_of(lab, lab.nodes[active].kill_brain, other(active))
        lab.wait_pair(active=other(active))
        outages.append(outage.ms)
        overlaps.append(max(lab.holders.longest_overlap_ms(vip, fault_ns, monotonic_ns()) for vip in (VIP4, VIP6)))
    at_most(f"median of the {words('outage', outages)}", statistics.median(outages), 15)
    at_most(f"{words('outage', outages)}; {words('two holders', overlaps)}; longest", max(overlaps), 30)
    return (words("outage", outages) + f"; two holders at most {max(overlaps):.1f} ms",
            {"outage": spread(outages), "two_holders": spread(overlaps)})


def carrier_lost(lab, runs):
    """The cable of the active's outside interface is pulled: it gives up at once, and the other node serves."""
    outages = []
    for _ in range(runs):
        active = lab.wait_pair()
        outage, _, _ = _outage_of(lab, lambda: lab.network.carrier(active, "lan", "down"), other(active),
                                  lambda: lab.network.carrier(active, "lan", "up"))
        outages.append(outage.ms)
        wait_for(lambda: lab.nodes[active].role() == "standby", 5.0, f"node {active} is standby again")
    lab.wait_pair()
    at_most("median outage", statistics.median(outages), 30)
    return words("outage", outages), {"outage": spread(outages)}


def one_path_cut(lab, runs):
    """One of the two HA paths is cut: nothing happens to the service, the path is told of."""
    for _ in range(runs):
        active = lab.wait_pair()
        cut_ns = monotonic_ns()
        lab.network.cut_path(active, "ha")
        try:
            wait_for(lambda: any(event["name"] == "path.down" and event["monotonic_ns"] > cut_ns
                                 for event in lab.nodes[active].events()), 3.0, "the event path.down")
            wait_for(lambda: ("path.down", "ha") in lab.nodes[active].alarms(), 10.0, "the alarm path.down")
            holds_for(lambda: lab.holders.held_by(VIP4) == {active}, 1.0, f"node {active} alone has the VIP")
        finally:
            lab.network.heal_path(active, "ha")
        wait_for(lambda: all(path["state"] == "up" for path in lab.nodes[active].status()["self"]["paths"]), 5.0,
                 "both paths are up again")
        wait_for(lambda: ("path.down", "ha") not in lab.nodes[active].alarms(), 10.0, "the alarm is over")
    equal("changes of the holder", [c for c in lab.holders.changes(VIP4) if c[0] > cut_ns], [])
    return f"no change of the holder in {runs} cuts", {"runs": runs}


def guard_and_brain_stopped(lab, runs):
    """SIGSTOP for guard and brain: the kernel drops the VIP by itself within 2.5 s, and the other node serves."""
    gone = []
    for _ in range(runs):
        active = lab.wait_pair()
        node = lab.nodes[active]
        stopped_ns = monotonic_ns()
        brain = node.stop_both()
        try:
            for vip in (VIP4, VIP6):
                lost = wait_for(lambda vip=vip: lab.holders.lost_ns(vip, active, stopped_ns), 5.0,
                                f"{vip} is gone from node {active}")
                gone.append((lost - stopped_ns) / 1e6)
            wait_for(lambda: lab.holders.held_by(VIP4) == {other(active)}, 10.0,
                     f"node {other(active)} has the VIP alone")
            probe = lab.probe()
            probe.end()
        finally:
            node.continue_both(brain)
        lab.wait_pair()
    at_most("VIP gone after", max(gone), 2500)
    return words("VIP gone after", gone), {"gone": spread(gone)}


def planned_switchover(lab, runs):
    """`tandemctl failover` at 1,000 requests/s: no request lost."""
    lab.wait_pair()
    probe = lab.probe()
    moments, overlaps, durations = [], [], []
    for _ in range(runs):
        active = lab.wait_pair()
        asked_ns = monotonic_ns()
        lab.nodes[active].ctl("failover")
        moments.append(asked_ns)
        durations.append((monotonic_ns() - asked_ns) / 1e6)
        lab.wait_pair(active=other(active))
        wait_for(lambda: lab.holders.held_by(VIP4) == {other(active)}, 5.0,
                 f"the VIP is on node {other(active)} alone")
        _answers_after(probe, monotonic_ns(), "answers after the switchover")
        overlaps.append(lab.holders.longest_overlap_ms(VIP4, asked_ns, monotonic_ns()))
    gaps = [probe.outage(moment, moment + 1_000_000_000).ms for moment in moments]
    summary = probe.stop()
    lost_at = [sent for sent, answered, _, _ in probe.entries() if not answered]
    places = ", ".join(f"{(sent - max((m for m in moments if m <= sent), default=moments[0])) / 1e6:.1f} ms"
                       for sent in lost_at[:10])
    if lost_at:
        raise AssertionError(f"{len(lost_at)} of {summary['sent']} requests lost in {runs} switchovers, "
                             f"sent so long after the command: {places}")
    return (f"0 of {summary['sent']} requests lost in {runs} switchovers; " + words("longest gap", gaps),
            {"sent": summary["sent"], "lost": 0, "gap": spread(gaps), "two_holders": spread(overlaps),
             "command": spread(durations)})


def registrations_survive(lab, runs):
    """200 registrations are on the standby before the crash, and 200 calls to them complete after it."""
    count = lab.phones.count
    for _ in range(runs):
        active = lab.wait_pair()
        known, shadow = lab.servers[active], lab.servers[other(active)]
        equal("registered", lab.phones.register(), count)
        equal("on the active", known.registrations(), count)
        wait_for(lambda: shadow.registrations() == count, 5.0, f"{count} registrations on the standby's server")
        users = known.dump()
        equal("users of the active's dump", len(users), count)
        equal("the standby's users are the active's", shadow.dump() == users, True)
        fault_ns = monotonic_ns()
        lab.crash(active)
        wait_for(lambda: lab.holders.gained_ns(VIP4, other(active), fault_ns), 10.0, "the standby has taken over")
        calls = lab.phones.call_all()
        lab.heal(active)
        equal(f"calls completed ({calls.get('errors', '')})", calls["completed"], count)
        equal("calls failed", calls["failed"], 0)
    lab.wait_pair()
    return f"{count} of {count} on the standby, {count} of {count} calls completed; {runs} runs", {"runs": runs}


def engine_killed(lab, runs):
    """SIGKILL for the packet engine: SIP goes on within 50 ms; mirroring resumes, and the gap is counted."""
    gaps = []
    for run in range(runs):
        active = lab.wait_pair()
        node, standby = lab.nodes[active], lab.servers[other(active)]
        wait_for(node.engine_attached, 5.0, "the engine is attached")
        missed_before = node.counter("mirror_missed")
        node.fast.restart = False
        probe = lab.probe()
        killed_ns = monotonic_ns()
        os.kill(node.fast.process.pid, signal.SIGKILL)
        wait_for(lambda: not node.fast.process.running(), 2.0, "the engine is dead")
        wait_for(lambda: probe.last_answer_ns() > killed_ns + 500_000_000, 3.0, "SIP goes on without the engine")
        gaps.append(probe.outage(killed_ns, killed_ns + 500_000_000).ms)
        probe.end()
        before = standby.registrations()
        equal("registered without the engine", lab.phones.register_more(f"unseen{run}x", 5), 5)
        equal("nothing was mirrored without the engine", standby.registrations(), before)
        node.fast.restart = True
        wait_for(node.engine_attached, 5.0, "the engine is back")
        wait_for(lambda: node.counter("mirror_missed") > missed_before, 5.0, "the gap is counted")
        equal("registered with the engine", lab.phones.register_more(f"seen{run}x", 5), 5)
        wait_for(lambda: standby.registrations() >= before + 5, 5.0, "mirroring has resumed")
    lab.wait_pair()
    at_most("longest gap", max(gaps), 50)
    return words("gap in the answers", gaps), {"gap": spread(gaps)}


def engine_hangs(lab, runs):
    """SIGSTOP for the packet engine: the brain ends it, the kernel passes SIP on, the engine comes back."""
    gaps = []
    for _ in range(runs):
        active = lab.wait_pair()
        node = lab.nodes[active]
        wait_for(node.engine_attached, 5.0, "the engine is attached")
        probe = lab.probe()
        stopped_ns = monotonic_ns()
        os.kill(node.fast.process.pid, signal.SIGSTOP)
        wait_for(lambda: any(event["name"] == "engine.stalled" and event["monotonic_ns"] > stopped_ns
                             for event in node.events()), 3.0, "the event engine.stalled")
        _answers_after(probe, monotonic_ns(), "SIP goes on")
        gaps.append(probe.outage(stopped_ns).ms)
        probe.end()
        wait_for(node.engine_attached, 5.0, "the engine is back")
    lab.wait_pair()
    at_most("longest gap", max(gaps), 1000)
    return words("gap in the answers", gaps), {"gap": spread(gaps)}


def no_takeover_without_cause(lab, runs):
    """A pair left alone stays as it is."""
    del runs
    active = lab.wait_pair()
    fault_ns = monotonic_ns()
    holds_for(lambda: lab.holders.held_by(VIP4) == {active}, 3.0, f"node {active} alone has the VIP")
    equal("changes of the holder", [c for c in lab.holders.changes(VIP4) if c[0] > fault_ns], [])
    return "3 s without a change of the holder", {}


def both_started(lab, runs):
    """Both nodes started at the same time: exactly one becomes active, each time."""
    times, overlaps = [], []
    for _ in range(runs):
        for node in lab.nodes.values():
            node.guard.send(signal.SIGTERM)
        for node in lab.nodes.values():
            node.end_daemon()
        wait_for(lambda: lab.holders.held_by(VIP4) == set(), 5.0, "nobody has the VIP")
        started_ns = monotonic_ns()
        for node in lab.nodes.values():
            node.start_daemon()
        active = lab.wait_pair()
        times.append((lab.holders.gained_ns(VIP4, active, started_ns) - started_ns) / 1e6)
        holds_for(lambda: lab.holders.held_by(VIP4) == {active}, 0.3, f"node {active} alone has the VIP")
        equal("the only active", lab.active(), active)
        overlaps.append(lab.holders.longest_overlap_ms(VIP4, started_ns, monotonic_ns()))
    at_most("two holders", max(overlaps), 0)
    return words("active after", times) + ", one active each time", {"active_after": spread(times)}
