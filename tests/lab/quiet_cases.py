# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that never answer and programs that never end: no heartbeat is late for it, and no change of role waits."""

import statistics
import subprocess

from tests.lab.figures import at_most
from tests.lab.told import well_pair
from tests.support.lab import other
from tests.support.mail_server import Silent
from tests.support.network import CLIENT4
from tests.support.sip_target import silent_name_server
from tests.support.standstill import Witness
from tests.support.wait import holds_for, monotonic_ns, wait_for

PATIENCE = 20.0
MAIL, WEB = 2525, 8080
# Several short whiles: one pause of the machine spoils one of them, what hangs would spoil each.
WHILES, WATCHED_S = 5, 2.0
LAB = {"sections": (
    # asks a name server that says nothing
    f'[[group.check]]\nname = "name"\nmethod = "sip"\nuri = "sip:nobody.test"\nname_servers = ["{CLIENT4}"]\n'
    'interval_ms = 500\ntimeout_ms = 2000\nauto_start = false\n'
    # a program that does not end, again and again
    '[[group.check]]\nname = "script"\nmethod = "script"\nscript = "sleep 1000"\ninterval_ms = 1000\n'
    'timeout_ms = 2000\nauto_start = false\n'
    f'[[group.action]]\non = "alarm-cleared"\nalarm = "no.such"\nlist = "hook"\nposition = 1\ntype = "webhook"\n'
    f'url = "http://{CLIENT4}:{WEB}/"\ntimeout_ms = 600000\n'
    f'[email]\nserver = "{CLIENT4}"\nport = {MAIL}\nfrom = "tandem@lab.example"\nto = ["ops@lab.example"]\n'
    'timeout_s = 600\n')}


def _beats(lab):
    return {name: node.status()["self"]["beats"] for name, node in lab.nodes.items()}


class Watched:
    """How late the heartbeats of both nodes left, while by while: how many there were, and those that left more than 1 ms
    and more than 5 ms late. What the machine owes is not counted: as large a share of them as its processor was
    away, twice over, because the witness, which sleeps for two milliseconds at a time, misses a part of the short pauses."""

    def __init__(self, lab):
        self.sent, self.late, self.very_late, self.owed = [], [], [], []
        active, witness = lab.active(), Witness()
        try:
            for _ in range(WHILES):
                before, since = _beats(lab), monotonic_ns()
                holds_for(lambda: lab.active() == active, WATCHED_S, "no role moves", every=0.5)
                self._add(before, _beats(lab), witness.away_ns(since, monotonic_ns()))
        finally:
            witness.close()

    def _add(self, before, after, away_ns):
        self.sent.append(sum(after[name]["sent"] - before[name]["sent"] for name in after))
        self.owed.append(2 * self.sent[-1] * away_ns / (WATCHED_S * 1e9))
        for counted, limit in ((self.late, "1000"), (self.very_late, "5000")):
            counted.append(sum(after[name]["later_than_us"][limit] - before[name]["later_than_us"][limit]
                               for name in after))

    def own(self, late):
        """The median, over the whiles, of those late heartbeats that the machine does not owe."""
        return statistics.median(max(count - owed, 0) for count, owed in zip(late, self.owed))

    def words(self):
        return (f"of {sum(self.sent)} heartbeats {sum(self.late)} left more than 1 ms late, {sum(self.very_late)} of them 5 ms "
                f"(the machine owes {sum(self.owed):.0f})")


def _switchovers(lab, runs):
    """Durations of planned ones, in milliseconds."""
    took = []
    for _ in range(max(runs, 1) * 2):
        active = well_pair(lab)
        took.append(lab.nodes[active].ctl("failover", timeout=30.0)["duration_ms"])
        lab.wait_pair(active=other(active))
    return took


def nothing_waits(lab, runs):
    """An unreachable mail server, a hanging script, a silent name server, a web server that never finishes."""
    calm, calm_took = Watched(lab), _switchovers(lab, runs)
    well_pair(lab)
    servers = [Silent(lab.network.name("c"), CLIENT4, port) for port in (MAIL, WEB)]
    posts = []
    try:
        with silent_name_server(lab.network.name("c"), CLIENT4) as asked:
            for node in lab.nodes.values():
                node.ctl("mail", "test")
                for check in ("name", "script"):
                    node.ctl("checks", "start", check)
                posts.append(subprocess.Popen([node.program("tandemctl"), "--socket", node.socket, "actions", "run", "hook"],
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            for server in servers:
                wait_for(lambda server=server: server.accepted() >= 2, PATIENCE, "both nodes are connected", every=0.05)
            wait_for(asked, PATIENCE, "the name server is asked", every=0.05)
            for node in lab.nodes.values():
                wait_for(lambda node=node: {check["name"]: check["state"] for check in node.ctl("checks")["checks"]}
                         == {"name": "down", "script": "down"}, PATIENCE, "both checks are down", every=0.05)
            hung, took = Watched(lab), _switchovers(lab, runs)
            for node in lab.nodes.values():
                if not any(each["state"] == "running" for each in node.ctl("actions")["lists"]):
                    raise AssertionError(f"the web request of node {node.name} has ended: {node.ctl('actions')}")
    finally:
        for node in lab.nodes.values():
            node.ctl("actions", "cancel")
            node.ctl("mail", "drop", "all")
            for check in ("name", "script"):
                node.ctl("checks", "stop", check)
        for post in posts:
            post.kill()
            post.wait()
        for server in servers:
            server.close()
    at_most("the median of heartbeats later than 1 ms", hung.own(hung.late), calm.own(calm.late) + statistics.median(hung.sent) / 200,
            f"of {statistics.median(hung.sent):.0f} in a while")
    at_most("the median of heartbeats later than 5 ms", hung.own(hung.very_late), calm.own(calm.very_late), "")
    at_most("the median switchover", statistics.median(took), statistics.median(calm_took) + 20.0)
    return (f"{hung.words()}; when nothing hangs {calm.words()}; switchovers {statistics.median(took):.1f} ms, "
            f"{statistics.median(calm_took):.1f}",
            {"hung": vars(hung), "calm": vars(calm), "switchover_ms": took, "switchover_calm_ms": calm_took})


CASES = (("nothing waits for what hangs", nothing_waits, 5),)
