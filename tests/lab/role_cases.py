# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is active after a partition, a pause, an operator's word, a disk that takes nothing. Each finds a pair and leaves
one behind."""

import os
import signal

from tests.lab.figures import equal
from tests.lab.told import wait_alarm, wait_event, wait_no_alarm
from tests.support.freezer import Freezer
from tests.support.lab import other
from tests.support.network import VIP4
from tests.support.node import Refused
from tests.support.tap import Tap
from tests.support.wait import monotonic_ns, wait_for

PATIENCE = 30.0


def flows(probe, after_ns, what, span_ns=300_000_000):
    wait_for(lambda: probe.last_answer_ns() > after_ns + span_ns, PATIENCE, what)


def taken_over(lab, standby, fault_ns):
    return wait_for(lambda: lab.holders.gained_ns(VIP4, standby, fault_ns), PATIENCE, f"node {standby} takes the VIP")


def gains(lab, after_ns):
    return [(node, ns) for ns, node, added in lab.holders.changes(VIP4) if added and ns >= after_ns]


def refusal(node, *words):
    """The reason why an operator's command was refused; accepted is a failure."""
    try:
        answer = node.ctl(*words, timeout=60.0)
    except Refused as refused:
        if len(str(refused)) < 20:
            raise AssertionError(f"{' '.join(words)} was refused without a reason: {refused}") from refused
        return str(refused)
    raise AssertionError(f"{' '.join(words)} was accepted: {answer}")


def has_event(node, name, after_ns):
    return any(event["name"] == name and event["monotonic_ns"] > after_ns for event in node.events())


def partition_heals(lab, runs):
    """Cut in two, each side gets an active; healed, exactly one is left and the clients are served again."""
    for run in range(2 * runs):
        active = lab.wait_pair()
        alone = active if run % 2 else other(active)  # the client is once on the one side, once on the other
        lab.network.put_on_isle(alone)
        lab.wait_pair()
        probe = lab.probe()
        lab.network.part()
        try:
            wait_for(lambda: lab.holders.held_by(VIP4) == {"a", "b"}, PATIENCE, "both sides have an active")
            flows(probe, monotonic_ns(), "the client is served while the network is cut")
        finally:
            healed_ns = lab.network.join()[1]
        wait_for(lambda: len(lab.holders.held_by(VIP4)) == 1, PATIENCE, "one active after the heal")
        flows(probe, monotonic_ns(), "the client is served after the heal")
        probe.end()
        stayed = lab.wait_pair(deadline=PATIENCE)
        equal("who holds the VIP", lab.holders.held_by(VIP4), {stayed})
        equal("takers of the VIP after the heal", gains(lab, healed_ns), [])
    lab.network.leave_isle()
    lab.wait_pair()
    return f"one active and served after each of {2 * runs} heals", {"runs": 2 * runs}


def pause_and_resume(lab, runs):
    """All processes of the active's node stop for some seconds: the other serves; continued, the old serves nobody."""
    silent = []
    for _ in range(runs):
        active = lab.wait_pair()
        watcher = lab.holders.process.pid
        pids = [pid for pid in lab.network.processes(active) if pid != watcher]
        probe = lab.probe()
        with Freezer(f"{lab.network.prefix}-{active}", pids) as freezer:
            stopped_ns = monotonic_ns()
            freezer.freeze()
            flows(probe, taken_over(lab, other(active), stopped_ns), "the other node serves")
            wait_for(lambda: lab.holders.held_by(VIP4) == {other(active)}, PATIENCE, "the VIP is on one node alone")
            with Tap(lab.network, active) as tap:
                resumed_ns = monotonic_ns()
                freezer.thaw()
                wait_for(lambda node=active: lab.nodes[node].role() == "standby", PATIENCE, "the old active is standby")
                flows(probe, resumed_ns, "the clients are served after the resume", 1_000_000_000)
                equal("answers of the old active after the resume", len(tap.answers(resumed_ns)), 0)
                silent.append(len(tap.claims(resumed_ns)))
        equal("takers of the VIP after the resume", gains(lab, resumed_ns), [])
        equal("ARP claims of the old active after the resume", silent[-1], 0)
        probe.end()
        lab.wait_pair(active=other(active), deadline=PATIENCE)
    return f"no answer and no claim of the old active after {runs} pauses ({freezer.method})", {"runs": runs}


def server_killed(lab, runs):
    """SIGKILL for the active's SIP server: the other node serves; restarted, the first one is fit again."""
    for _ in range(runs):
        active = lab.wait_pair(deadline=PATIENCE)
        probe = lab.probe()
        killed_ns = monotonic_ns()
        lab.servers[active].kill()
        try:
            flows(probe, taken_over(lab, other(active), killed_ns), "the other node's server answers")
            wait_event(lab.nodes[active], "process.ended", killed_ns)
            wait_alarm(lab.nodes[active], "monitor.failed", "process")
        finally:
            lab.servers[active].end()
            lab.start_server(active)
        probe.end()
        wait_event(lab.nodes[active], "process.restored", killed_ns)
        wait_no_alarm(lab.nodes[active], "monitor.failed", "process")
        lab.wait_pair(active=other(active), deadline=PATIENCE)
        equal("how often the VIP moved", len(gains(lab, killed_ns)), 1)
    return f"the other node served after each of {runs} deaths", {"runs": runs}


def _engine(node, runs):
    """Lets the node's packet engine run, or ends it for good: the plainest way to be unfit."""
    node.fast.restart = runs
    if not runs:
        os.kill(node.fast.process.pid, signal.SIGKILL)


def unfit_peer(lab, runs):
    """failover to a peer that could not serve is refused with the reason; forced, it is done, and is an event."""
    del runs
    active = lab.wait_pair()
    node, peer = lab.nodes[active], lab.nodes[other(active)]
    asked_ns = monotonic_ns()
    _engine(peer, False)
    try:
        wait_for(lambda: not peer.ready(), PATIENCE, "the standby is not ready")
        # The active heard of it with the next heartbeat, long before this.
        reason = refusal(node, "failover")
        equal("changes of the holder", gains(lab, asked_ns), [])
        forced_ns = monotonic_ns()
        node.ctl("failover", "--force", timeout=60.0)
        taken_over(lab, other(active), forced_ns)
        wait_for(lambda: has_event(node, "operator.forced", forced_ns), PATIENCE, "the event operator.forced")
    finally:
        _engine(peer, True)
    lab.wait_pair(active=other(active), deadline=PATIENCE)
    return f"refused: {reason[:120]}; forced: done", {}


def last_fit_node(lab, runs):
    """disable of the only node that can serve is refused; forced it is done, and enable brings the service back."""
    del runs
    active = lab.wait_pair()
    node, peer = lab.nodes[active], lab.nodes[other(active)]
    peer.ctl("disable")
    try:
        wait_for(lambda: peer.role() == "disabled", PATIENCE, "the standby is disabled")
        reason = refusal(node, "disable")
        equal("who is active", node.role(), "active")
        forced_ns = monotonic_ns()
        node.ctl("disable", "--force")
        wait_for(lambda: lab.holders.held_by(VIP4) == set(), PATIENCE, "nobody has the VIP")
        wait_for(lambda: has_event(node, "operator.forced", forced_ns), PATIENCE, "the event operator.forced")
    finally:
        for each in (node, peer):
            if each.role() == "disabled":
                each.ctl("enable")
    lab.wait_pair(deadline=PATIENCE)
    return f"refused: {reason[:120]}; forced: done; enabled again", {}


def role_follow(lab, runs):
    """`tandemctl role follow`: the configured roles become what the roles are, on both nodes, without a restart."""
    del runs
    for _ in range(2):
        active = lab.wait_pair()
        lab.nodes[active].ctl("failover", timeout=60.0)
        now = lab.wait_pair(active=other(active))
        brains = {name: node.brain() for name, node in lab.nodes.items()}
        lab.nodes[now].ctl("role", "follow")
        for name, wanted in ((now, "primary"), (other(now), "secondary")):
            wait_for(lambda name=name, wanted=wanted: (lab.nodes[name].group() or {}).get("configured_role") == wanted,
                     PATIENCE, f"the configured role of node {name} is {wanted}")
        equal("the brains are the same", {name: node.brain() for name, node in lab.nodes.items()}, brains)
        equal("who is active", lab.active(), now)
    return "followed to and fro", {}


def _fill(path):
    """Takes every octet of a file system."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def useless_disk(lab, runs):
    """The standby's state directory is read-only, then full: it takes over as ever, and says what is wrong."""
    del runs
    for kind in ("read-only", "full"):
        active = lab.wait_pair(deadline=PATIENCE)
        standby = lab.nodes[other(active)]
        state = os.path.join(standby.directory, "state")
        filler = os.path.join(state, "filler")
        alarm = ("state.not_kept", "")
        if kind == "full":
            _fill(filler)
        else:
            lab.remount(state, "ro")
        crash_ns = monotonic_ns()
        probe_ended = False
        probe = lab.probe()
        try:
            lab.crash(active)
            flows(probe, taken_over(lab, other(active), crash_ns), "the other node serves")
            probe.end()
            probe_ended = True
            wait_for(lambda: alarm in standby.alarms(), PATIENCE, "an alarm about the state directory")
        finally:
            if not probe_ended:
                probe.end()
            lab.heal(active)
            if kind == "full":
                os.unlink(filler)
            else:
                lab.remount(state, "rw")
        lab.wait_pair(active=other(active), deadline=PATIENCE)
        wait_for(lambda: alarm not in standby.alarms(), PATIENCE, "the alarm is over")
    return "read-only and full: taken over, alarm raised and cleared", {}


