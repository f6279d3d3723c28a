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
from tests.support.wait import holds_for, wait_for

PATIENCE = 20.0
MAIL, WEB = 2525, 8080
WATCHED_S = 10.0
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


def _watched(lab):
    """How late the heartbeats of both nodes left in a while: how many, more than 1 ms, more than 5 ms."""
    active = lab.active()
    before = _beats(lab)
    holds_for(lambda: lab.active() == active, WATCHED_S, "no role moves", every=1.0)
    after = _beats(lab)

    def grown(*keys):
        def at(beats):
            for key in keys:
                beats = beats[key]
            return beats
        return sum(at(after[name]) - at(before[name]) for name in lab.nodes)
    return grown("sent"), grown("later_than_us", "1000"), grown("later_than_us", "5000")


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
    calm_beats, calm_took = _watched(lab), _switchovers(lab, runs)
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
            beats, took = _watched(lab), _switchovers(lab, runs)
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
    # The machine itself is late now and then: what it is when nothing hangs, is what it may be.
    allowed = calm_beats[1] + max(3, beats[0] // 200)
    at_most("heartbeats later than 1 ms", beats[1], allowed, "")
    at_most("heartbeats later than 5 ms", beats[2], calm_beats[2] + 1, "")
    at_most("the median switchover", statistics.median(took), statistics.median(calm_took) + 20.0, "ms")
    return (f"of {beats[0]} heartbeats {beats[1]} left more than 1 ms late, {calm_beats[1]} of {calm_beats[0]} when nothing "
            f"hangs; switchovers {statistics.median(took):.1f} ms, {statistics.median(calm_took):.1f}",
            {"late": beats, "late_calm": calm_beats, "switchover_ms": took, "switchover_calm_ms": calm_took})


CASES = (("nothing waits for what hangs", nothing_waits, 5),)
