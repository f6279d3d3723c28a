# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration is read again while everything goes on."""

import json
import os
import signal

from tests.lab.figures import equal
from tests.lab.told import events, has, wait_event, well_pair
from tests.support.network import CLIENT4
from tests.support.node import Refused
from tests.support.wait import monotonic_ns, wait_for

PATIENCE = 20.0
KEPT = f'[[group.check]]\nname = "kept"\naddress = "{CLIENT4}"\nprofile = "fast"\n'
GONE = f'[[group.check]]\nname = "gone"\naddress = "{CLIENT4}"\nprofile = "fast"\n'
NEW = f'[[group.check]]\nname = "new"\naddress = "{CLIENT4}"\nprofile = "fast"\n'
LAB = {"sections": KEPT + GONE}


def _checks(node):
    return {check["name"]: check for check in node.ctl("checks")["checks"]}


def _write(node, text):
    """As an operator's editor does: a new file in the old one's place."""
    with open(node.config + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(node.config + ".new", node.config)


def _refused(node):
    try:
        return node.ctl("reload")
    except Refused as refusal:
        return json.loads(str(refusal))["error"]


def checks_change(lab, runs):
    """Checks come, go and change; one that did not change knows what it knew; nothing else moves."""
    del runs
    active = well_pair(lab)
    node = lab.nodes["a"]
    with open(node.config, encoding="utf-8") as file:
        before = file.read()
    epoch = node.group()["epoch"]
    wait_for(lambda: _checks(node)["kept"]["answers"] > 50, PATIENCE, "the check has been answered for a while")
    known = _checks(node)["kept"]
    _write(node, before.replace(GONE, NEW))
    has("the answer", node.ctl("reload")["detail"], "1 added")
    now = _checks(node)
    equal("the checks", sorted(now), ["kept", "new"])
    equal("what it knew", now["kept"]["answers"] >= known["answers"] and now["kept"]["for_ms"] >= known["for_ms"], True)
    wait_for(lambda: _checks(node)["new"]["state"] == "up", PATIENCE, "the new check is up")
    has("once more", node.ctl("reload")["detail"], "no change")

    _write(node, before.replace(GONE, NEW.replace('"fast"', '"compatible"')))
    moment = monotonic_ns()
    os.kill(node.guard.pid, signal.SIGHUP)
    has("the event", wait_event(node, "config.reloaded", moment)["text"], "1 changed")
    equal("the rhythm", _checks(node)["new"]["interval_ms"], 500)
    equal("the roles", (lab.active(), node.group()["epoch"]), (active, epoch))
    return "one added, one changed, one gone, by tandemctl and by SIGHUP; one kept all it knew", {}


def refused_whole(lab, runs):
    """A file that is wrong, or that says what only a start can bring, changes nothing at all."""
    del runs
    active = well_pair(lab)
    node = lab.nodes["a"]
    with open(node.config, encoding="utf-8") as file:
        before = file.read()
    checks = sorted(_checks(node))
    try:
        for what, text, word in (
                ("a key that is not there", before.replace('name = "kept"', 'name = "kept"\nintervall_ms = 5'), "intervall_ms"),
                ("another interval", before.replace("multiplier = 3", "multiplier = 4"), "[pair]"),
                ("another VIP", before.replace("10.77.0.100", "10.77.0.101"), "vips"),
                ("no file", None, node.config)):
            if text is None:
                os.unlink(node.config)
            else:
                equal("the test changes something", text == before, False)
                _write(node, text.replace(GONE if GONE in text else NEW, ""))
            moment = monotonic_ns()
            refusal = _refused(node)
            has(what, json.dumps(refusal), "nothing was changed")
            has(what, "\n".join(refusal["data"]["problems"]), word)
            equal(f"the checks after {what}", sorted(_checks(node)), checks)
            equal("told", len(events(node, "config.refused", moment)), 1)
    finally:
        _write(node, before)
    has("mended", node.ctl("reload")["detail"], "configuration read again")
    equal("the roles", lab.active(), active)
    return "refused whole, each problem named", {}


CASES = (("reload: checks change", checks_change, 0),
         ("reload: refused whole", refused_whole, 0))
