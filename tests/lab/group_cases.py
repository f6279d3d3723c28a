# SPDX-License-Identifier: GPL-3.0-or-later
"""Two groups on one pair: each has its own active node, and what happens to one is nothing to the other."""

from tests.lab.figures import equal
from tests.support.lab import other
from tests.support.network import VIP4, VIP4_SECOND
from tests.support.node import GROUP, SECOND_GROUP
from tests.support.wait import holds_for, monotonic_ns, wait_for

PATIENCE = 30.0
VIP_OF = {GROUP: VIP4, SECOND_GROUP: VIP4_SECOND}


def _active(lab, group):
    actives = [name for name, node in lab.nodes.items() if node.role(group) == "active"]
    return actives[0] if len(actives) == 1 else None


def _wait(lab, group, active=None):
    """Until one node (the named one) is active for the group and alone with its VIP, and the other one is ready."""
    def so():
        now = _active(lab, group)
        return (now and active in (None, now) and lab.nodes[other(now)].ready(group)
                and lab.holders.held_by(VIP_OF[group]) == {now})
    wait_for(so, PATIENCE, f"node {active or 'a or b'} is active for {group}, the other one ready")


def _served(lab, group):
    probe = lab.probe(target=f"{VIP_OF[group]}:5060")
    probe.end()


def two_groups(lab, runs):
    """Each node is active for its own group; a switchover moves one, a crash both to the survivor."""
    del runs
    _wait(lab, GROUP, "a")
    _wait(lab, SECOND_GROUP, "b")
    for group in VIP_OF:
        _served(lab, group)

    asked_ns = monotonic_ns()
    lab.nodes["a"].ctl("failover", GROUP, timeout=60.0)
    _wait(lab, GROUP, "b")
    _wait(lab, SECOND_GROUP, "b")
    equal("changes of the other group's holder", [c for c in lab.holders.changes(VIP4_SECOND) if c[0] > asked_ns], [])
    lab.nodes["b"].ctl("failover", GROUP, timeout=60.0)
    _wait(lab, GROUP, "a")

    lab.crash("a")
    try:
        for vip in VIP_OF.values():
            wait_for(lambda vip=vip: "b" in lab.holders.held_by(vip), PATIENCE, f"node b has {vip}")
        for group in VIP_OF:
            _served(lab, group)
    finally:
        lab.heal("a")
    # Node a was cut off, not dead: it has taken the other's group. Which node keeps which is for the epochs to say.
    for group in VIP_OF:
        _wait(lab, group)
    kept = {vip: lab.holders.held_by(vip) for vip in VIP_OF.values()}
    holds_for(lambda: all(lab.holders.held_by(vip) == kept[vip] for vip in kept), 0.5, "the groups stay where they are")
    return "own actives, moved alone, taken over together", {}
