# SPDX-License-Identifier: GPL-3.0-or-later
"""One fault, one run, one record of what the client saw. The same functions serve tandem and keepalived.

A record holds milliseconds and counts by name. Every one has `lost`, `role_changes` (how often a node took the VIP),
`two_holders_ms` (the longest time in which both had it), `stall_ms`: how long the measuring phone itself was not
scheduled, for the machine's own pauses are in every figure, and where a gap was measured `still_ms`: how long the phone
itself stood still within that very gap. Neither is taken off anything."""

import contextlib
import os
import signal

from tests.support.freezer import Freezer
from tests.support.lab import other
from tests.support.network import VIP4, VIP6
from tests.support.tap import Tap
from tests.support.wait import monotonic_ns, wait_for

SETTLED_NS = 150_000_000
ON_ITS_WAY_NS = 20_000_000
PATIENCE = 45.0  # a client with a stale ARP entry may need long, and that is then the figure


def _gains(lab, after_ns, until_ns):
    return sum(1 for ns, _, added in lab.holders.changes(VIP4) if added and after_ns <= ns <= until_ns)


def _overlap(lab, after_ns, until_ns):
    return max(lab.holders.longest_overlap_ms(vip, after_ns, until_ns) for vip in (VIP4, VIP6))


def _flow(probe, after_ns, span_ns=SETTLED_NS):
    """Until answers have come for a while after the moment."""
    wait_for(lambda: probe.last_answer_ns() > after_ns + span_ns, PATIENCE, "answers flow again")


def _record(lab, probe, fault_ns, until_ns, **figures):
    """Requests that were on their way when the fault came belong to it; those before do not."""
    summary = probe.stop()
    since_ns = fault_ns - ON_ITS_WAY_NS
    asked = [answered for sent, answered, _, _ in probe.entries() if since_ns <= sent <= until_ns]
    return {**figures, "lost": asked.count(0), "sent": len(asked),
            "role_changes": _gains(lab, fault_ns, until_ns),
            "two_holders_ms": round(_overlap(lab, fault_ns, until_ns), 3),
            "stall_ms": summary["longest_stall_ms"]}


@contextlib.contextmanager
def _probing(lab):
    """A probe that is gone afterwards, whatever happens."""
    lab.wait_healthy(deadline=PATIENCE)  # else a better score elsewhere may move the group just now
    lab.wait_pair(deadline=PATIENCE)
    probe = lab.probe(patience=PATIENCE)
    try:
        yield probe
    finally:
        if probe.process.running():
            probe.end()


class Unasked(AssertionError):
    """The roles changed before there was a fault."""


def _taken_over(lab, standby, fault_ns):
    def gained():
        now = lab.holders.gained_ns(VIP4, standby, fault_ns)
        if now is None and standby in lab.holders.held_by(VIP4):
            raise Unasked(f"node {standby} had the VIP before the fault came: a change of roles without a cause")
        return now
    return wait_for(gained, PATIENCE, f"node {standby} takes the VIP", every=0.002)


def _still_ms(probe, gap):
    """For how long the phone sent nothing in a gap although it should have: its own stalls, from its own record."""
    period_ns = 1_000_000_000 // probe.rate
    sent = [entry[0] for entry in probe.entries() if gap.last_answer_ns - 10 * period_ns <= entry[0]
            and entry[0] <= gap.first_answer_ns]
    moments = [max(at, gap.last_answer_ns) for at in sent] + [gap.first_answer_ns]
    return round(sum(max(0, later - earlier - period_ns) for earlier, later in zip(moments, moments[1:])) / 1e6, 3)


def _outage(lab, fault, heal=lambda active: None, without=()):
    """The active suffers a fault, the other takes over; the record is without what has no meaning then."""
    active = lab.wait_pair(deadline=PATIENCE)
    with _probing(lab) as probe:
        fault_ns = monotonic_ns()
        fault(active)
        try:
            _flow(probe, _taken_over(lab, other(active), fault_ns))
        finally:
            until_ns = monotonic_ns()
            heal(active)
        outage = probe.outage(fault_ns, until_ns)
        record = _record(lab, probe, fault_ns, until_ns, outage_ms=round(outage.ms, 3),
                         still_ms=_still_ms(probe, outage))
        return [{name: value for name, value in record.items() if name not in without}]


def node_crash(lab):
    """The host dies, and nobody is told. What a dead host has as its addresses does not count."""
    return _outage(lab, lab.crash, lab.heal, ("two_holders_ms",))


def carrier(lab):
    """The cable of the active's outside port is pulled."""
    return _outage(lab, lambda active: lab.network.carrier(active, "lan", "down"),
                   lambda active: lab.network.carrier(active, "lan", "up"))


def _killed(lab, kill, window=2.0):
    """Watches for a fixed time, because what was killed may leave its address behind for ever."""
    active = lab.wait_pair(deadline=PATIENCE)
    with _probing(lab) as probe:
        fault_ns = monotonic_ns()
        kill(lab.nodes[active])
        end = fault_ns + int(window * 1e9)
        _flow(probe, end, 0)
        # The outage is over soon after the takeover; without one it is the longest gap of the window.
        gained = lab.holders.gained_ns(VIP4, other(active), fault_ns)
        outage = probe.outage(fault_ns, min(end, gained + SETTLED_NS) if gained else end)
        return [_record(lab, probe, fault_ns, end, outage_ms=round(outage.ms, 3), still_ms=_still_ms(probe, outage))]


def brain(lab):
    """SIGKILL for the process that decides; whoever started it still runs."""
    return _killed(lab, lambda node: node.kill_brain())


def brain_keepalived(lab):
    """Its parent should start it again. Where the node is not well soon after, it is started anew by hand."""
    records = brain(lab)
    try:
        lab.wait_pair(deadline=5.0)
    except AssertionError:
        for node in lab.nodes.values():
            node.guard.end()
            node.start()
    return records


def daemon_tandem(lab):
    """SIGKILL for guard and brain at once; they are started again after the window."""
    def kill(node):
        pid = wait_for(node.brain, 5.0, "the brain")
        os.kill(node.guard.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # the guard's death may have ended it already
            os.kill(pid, signal.SIGKILL)
    active = lab.wait_pair(deadline=PATIENCE)
    records = _killed(lab, kill, 4.0)
    lab.nodes[active].guard.popen.wait()
    lab.nodes[active].start_daemon()
    return records


def daemon_keepalived(lab):
    active = lab.wait_pair(deadline=PATIENCE)
    records = _killed(lab, lambda node: node.kill_all(), 4.0)
    lab.nodes[active].start()
    return records


def server(lab):
    """SIGKILL for all processes of the active's SIP server; from there to the first answer by the other node.

    The death itself comes after the signal, so the figure is a little too long and never too short."""
    active = lab.wait_pair(deadline=PATIENCE)
    standby = other(active)
    with _probing(lab) as probe, Tap(lab.network, standby) as tap:
        fault_ns = monotonic_ns()
        lab.servers[active].kill()
        try:
            first = wait_for(lambda: tap.answers(fault_ns), PATIENCE, f"node {standby} answers", every=0.002)[0]
            _flow(probe, first)
        finally:
            until_ns = monotonic_ns()
            lab.servers[active].end()
            lab.start_server(active)
        gap = probe.outage(fault_ns, until_ns)
        return [_record(lab, probe, fault_ns, until_ns, outage_ms=round((first - fault_ns) / 1e6, 3),
                        gap_ms=round(gap.ms, 3), still_ms=_still_ms(probe, gap))]


def server_tandem(lab):
    """Two hand-overs for want of health in a row are damped, so in between an operator moves the group to and fro:
    that is the operator's word that all is well again."""
    records = server(lab)
    lab.wait_healthy(deadline=PATIENCE)
    for _ in lab.nodes:
        active = lab.wait_pair(deadline=PATIENCE)
        _move_tandem(lab, active)
        lab.wait_pair(active=other(active), deadline=PATIENCE)
    return records


def _move_tandem(lab, active):
    lab.nodes[active].ctl("failover", timeout=60.0)


def _move_keepalived(lab, active):
    lab.prefer(other(active))


def _planned(lab, move, count):
    """`count` switchovers in a row under one probe; a request that none answered counts for the one before it."""
    active = lab.wait_pair(deadline=PATIENCE)
    moments, ends = [], []
    with _probing(lab) as probe:
        for _ in range(count):
            moments.append(monotonic_ns())
            move(lab, active)
            active = lab.wait_pair(active=other(active), deadline=PATIENCE)
            wait_for(lambda now=active: lab.holders.held_by(VIP4) == {now}, 10.0, "one node alone has the VIP")
            _flow(probe, monotonic_ns(), 50_000_000)
            ends.append(monotonic_ns())
        summary = probe.stop()
        entries = probe.entries()
        unanswered = [sent for sent, answered, _, _ in entries if not answered]
        # From the first switchover on; a moment before it belongs to it, for answers may be lost on their way back.
        bounds = [0, *moments[1:], entries[-1][0] + 1]
        return [{"outage_ms": round(probe.outage(at, end).ms, 3),
                 "lost": sum(1 for sent in unanswered if since <= sent < until),
                 "sent": sum(1 for entry in entries if since <= entry[0] < until),
                 "role_changes": _gains(lab, at, end), "two_holders_ms": round(_overlap(lab, at, end), 3),
                 "stall_ms": summary["longest_stall_ms"]}
                for at, end, since, until in zip(moments, ends, bounds, bounds[1:])]


def planned_tandem(lab, count=1):
    """`tandemctl failover`, to and fro."""
    return _planned(lab, _move_tandem, count)


def planned_keepalived(lab, count=1):
    """The standby's tracked file raises its priority, to and fro."""
    return _planned(lab, _move_keepalived, count)


def path_cut_tandem(lab):
    """The dedicated HA link is cut, the LAN lives: nothing may happen but an alarm."""
    active = lab.wait_pair(deadline=PATIENCE)
    node = lab.nodes[active]
    alarm = ("path.down", "ha")
    with _probing(lab) as probe:
        fault_ns = lab.network.cut_path(active, "ha")[0]
        try:
            wait_for(lambda: alarm in node.alarms(), 5.0, "an alarm", every=0.01)
            alarm_ms = (monotonic_ns() - fault_ns) / 1e6
            _flow(probe, fault_ns, 2_000_000_000)
        finally:
            until_ns = monotonic_ns()
            lab.network.heal_path(active, "ha")
        wait_for(lambda: all(path["state"] == "up" for path in node.status()["self"]["paths"]), 10.0,
                 "the path is back")
        wait_for(lambda: alarm not in node.alarms(), 10.0, "the alarm is over")
        return [_record(lab, probe, fault_ns, until_ns, alarm_ms=round(alarm_ms, 3),
                        outage_ms=round(probe.outage(fault_ns, until_ns).ms, 3))]


def path_cut_keepalived(lab):
    """The link over which its adverts go is cut."""
    active = lab.wait_pair(deadline=PATIENCE)
    with _probing(lab) as probe:
        fault_ns = lab.network.cut_path(active, "ha")[0]
        try:
            _flow(probe, fault_ns, 2_000_000_000)
        finally:
            until_ns = monotonic_ns()
            lab.network.heal_path(active, "ha")
        return [_record(lab, probe, fault_ns, until_ns, outage_ms=round(probe.outage(fault_ns, until_ns).ms, 3))]


def _partition(lab, alone):
    """`alone`: who is cut off from the client. Both end up active; then the partition heals."""
    lab.network.put_on_isle(alone)
    lab.wait_pair(deadline=PATIENCE)
    with _probing(lab) as probe:
        fault_ns = lab.network.part()[0]
        try:
            wait_for(lambda: len(lab.holders.held_by(VIP4)) == 2, PATIENCE, "both sides have an active")
            _flow(probe, monotonic_ns(), 500_000_000)
        finally:
            before_ns, healed_ns = lab.network.join()
        wait_for(lambda: len(lab.holders.held_by(VIP4)) == 1, PATIENCE, "one active after the heal", every=0.002)
        one_ns = max(ns for ns, _, _ in lab.holders.changes(VIP4))
        _flow(probe, max(one_ns, healed_ns), 1_000_000_000)
        until_ns = monotonic_ns()
        gap = probe.outage(before_ns)
        return [_record(lab, probe, fault_ns, until_ns, outage_ms=round(gap.ms, 3), still_ms=_still_ms(probe, gap),
                        gap_lost=gap.lost, gap_at_ms=round((gap.last_answer_ns - before_ns) / 1e6, 3),
                        one_active_ms=round(max(0, one_ns - before_ns) / 1e6, 3),
                        changes_after=_gains(lab, before_ns, until_ns))]


def partition_old(lab):
    """The client is on the side of the old active; the standby is alone."""
    return _partition(lab, other(lab.wait_pair(deadline=PATIENCE)))


def partition_new(lab):
    """The client is on the side of the new active; the old one is alone."""
    return _partition(lab, lab.wait_pair(deadline=PATIENCE))


def _counted(claims):
    """{kind: how often}."""
    return {kind: sum(1 for claim in claims if claim.kind == kind) for kind in sorted({c.kind for c in claims})}


def pause(lab, seconds=5.0):
    """All processes of the active's node, the SIP server too, are frozen and continued."""
    active = lab.wait_pair(deadline=PATIENCE)
    watcher = lab.holders.process.pid
    pids = [pid for pid in lab.network.processes(active) if pid != watcher]
    with _probing(lab) as probe, Freezer(f"{lab.network.prefix}-{active}", pids, lab.janitor) as freezer:
        fault_ns = monotonic_ns()
        freezer.freeze()
        _flow(probe, _taken_over(lab, other(active), fault_ns))
        outage = probe.outage(fault_ns)
        _flow(probe, fault_ns + int(seconds * 1e9), 0)
        with Tap(lab.network, active) as tap:
            resumed_ns = monotonic_ns()
            freezer.thaw()
            _flow(probe, resumed_ns, 3_000_000_000)
            until_ns = monotonic_ns()
            served, claims = tap.answers(resumed_ns), tap.claimed(resumed_ns)
        gap = probe.outage(resumed_ns)
        return [_record(lab, probe, fault_ns, until_ns, outage_ms=round(outage.ms, 3), gap_ms=round(gap.ms, 3),
                        still_ms=_still_ms(probe, gap),
                        answers_old=len(served), claims_old=len(claims), claims_were=_counted(claims),
                        two_after_ms=round(_overlap(lab, resumed_ns, until_ns), 3),
                        changes_after=_gains(lab, resumed_ns, until_ns))]


