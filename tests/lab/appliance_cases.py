# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens with appliances: the faults of host mode, and those that only they have. Each case finds a pair and
leaves one behind; the lab is one of tests/support/appliance.py."""

import contextlib
import os
import signal
import socket
import statistics

from tests.lab import failover_cases, hostile_cases, role_cases
from tests.lab.figures import at_most, equal, spread, words
from tests.lab.told import wait_alarm, wait_event, wait_no_alarm
from tests.support.appliance import SERVER4, SERVER6
from tests.support.freezer import standstill
from tests.support.lab import other
from tests.support.media import Connection, Echo, Stream
from tests.support.network import CLIENT4, CLIENT6, VIP4, VIP6, inside
from tests.support.wait import monotonic_ns, wait_for

ECHO_PORT = 7000
PATIENCE = 30.0


def _is_settled(group):
    return group is not None and group["score"] == 1000 and group["damper"]["remaining_ms"] is None


def _outages(lab, runs, fault, heal):
    """Outages of a fault of the active's own, after which the other node serves."""
    outages = []
    for _ in range(runs):
        active = lab.wait_pair(deadline=PATIENCE)
        # A node that has just been mended is not fit yet, and a damper still holds hand-overs back.
        wait_for(lambda: all(_is_settled(node.group()) for node in lab.nodes.values()), PATIENCE, "both nodes are fit")
        probe = lab.probe()
        fault_ns = monotonic_ns()
        fault(active)
        try:
            # It may have it already: where the whole machine stood still, the group can have moved just before.
            wait_for(lambda: lab.active() == other(active), PATIENCE, f"node {other(active)} is active after the fault",
                     every=0.002)
            moved = max(fault_ns, lab.holders.gained_ns(VIP4, other(active), fault_ns) or 0)
            wait_for(lambda: probe.last_answer_ns() > moved + 300_000_000, PATIENCE, "the other node serves")
            outages.append(probe.outage(fault_ns).ms)
            probe.end()
        finally:
            heal(active)
        lab.wait_pair(active=other(active), deadline=PATIENCE)
    return outages


def engine_killed(lab, runs):
    """SIGKILL for the active's packet engine: nothing passes this node any more, and the other one takes over.

    The kernel tells of a process's end when it has given back its memory, which takes most of the time here."""
    def kill(active):
        lab.nodes[active].fast.restart = False
        os.kill(lab.nodes[active].fast.process.pid, signal.SIGKILL)

    def heal(active):
        killed_ns = monotonic_ns()
        wait_alarm(lab.nodes[active], "engine.absent")
        lab.nodes[active].fast.restart = True
        wait_event(lab.nodes[active], "engine.running", killed_ns)
        wait_no_alarm(lab.nodes[active], "engine.absent")
    outages = _outages(lab, runs, kill, heal)
    at_most("median outage", statistics.median(outages), 150)
    return words("outage", outages), {"outage": spread(outages)}


def engine_hangs(lab, runs):
    """SIGSTOP for the active's packet engine: it is ended, and the other node takes over."""
    outages = _outages(lab, runs, lambda active: os.kill(lab.nodes[active].fast.process.pid, signal.SIGSTOP),
                       lambda active: wait_for(lab.nodes[active].engine_attached, PATIENCE, "the engine is back"))
    at_most("median outage", statistics.median(outages), 1000)
    return words("outage", outages), {"outage": spread(outages)}


def node_frozen(lab, runs):
    """All processes of the active's node stop: engine, brain and guard."""
    return role_cases.pause_and_resume(lab, runs)


def unfit_peer(lab, runs):
    """failover to a peer without its engine is refused, forced as well: it would serve nobody."""
    del runs
    active = lab.wait_pair()
    node, peer = lab.nodes[active], lab.nodes[other(active)]
    asked_ns = monotonic_ns()
    peer.fast.restart = False
    os.kill(peer.fast.process.pid, signal.SIGKILL)
    try:
        wait_for(lambda: peer.role() == "fault", PATIENCE, "the standby is in fault")
        reasons = {role_cases.refusal(node, *words) for words in (("failover",), ("failover", "--force"))}
        equal("changes of the holder", role_cases.gains(lab, asked_ns), [])
    finally:
        peer.fast.restart = True
    lab.wait_pair(active=active, deadline=PATIENCE)
    return "refused: " + "; ".join(sorted(reasons)), {}


def inside_lost(lab, runs):
    """The cable to the active's SIP server is pulled: the other node takes over."""
    outages = _outages(lab, runs, lambda active: lab.network.pull_inside(active, "down"),
                       lambda active: lab.network.pull_inside(active, "up"))
    at_most("median outage", statistics.median(outages), 5000)
    return words("outage", outages), {"outage": spread(outages)}


def server_killed(lab, runs):
    """SIGKILL for the SIP server behind the active: the other node takes over; restarted, the first is fit again."""
    def heal(active):
        lab.servers[active].end()
        lab.start_server(active)
    outages = _outages(lab, runs, lambda active: lab.servers[active].kill(), heal)
    at_most("median outage", statistics.median(outages), 5000)
    return words("outage", outages), {"outage": spread(outages)}


def planned_ipv6(lab, runs):
    """`tandemctl failover` at 1,000 requests/s by IPv6: no request lost."""
    lab.wait_pair()
    probe = lab.probe(target=f"[{VIP6}]:5060", local=CLIENT6)
    for _ in range(runs):
        active = lab.wait_pair(deadline=PATIENCE)
        lab.nodes[active].ctl("failover")
        lab.wait_pair(active=other(active), deadline=PATIENCE)
        now = monotonic_ns()
        wait_for(lambda now=now: probe.last_answer_ns() > now + 300_000_000, PATIENCE, "answers after the switchover")
    summary = probe.stop()
    equal(f"requests lost of {summary['sent']}", summary["lost"], 0)
    return f"0 of {summary['sent']} requests lost in {runs} switchovers", {"sent": summary["sent"], "lost": 0}


def standby_silent(lab, runs):
    """A node that is standby answers no ARP for the VIP, and nothing of its server leaves it."""
    del runs
    active = lab.wait_pair()
    standby = lab.nodes[other(active)]
    before = standby.counter("inside_held_back")
    with role_cases.Tap(lab.network, other(active)) as tap:
        from_ns = monotonic_ns()
        equal("registered", lab.phones.register(), lab.phones.count)
        wait_for(lambda: standby.counter("inside_held_back") >= before + lab.phones.count, 5.0,
                 "the standby's answers are held back")
        equal("what the standby sent from a VIP", len(tap.answers(from_ns)), 0)
        equal("claims of the standby", len(tap.claims(from_ns)), 0)
    return f"{lab.phones.count} answers held back, none left", {}


@contextlib.contextmanager
def _echoes(lab, nodes):
    """An echo at both VIPs behind each of the nodes."""
    with contextlib.ExitStack() as stack:
        for node in nodes:
            for address in (SERVER4, SERVER6) if lab.network.nat else (VIP4, VIP6):
                stack.enter_context(Echo(lab.network.name(lab.network.server(node)), address, ECHO_PORT))
        yield


def media(lab, runs):
    """Calls, and RTP streams to the VIP beside them: everything comes back; after a crash the streams go on."""
    del runs
    active = lab.wait_pair()
    client = lab.network.name("c")
    equal("registered", lab.phones.register(), lab.phones.count)
    with _echoes(lab, "ab"):
        with Stream(client, CLIENT4, VIP4, ECHO_PORT) as four, Stream(client, CLIENT6, VIP6, ECHO_PORT) as six:
            calls = lab.phones.call_all()
            wait_for(lambda: four.answered() > 400 and six.answered() > 400, 10.0, "streams of 2 s")
        equal(f"calls completed ({calls.get('errors', '')})", calls["completed"], lab.phones.count)
        equal("packets lost by IPv4", four.lost, 0)
        equal("packets lost by IPv6", six.lost, 0)
        with Stream(client, CLIENT4, VIP4, ECHO_PORT) as stream:
            wait_for(lambda: stream.answered() > 100, 5.0, "the stream runs")
            lab.crash(active)
            try:
                lost_at = stream.answered()
                wait_for(lambda: stream.answered() > lost_at + 200, PATIENCE, "the stream goes on behind the other node")
            finally:
                lab.heal(active)
        at_most("longest gap in the stream", stream.longest_gap_ms, 100)
    lab.wait_pair(active=other(active), deadline=PATIENCE)
    return (f"0 of {four.sent + six.sent} RTP packets lost beside {calls['completed']} calls; gap in a stream over a crash "
            f"{stream.longest_gap_ms:.1f} ms", {"gap_ms": stream.longest_gap_ms})


def _worker_counts(node):
    """Media packets that each worker of a node has forwarded from outside."""
    return [worker["counters"].get("not_sip", 0) for worker in node.status()["self"]["engine"]["workers"]]


def two_workers(lab, runs):
    """Calls and many RTP streams through two workers, and planned switchovers under them: nothing is lost."""
    client = lab.network.name("c")
    equal("registered", lab.phones.register(), lab.phones.count)
    before = {name: _worker_counts(node) for name, node in lab.nodes.items()}
    equal("workers", [len(counts) for counts in before.values()], [2, 2])
    with _echoes(lab, "ab"), contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Stream(client, local, vip, ECHO_PORT))
                   for local, vip in 6 * ((CLIENT4, VIP4), (CLIENT6, VIP6))]
        calls = lab.phones.call_all()
        equal(f"calls completed ({calls.get('errors', '')})", calls["completed"], lab.phones.count)
        for _ in range(runs):
            active = lab.wait_pair(deadline=PATIENCE)
            lab.nodes[active].ctl("failover")
            lab.wait_pair(active=other(active), deadline=PATIENCE)
            answered = [stream.answered() for stream in streams]
            wait_for(lambda at=answered: all(s.answered() > n + 100 for s, n in zip(streams, at)), PATIENCE,
                     "the streams go on after the switchover")
    sent, lost = sum(stream.sent for stream in streams), sum(stream.lost for stream in streams)
    equal(f"RTP packets lost of {sent}", lost, 0)
    for name, node in lab.nodes.items():
        counts = [now - then for now, then in zip(_worker_counts(node), before[name])]
        equal(f"workers of node {name} that carried media, of {counts}", [count > 100 for count in counts], [True, True])
        equal(f"packets that a worker of node {name} had no room for", node.counter("worker_full"), 0)
    return (f"{calls['completed']} calls, 0 of {sent} RTP packets lost in {runs} switchovers; longest gap "
            f"{max(stream.longest_gap_ms for stream in streams):.1f} ms", {"sent": sent, "lost": lost})


def worker_hangs(lab, runs):
    """One of the active's two workers stands still: the engine is ended, and the other node takes over."""
    with contextlib.ExitStack() as stack:
        outages = _outages(lab, runs, lambda active: stack.enter_context(
            standstill(lab.nodes[active].fast.process.pid, "worker1")),
            lambda active: wait_for(lab.nodes[active].engine_attached, PATIENCE, "the engine is back"))
    at_most("median outage", statistics.median(outages), 1000)
    return words("outage", outages), {"outage": spread(outages)}


def connections_survive(lab, runs):
    """One server behind both nodes: TCP connections and RTP streams survive planned switchovers."""
    client = lab.network.name("c")
    lab.wait_pair(deadline=PATIENCE)
    with _echoes(lab, "a"), contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Stream(client, local, vip, ECHO_PORT))
                   for local, vip in ((CLIENT4, VIP4), (CLIENT6, VIP6))]
        connections = [stack.enter_context(Connection(client, local, vip, ECHO_PORT))
                       for local, vip in ((CLIENT4, VIP4), (CLIENT6, VIP6))]
        parts = streams + connections
        for _ in range(runs):
            active = lab.wait_pair(deadline=PATIENCE)
            lab.nodes[active].ctl("failover")
            lab.wait_pair(active=other(active), deadline=PATIENCE)
            streamed = [stream.answered() for stream in streams]
            said = [connection.lines for connection in connections]
            wait_for(lambda streamed=streamed: all(s.answered() > n + 100 for s, n in zip(streams, streamed)), PATIENCE,
                     "the streams go on after the switchover")
            wait_for(lambda said=said: all(c.failure or c.lines > n + 20 for c, n in zip(connections, said)), PATIENCE,
                     "the connections go on after the switchover")
    for connection in connections:
        equal("what ended a connection", connection.failure, None)
    lost = sum(stream.lost for stream in streams)
    gaps = [part.longest_gap_ms for part in parts]
    equal(f"RTP packets lost of {sum(stream.sent for stream in streams)}", lost, 0)
    return (f"{sum(c.lines for c in connections)} lines by two connections, 0 of {sum(s.sent for s in streams)} RTP packets "
            f"lost in {runs} switchovers; longest gap {max(gaps):.1f} ms", {"lost": lost, "gaps_ms": gaps})


def connections_survive_crash(lab, runs):
    """The same over a crash: what was under way is lost, TCP sends it again, the connection stays."""
    client = lab.network.name("c")
    gaps = []
    for _ in range(runs):
        active = lab.wait_pair(deadline=PATIENCE)
        with _echoes(lab, "a"), Stream(client, CLIENT4, VIP4, ECHO_PORT) as stream, \
                Connection(client, CLIENT4, VIP4, ECHO_PORT) as connection:
            wait_for(lambda: stream.answered() > 100 and connection.lines > 20, 5.0, "stream and connection run")
            crashed_ns = lab.crash(active)
            try:
                wait_for(lambda at=crashed_ns: lab.holders.gained_ns(VIP4, other(active), at), PATIENCE, "taken over")
                answered, lines = stream.answered(), connection.lines
                wait_for(lambda: stream.answered() > answered + 100, PATIENCE, "the stream goes on")
                wait_for(lambda: connection.failure or connection.lines > lines + 20, PATIENCE, "the connection goes on")
            finally:
                lab.heal(active)
        equal("what ended the connection", connection.failure, None)
        gaps.append(stream.longest_gap_ms)
        lab.wait_pair(active=other(active), deadline=PATIENCE)
    at_most("median gap in the RTP stream", statistics.median(gaps), 30)
    return words("gap in the RTP stream", gaps) + "; the connections stayed", {"gap": spread(gaps)}


class _Listener:
    """Counts the frames at a node's HA cable that show a REGISTER to whoever listens."""

    def __init__(self, network, node):
        with inside(network.name("sw")):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self._socket.bind((f"{node}_ha", 3))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

    def registers(self):
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                count += self._socket.recv(65536).count(b"REGISTER sip:")
        return count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()


def _mirror_by_port(lab, runs, seen):
    """Registrations reach the standby past the kernel, and are there after a crash. `seen`: in clear on the cable?"""
    active = lab.wait_pair(deadline=PATIENCE)
    node, standby = lab.nodes[active], lab.nodes[other(active)]
    before = {name: (node.counter(name), standby.counter(name)) for name in ("ha_port_sent", "ha_port_received")}
    with _Listener(lab.network, active) as listener:
        equal("registered", lab.phones.register(), lab.phones.count)
        wait_for(lambda: lab.servers[other(active)].registrations() == lab.phones.count, 5.0,
                 "the registrations on the standby's server")
        equal("REGISTERs that can be read on the cable", listener.registers() > 0, seen)
    def grown(who, name):
        return (node.counter(name), standby.counter(name))[who] - before[name][who]
    wait_for(lambda: grown(0, "ha_port_sent") >= lab.phones.count, 2.0, "every mirrored packet has left by the port")
    wait_for(lambda: grown(1, "ha_port_received") >= lab.phones.count, 2.0, "every one has arrived by the port")
    sent = grown(0, "ha_port_sent")
    text, figures = failover_cases.registrations_survive(lab, runs)
    for name in ("link_clear", "link_unauthentic", "link_malformed", "mirror_lost"):
        equal(name, [n.counter(name) for n in lab.nodes.values()], [0, 0])
    return f"{text}; {sent} datagrams by the port in the first round", figures


def mirror_by_port(lab, runs):
    """With [[engine.ha]]: sealed, so that nobody on the cable reads SIP."""
    return _mirror_by_port(lab, runs, seen=False)


def mirror_in_clear(lab, runs):
    """With mirror = "clear": SIP as it is, between two ports of DPDK."""
    return _mirror_by_port(lab, runs, seen=True)


# name, function, runs when --full
PAIR = (
    ("appliance: registrations survive a crash", failover_cases.registrations_survive, 3),
    ("appliance: nothing happens without a cause", failover_cases.no_takeover_without_cause, 0),
    ("appliance: standby is silent", standby_silent, 0),
    ("appliance: media", media, 0),
    ("appliance: node crash", failover_cases.node_crash, 20),
    ("appliance: brain killed", failover_cases.brain_kill, 20),
    ("appliance: carrier lost", failover_cases.carrier_lost, 20),
    ("appliance: one HA path cut", failover_cases.one_path_cut, 3),
    ("appliance: planned switchover", failover_cases.planned_switchover, 20),
    ("appliance: planned switchover by IPv6", planned_ipv6, 5),
    ("appliance: guard and brain stopped", failover_cases.guard_and_brain_stopped, 3),
    ("appliance: engine killed", engine_killed, 10),
    ("appliance: engine hangs", engine_hangs, 3),
    ("appliance: inside cable pulled", inside_lost, 3),
    ("appliance: SIP server killed", server_killed, 3),
    ("appliance: partition and heal", role_cases.partition_heals, 3),
    ("appliance: node frozen and resumed", node_frozen, 3),
    ("appliance: failover to an unfit peer", unfit_peer, 0),
    ("appliance: malformed SIP", hostile_cases.malformed_sip, 0),
    ("appliance: both started at once", failover_cases.both_started, 5),
)
# With one server behind both, transparent and translated.
SHARED = (
    ("connections survive a planned switchover", connections_survive, 10),
    ("connections survive a crash", connections_survive_crash, 5),
    ("planned switchover", failover_cases.planned_switchover, 10),
)
# What the pair's lab is made with, how many phones, and the cases on it.
LABS = (
    # Several cases in a row end in a hand-over for want of health: the damper is to forget them soon.
    ({"appliance": {}, "keys": {"damper_s": 1}}, 200, PAIR),
    ({"appliance": {"workers": 2}, "keys": {"damper_s": 1}}, 200, (
        ("appliance, two workers: calls, media and switchovers", two_workers, 5),
        ("appliance, two workers: planned switchover", failover_cases.planned_switchover, 5),
        ("appliance, two workers: one of them hangs", worker_hangs, 3))),
    ({"appliance": {"ha": "sealed"}}, 200, (
        ("appliance: mirror over a DPDK port, planned switchover", failover_cases.planned_switchover, 5),
        ("appliance: mirror over a DPDK port, one HA path cut", failover_cases.one_path_cut, 3),
        ("appliance: mirror over a DPDK port", mirror_by_port, 3))),
    ({"appliance": {"ha": "clear"}}, 200, (
        ("appliance: mirror over a DPDK port in clear", mirror_in_clear, 3),)),
    ({"appliance": {"nat": True}}, 0, (
        ("appliance, nat: node crash", failover_cases.node_crash, 5),
        ("appliance, nat: planned switchover", failover_cases.planned_switchover, 5),
        ("appliance, nat: planned switchover by IPv6", planned_ipv6, 3))),
    ({"appliance": {"shared": True}}, 0, tuple(
        (f"appliance, shared server: {name}", function, runs) for name, function, runs in SHARED)),
    ({"appliance": {"shared": True, "nat": True}}, 0, tuple(
        (f"appliance, shared server, nat: {name}", function, runs) for name, function, runs in SHARED)),
)
