# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of targets: found when they go, within the time that was said, and when they are back."""

import contextlib

from tests.lab.figures import equal
from tests.lab.told import found_in_time, has, shows, wait_alarm, wait_event, wait_no_alarm, well_pair
from tests.support.network import CLIENT4, CLIENT6, inside
from tests.support.wait import monotonic_ns, wait_for

PATIENCE = 20.0
CHECKS = ('[[group.check]]\nname = "gateway"\naddress = "{client4}"\n'
          '[[group.check]]\nname = "quick"\naddress = "{client4}"\nprofile = "fast"\n'
          '[[group.check]]\nname = "six"\naddress = "{client6}"\nprofile = "fast"\nauto_start = false\n'
          ).format(client4=CLIENT4, client6=CLIENT6)
LAB = {"sections": CHECKS}


def _listen(lab, yes):
    """Whether the phones' host answers pings."""
    with inside(lab.network.name("c")):
        with open("/proc/sys/net/ipv4/icmp_echo_ignore_all", "w", encoding="ascii") as file:
            file.write("0" if yes else "1")


@contextlib.contextmanager
def deaf_to_pings(lab):
    """The phones' host answers none meanwhile."""
    _listen(lab, False)
    try:
        yield
    finally:
        _listen(lab, True)


def _checks(node):
    return {check["name"]: check for check in node.ctl("checks")["checks"]}


def _is(node, check, state):
    return wait_for(lambda: _checks(node)[check]["state"] == state, PATIENCE, f"check {check} is {state}", every=0.05)


def targets_go_and_come(lab, runs):
    """Two rhythms at one target; it goes deaf and hears again. Both nodes find it by themselves; no role moves."""
    active = well_pair(lab)
    figures = {"gateway_ms": [], "quick_ms": []}
    for run in range(runs):
        for node in lab.nodes.values():
            for check in ("gateway", "quick"):
                _is(node, check, "up")
        before = monotonic_ns()
        _listen(lab, False)
        deaf = monotonic_ns()
        for node in lab.nodes.values():
            worst = {name: check["worst_case_ms"] for name, check in _checks(node).items()}
            equal("the times that are told", (worst["gateway"], worst["quick"]), (3000, 40))
            for check in ("quick", "gateway"):
                figures[f"{check}_ms"].append(found_in_time(node, check, before, deaf, worst[check]))
            has("the alarm", wait_alarm(node, "check.down", "gateway"), CLIENT4)
            if run == 0:
                shows(node, "quick")
                has("the list", node.text("checks"), "down")
        back = monotonic_ns()
        _listen(lab, True)
        for node in lab.nodes.values():
            wait_event(node, "check.up", back)
            for check in ("gateway", "quick"):
                wait_no_alarm(node, "check.down", check)
    equal("nobody took anything over", lab.active(), active)
    words = ", ".join(f"{name[:-3]} {max(taken):.0f} ms" for name, taken in figures.items())
    return f"found within {words}; {runs} runs", figures


def started_and_stopped(lab, runs):
    """A check that an operator starts and stops."""
    del runs
    node = lab.nodes["a"]
    equal("not started by itself", _checks(node)["six"]["state"], "stopped")
    has("the answer", node.ctl("checks", "start", "six")["detail"], "running")
    _is(node, "six", "up")
    latency = _checks(node)["six"]["latency_us"]
    equal("times in order", latency["min"] <= latency["median"] <= latency["p99"], True)
    has("once more", node.ctl("checks", "start", "six")["detail"], "already")
    has("the answer", node.ctl("checks", "stop", "six")["detail"], "stopped")
    equal("stopped", _checks(node)["six"]["state"], "stopped")
    return "started, up, stopped", {}


CASES = (("checks: targets go and come", targets_go_and_come, 10),
         ("checks: started and stopped", started_and_stopped, 0))
