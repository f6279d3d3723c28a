# SPDX-License-Identifier: GPL-3.0-or-later
"""What the group does by itself in the course of time: failback, and the swaps for want of SIP traffic. Each has a pair
of its own, with the configuration beside it."""

import socket

from tests.lab.figures import equal
from tests.lab.role_cases import gains
from tests.lab.told import events, has, shows, wait_alarm, wait_event, wait_monitor, wait_no_alarm, well_pair
from tests.support.lab import other
from tests.support.network import CLIENT4, VIP4, inside
from tests.support.station import Endpoint
from tests.support.wait import holds_for, monotonic_ns, wait_for

PATIENCE = 30.0

# A server that began to answer counts as well soon: both nodes are, before anything is tried.
SOON = {"rise_ms": "300", "server_interval_ms": "300", "server_timeout_ms": "250"}

AUTO = {"watch": SOON, "sections": '[group.failback]\npolicy = "auto"\nhold_s = 2\n'}

WINDOW = {"watch": SOON,
          "sections": '[group.failback]\npolicy = "window"\nhold_s = 1\nfrom = "00:00"\nto = "24:00"\ncalls_max = 0\n'}

ENDPOINT_PORT = 5077
TRAFFIC = {"watch": {**SOON, "traffic": "true"},
           "sections": '[[group.watch.endpoint]]\nname = "trunk"\n'
                       f'address = "{CLIENT4}"\nport = {ENDPOINT_PORT}\noos_check = 1\noos_force = 1\n'}


def failback_auto(lab, runs):
    """Policy `auto`: after a takeover the group returns to its primary when the hold time is over, not before."""
    del runs
    well_pair(lab, active="a")
    after = monotonic_ns()
    lab.nodes["a"].ctl("failover", timeout=60.0)
    left = wait_for(lambda: lab.holders.gained_ns(VIP4, "b", after), PATIENCE, "node b has the VIP")
    told = wait_for(lambda: (lab.nodes["b"].group() or {}).get("failback", {}).get("in_ms"), PATIENCE,
                    "status tells when the group returns")
    equal("the time told is within the hold time", 0 < told <= 2000, True)
    shows(lab.nodes["b"], "auto, after 2 s; returns in")
    back = wait_for(lambda: lab.holders.gained_ns(VIP4, "a", left), PATIENCE, "the group is home again")
    equal("not before the hold time", back - left >= 2_000_000_000, True)
    has("why", wait_event(lab.nodes["b"], "group.resigning", after)["text"], "configured primary")
    lab.wait_pair(active="a", deadline=PATIENCE)
    return f"returned after {(back - left) / 1e9:.1f} s", {}


class _Call:
    """One call through the VIP, as the packet engine sees it: INVITE, ACK, and later BYE."""

    def __init__(self, lab):
        with inside(lab.network.name("c")):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((CLIENT4, 5079))
        self._say("INVITE", "one", "")
        self._say("ACK", "two", ";tag=far")

    def _say(self, method, branch, tag):
        text = (f"{method} sip:nobody@{VIP4} SIP/2.0\r\nVia: SIP/2.0/UDP {CLIENT4}:5079;branch=z9hG4bK{branch}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:me@{CLIENT4}>;tag=near\r\nTo: <sip:nobody@{VIP4}>{tag}\r\n"
                f"Call-ID: the-call@{CLIENT4}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n")
        self._socket.sendto(text.encode(), (VIP4, 5060))

    def hang_up(self):
        self._say("BYE", "three", ";tag=far")
        self._socket.close()


def failback_window(lab, runs):
    """Policy `window` with `calls_max` 0: the window is open, but while a call is up the group stays."""
    del runs
    well_pair(lab, active="a")
    after = monotonic_ns()
    lab.nodes["a"].ctl("failover", timeout=60.0)
    left = wait_for(lambda: lab.holders.gained_ns(VIP4, "b", after), PATIENCE, "node b has the VIP")
    call = _Call(lab)
    wait_for(lambda: (lab.nodes["b"].group() or {}).get("calls") == 1, 5.0, "status shows the call")
    lab.wait_pair(active="b", deadline=PATIENCE)
    shows(lab.nodes["b"], "window 00:00 to 24:00", "the window is open")
    ready = monotonic_ns()
    holds_for(lambda: lab.holders.held_by(VIP4) == {"b"}, 3.0, "the group stays while the call is up")
    call.hang_up()
    ended = monotonic_ns()
    back = wait_for(lambda: lab.holders.gained_ns(VIP4, "a", left), PATIENCE, "the group is home again")
    equal("not before the end of the call", back > ended > ready, True)
    has("why", wait_event(lab.nodes["b"], "group.resigning", after)["text"], "configured primary")
    lab.wait_pair(active="a", deadline=PATIENCE)
    return f"waited for the call, then returned after {(back - ended) / 1e9:.1f} s", {}


def traffic(lab, runs):
    """All endpoints silent and no SIP: the roles swap; again, and the period is doubled; who sees traffic stays."""
    del runs
    with Endpoint(lab.network, ENDPOINT_PORT) as endpoint:
        first = well_pair(lab)
        node = lab.nodes[first]
        wait_monitor(node, "traffic", "ok")
        wait_for(lambda: endpoint.asked > 0, PATIENCE, "the endpoint is asked")
        silent = monotonic_ns()
        endpoint.answering = False
        moved = []
        for who in (other(first), first):
            moved.append(wait_for(lambda who=who: lab.holders.gained_ns(VIP4, who, silent), PATIENCE,
                                  f"the group moves to node {who}"))
        for each in lab.nodes.values():
            has("why", wait_event(each, "group.resigning", silent)["text"], "nothing is served")
            wait_event(each, "traffic.unavailable", silent)
            damper = wait_for(lambda each=each: (each.group() or {}).get("damper"), PATIENCE, "the damper")
            equal(f"the damper of node {each.name} after a double switchover", damper["factor"], 2)
        has("the endpoints", wait_monitor(node, "traffic", "failed"), "1 of 1 endpoints failed")
        wait_alarm(node, "monitor.failed", "traffic")
        # One period after the silence, and twice as long from now on: meanwhile the traffic returns.
        equal("the first period", (moved[0] - silent) / 1e9 >= 4.9, True)
        equal("the second period", (moved[1] - moved[0]) / 1e9 >= 5.9, True)
        endpoint.answering = True
        wait_monitor(node, "traffic", "ok")
        wait_event(node, "traffic.running", moved[1])
        wait_event(node, "service.proven", moved[1])
        wait_for(lambda: (node.group() or {}).get("damper", {}).get("factor") == 1, PATIENCE,
                 "the damper is reset")
        wait_no_alarm(node, "monitor.failed", "traffic")
        holds_for(lambda: lab.holders.held_by(VIP4) == {first}, 1.0, "the side that sees traffic stays active")
        equal("how often the VIP moved", len(gains(lab, silent)), 2)
        equal("told once", len(events(node, "traffic.running", moved[1])), 1)
    return (f"swapped after {(moved[0] - silent) / 1e9:.1f} s and {(moved[1] - moved[0]) / 1e9:.1f} s; doubled; "
            "stays with traffic"), {}
