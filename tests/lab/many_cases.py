# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand checks on each node: what they cost, and what happens when all targets go at once."""

import os
import time

from tests.lab.check_cases import deaf_to_pings
from tests.lab.figures import at_most, equal
from tests.lab.told import events, well_pair
from tests.support.network import CLIENT4
from tests.support.process import alive
from tests.support.wait import holds_for, monotonic_ns, wait_for

CHECKS = 10_000
WATCHED_S = 8.0
PATIENCE = 60.0
LAB = {"sections": "".join(f'[[group.check]]\nname = "c{i}"\naddress = "{CLIENT4}"\n' for i in range(CHECKS))}


def _cpu_s(pid):
    """What a process has used of processors."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _share(brains, seconds):
    """Of one processor, for each brain."""
    before, begun = {name: _cpu_s(pid) for name, pid in brains.items()}, time.monotonic()
    holds_for(lambda: all(alive(pid) for pid in brains.values()), seconds, "both brains live", every=0.5)
    took = time.monotonic() - begun
    return {name: round((_cpu_s(pid) - before[name]) / took, 2) for name, pid in brains.items()}


def _all_are(node, state):
    states = (node.group() or {}).get("checks", {}).get("states", {})
    return states.get(state) == CHECKS


def ten_thousand(lab, runs):
    """Less than one processor for each node; all go down and come up together, and no role moves for it."""
    del runs
    active = well_pair(lab)
    epoch = lab.nodes[active].group()["epoch"]
    brains = {name: node.brain() for name, node in lab.nodes.items()}
    for node in lab.nodes.values():
        wait_for(lambda node=node: _all_are(node, "up"), PATIENCE, f"all checks of node {node.name} are up", every=0.2)
    share = _share(brains, WATCHED_S)
    listed = monotonic_ns()
    equal("how many are listed", len(lab.nodes[active].ctl("checks", timeout=PATIENCE)["checks"]), CHECKS)
    listed = (monotonic_ns() - listed) / 1e9
    begun = monotonic_ns()
    with deaf_to_pings(lab):
        went = monotonic_ns()
        for node in lab.nodes.values():
            wait_for(lambda node=node: _all_are(node, "down"), PATIENCE, f"all of node {node.name} are down", every=0.1)
        down = (monotonic_ns() - went) / 1e9
    came = monotonic_ns()
    for node in lab.nodes.values():
        wait_for(lambda node=node: _all_are(node, "up"), PATIENCE, f"all of node {node.name} are up again", every=0.1)
    up = (monotonic_ns() - came) / 1e9
    for node in lab.nodes.values():
        equal("a storm is told in short", len(events(node, "check.down", begun)) <= 400, True)
        equal("no role moved", node.group()["epoch"], epoch)
    equal("no brain began anew", {name: node.brain() for name, node in lab.nodes.items()}, brains)
    equal("who is active", lab.active(), active)
    for name, used in share.items():
        at_most(f"processors for the checks of node {name}", used, 1.0, "")
    words = " and ".join(f"{used:.2f}" for used in share.values())
    return (f"{words} of a processor; listed in {listed:.1f} s; all were down after {down:.1f} s and up after {up:.1f} s; "
            "no role moved", {"share": share, "listed_s": listed, "down_s": down, "up_s": up})


CASES = (("ten thousand checks", ten_thousand, 0),)
