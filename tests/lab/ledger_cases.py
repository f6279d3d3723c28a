# SPDX-License-Identifier: GPL-3.0-or-later
"""Events and alarms on both nodes: over restarts, while the other node is away, and in a storm."""

import json
import os
import socket

from tests.lab.figures import equal
from tests.lab.told import has, shows, wait_alarm, wait_no_alarm, well_pair
from tests.support.lab import other
from tests.support.network import CLIENT4, inside
from tests.support.node import Refused
from tests.support.wait import monotonic_ns, wait_for

PATIENCE = 20.0
BURST = 10_000
LAB = {"sections": f'[[group.check]]\nname = "phones"\naddress = "{CLIENT4}"\nprofile = "fast"\n'
                   '[alarm]\n[[alarm.rule]]\ncode = "check.down"\nclear = "manual"\nseverity = "minor"\n'}


def _listed(node, *words):
    return node.ctl("events", "--limit", "0", *words)["events"]


def _keys(entries):
    return [(entry["node"], entry["life"], entry["seq"]) for entry in entries]


def _alarm(node, of, code):
    """Alarm `code` of node `of`, as `node` shows it."""
    return next((alarm for alarm in node.ctl("alarms")["alarms"]
                 if alarm["node"] == of and alarm["code"] == code), None)


def _over(node, alarm, *words):
    """That alarm as `node` remembers it; nothing while it does not."""
    return next((over for over in node.ctl("alarms", "--history", *words)["alarms"] if over["id"] == alarm), None)


def deaf(lab, yes):
    """Whether the phones' host leaves pings unanswered."""
    with inside(lab.network.name("c")):
        with open("/proc/sys/net/ipv4/icmp_echo_ignore_all", "w", encoding="ascii") as file:
            file.write("1" if yes else "0")


def _both_know(lab):
    """Both nodes show the same events of both, in the same order of each; gives their keys."""
    def same():
        shown = [_keys(_listed(node)) for node in lab.nodes.values()]
        return shown[0] if sorted(shown[0]) == sorted(shown[1]) else None
    return wait_for(same, PATIENCE, "both nodes show the events of both", every=0.2)


def _in_order(keys):
    for name in ("a", "b"):
        numbers = [seq for node, _, seq in keys if node == name]
        equal(f"no number of node {name} is missing or comes twice", numbers,
              list(range(numbers[0], numbers[0] + len(numbers))) if numbers else [])


def journal_over_restarts(lab, runs):
    """The brain is killed, and tandemd is stopped and started: numbers go on, and both nodes know all of it."""
    del runs
    active = well_pair(lab)
    standby = lab.nodes[other(active)]
    before = _both_know(lab)
    _in_order(before)
    standby.kill_brain()
    wait_for(lambda: standby.status() and len([e for e in standby.events() if e["name"] == "node.started"]) >= 2, PATIENCE,
             "the brain is back, and remembers that it had started before", every=0.1)
    lab.wait_pair(deadline=PATIENCE)
    after_kill = _both_know(lab)
    _in_order(after_kill)
    if not set(before) <= set(after_kill):
        raise AssertionError("events were lost with the brain")
    standby.end_daemon()
    active = lab.nodes[active]
    equal("the other node still shows what this one said", {"a", "b"}, {key[0] for key in _keys(_listed(active))})
    standby.start_daemon()
    lab.wait_pair(active=active.name, deadline=PATIENCE)
    after_stop = _both_know(lab)
    _in_order(after_stop)
    if not set(after_kill) <= set(after_stop):
        raise AssertionError("events were lost with tandemd")
    text = active.text("events", "--name", "node.*", "--node", standby.name)
    has("the text", text, "node.started")
    has("the text", text, "node.stopping")
    if "takeover" in text:
        raise AssertionError("a name was asked for, and others came")
    equal("a time", _listed(active, "--since", "1s") and True, True)
    return f"{len(after_stop)} events on both nodes, three lives of {standby.name}", {"events": len(after_stop)}


def alarms_over_restarts(lab, runs):
    """An alarm that an operator knows of, over a restart; its condition ends; it is cleared from the other node."""
    del runs
    active = well_pair(lab)
    node, peer = lab.nodes[active], lab.nodes[other(active)]
    deaf(lab, True)
    try:
        wait_alarm(peer, "check.down", "phones")
        shown = wait_for(lambda: _alarm(node, peer.name, "check.down"), PATIENCE, "the peer's alarm", every=0.1)
        equal("as the rule says", shown["severity"], "minor")
        try:
            node.ctl("alarms", "clear", shown["id"])
        except Refused as refused:
            has("the answer", str(refused), "still holds")
        else:
            raise AssertionError("an alarm was cleared whose condition holds")
        node.ctl("alarms", "ack", shown["id"], "--note", "known; see 4711")
        known = wait_for(lambda: (_alarm(node, peer.name, "check.down") or {}).get("acknowledged"), PATIENCE,
                         "acknowledged over the peer", every=0.1)
        equal("by whom, and why", (known["by"], known["note"]), ("root", "known; see 4711"))
        shows(peer, "1 acknowledged", "see tandemctl alarms")
        with_note = os.path.join(peer.directory, "state", "journal", "alarms.json")
        wait_for(lambda: "4711" in open(with_note, encoding="utf-8").read(), PATIENCE, "it is on disk")
        peer.kill_brain()
        same = wait_for(lambda: (lambda a: a if a and a["state"] == "active" else None)(
            (peer.status() and _alarm(peer, peer.name, "check.down")) or None), PATIENCE, "the alarm is back", every=0.1)
        equal("the same alarm", [same[key] for key in ("id", "first_us", "count", "acknowledged")],
              [shown["id"], shown["first_us"], 1, known])
        equal("nobody was told of it again", len([e for e in peer.events() if e["name"] == "alarm.raised"
                                                  and e["data"]["code"] == "check.down"]), 1)
    finally:
        deaf(lab, False)
    wait_for(lambda: (_alarm(peer, peer.name, "check.down") or {}).get("state") == "ended", PATIENCE,
             "over, and not cleared", every=0.1)
    wait_no_alarm(peer, "check.down", "phones")
    wait_for(lambda: (_alarm(node, peer.name, "check.down") or {}).get("state") == "ended", PATIENCE,
             "the other node knows", every=0.1)
    node.ctl("alarms", "clear", shown["id"])
    wait_for(lambda: _alarm(node, peer.name, "check.down") is None, PATIENCE, "cleared from the other node", every=0.1)
    node.ctl("alarms", "clear", _alarm(node, node.name, "check.down")["id"])
    peer.kill_brain()
    wait_for(peer.status, PATIENCE, "the brain is back", every=0.1)
    for each in (node, peer):
        over = wait_for(lambda each=each: _over(each, shown["id"], "--since", "10m", "--severity", "minor"), PATIENCE,
                        f"node {each.name} remembers it", every=0.1)
        equal("who knew, and who cleared it", (over["acknowledged"]["by"], over["acknowledged"]["note"], over["cleared_by"]),
              ("root", "known; see 4711", "root"))
        equal("what it was", (over["node"], over["code"], over["subject"], over["severity"], over["count"]),
              (peer.name, "check.down", "phones", "minor", 1))
        if not 0 < over["held_ms"] <= (2 * PATIENCE) * 1000:
            raise AssertionError(f"it held for {over['held_ms']} ms")
        equal("of a severity that it has not", _over(each, shown["id"], "--severity", "major"), None)
        has("the text", each.text("alarms", "--history"), "known; see 4711")
    lab.wait_pair(deadline=PATIENCE)
    return "acknowledged, kept over a killed brain, ended, cleared, remembered", {}


def peer_away(lab, runs):
    """A node that is away: what it said last is shown as such. Back again, it gets what it has missed."""
    del runs
    active = well_pair(lab)
    node, gone = lab.nodes[active], lab.nodes[other(active)]
    deaf(lab, True)
    try:
        wait_for(lambda: _alarm(node, gone.name, "check.down"), PATIENCE, "the peer's alarm", every=0.1)
        gone.end_daemon()
        kept = wait_for(lambda: (lambda a: a if a and a["last_known"] else None)(
            _alarm(node, gone.name, "check.down")), PATIENCE, "the last known", every=0.1)
        has("the text", node.text("alarms"), "last known")
        try:
            node.ctl("alarms", "ack", kept["id"])
        except Refused as refused:
            has("the answer", str(refused), "cannot be reached")
        else:
            raise AssertionError("an alarm of a node that is away was acknowledged")
        before = len(_listed(node, "--node", node.name))
        for verb in ("stop", "start"):
            node.ctl("checks", verb, "phones")
        wait_for(lambda: len(_listed(node, "--node", node.name)) >= before + 2, PATIENCE, "events meanwhile")
    finally:
        deaf(lab, False)
    gone.start_daemon()
    lab.wait_pair(active=active, deadline=PATIENCE)
    _in_order(_both_know(lab))
    for each in lab.nodes.values():
        wait_for(lambda each=each: (_alarm(each, each.name, "check.down") or {"state": "ended"})["state"] == "ended",
                 60.0, "the alarm has ended", every=0.2)
        while (left := _alarm(each, each.name, "check.down")) is not None:
            each.ctl("alarms", "clear", left["id"])
    return "last known shown, caught up", {}


def _storm(node, count):
    """So many events as fast as one client can cause them: a check is stopped and started."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(node.socket)
        answers = line.makefile("rb")
        for first in range(0, count, 16):
            numbers = range(first, min(first + 16, count))
            line.sendall(b"".join(json.dumps({"jsonrpc": "2.0", "id": number + 1,
                                              "method": ("checks.stop", "checks.start")[number % 2],
                                              "params": {"check": "phones"}}).encode() + b"\n" for number in numbers))
            for _ in numbers:
                if b'"result"' not in answers.readline():
                    raise AssertionError("a request was refused in the storm")


def storm(lab, runs):
    """10,000 events at once: all of them are kept and copied, and nothing else notices."""
    del runs
    active = well_pair(lab)
    node = lab.nodes[active]
    roles = {name: each.group()["transitions"] for name, each in lab.nodes.items()}
    began = monotonic_ns()
    _storm(node, BURST)
    took = (monotonic_ns() - began) / 1e9
    lab.nodes["a"].status()
    mine = lambda each: [e for e in _listed(each, "--node", node.name, "--name", "check.st*")
                         if e["monotonic_ns"] >= began]
    wait_for(lambda: len(mine(lab.nodes[other(active)])) == BURST, 60.0, "the other node has all of them", every=0.5)
    copied = (monotonic_ns() - began) / 1e9
    equal("this node has them", len(mine(node)), BURST)
    equal("no role moved", {name: each.group()["transitions"] for name, each in lab.nodes.items()}, roles)
    equal("still the same", lab.active(), active)
    folder = os.path.join(node.directory, "state", "journal", "own")
    octets = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))
    if octets > 16 << 20:
        raise AssertionError(f"the journal has {octets} octets")
    return (f"caused in {took:.1f} s, on both nodes after {copied:.1f} s, {octets / BURST:.0f} octets each",
            {"caused_s": round(took, 2), "copied_s": round(copied, 2)})


CASES = (("journal: over restarts", journal_over_restarts, 0),
         ("alarms: over restarts", alarms_over_restarts, 0),
         ("journal and alarms: the peer is away", peer_away, 0),
         ("journal: a storm of events", storm, 0))
