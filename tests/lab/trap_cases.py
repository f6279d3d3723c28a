# SPDX-License-Identifier: GPL-3.0-or-later
"""SNMP notifications from real nodes to a real snmptrapd: by each version and way of security, over restarts, and to
somebody who never acknowledges."""

import json
import re
import subprocess

from tests.lab.action_cases import _run
from tests.lab.figures import at_most, equal
from tests.lab.told import has, well_pair
from tests.support.lab import other
from tests.support.network import CLIENT4
from tests.support.node import GROUP
from tests.support.trap_receiver import TrapReceiver, silent_receiver
from tests.support.wait import monotonic_ns, wait_for

PATIENCE = 20.0
COMMUNITY, USER, AUTHENTICATION, PRIVACY = "lab-community", "tandem", "authenticate-me", "hide-me-well"
SILENT_PORT = 1163


def _receiver(name, *lines, port=162):
    return "\n".join(["[[snmp.receiver]]", f'name = "{name}"', f'address = "{CLIENT4}:{port}"', *lines]) + "\n"


def _v3(user=USER, authentication="sha-256", privacy="aes", password=AUTHENTICATION):
    return ('version = "3"', f'user = "{user}"', f'authentication = "{authentication}"', f'privacy = "{privacy}"',
            f'authentication_password = "{password}"', f'privacy_password = "{PRIVACY}"')


# How a user is made for snmptrapd: name, and the words of both sides.
KINDS = (("sha-256", "SHA-256", "aes", "AES"), ("sha", "SHA", "aes-192", "AES-192"),
         ("sha-512", "SHA-512", "aes-256", "AES-256"))
RECEIVERS = "".join((
    _receiver("v2c", f'community = "{COMMUNITY}"'),
    *(_receiver(f"v3-{ours}", *_v3(f"user-{ours}", ours, privacy)) for ours, _, privacy, _ in KINDS),
    _receiver("inform", "inform = true", *_v3()),
    _receiver("inform-v2c", "inform = true", f'community = "{COMMUNITY}"'),
    _receiver("wrong", *_v3(f"user-{KINDS[0][0]}", password="not-the-password")),
    _receiver("wrong-inform", "inform = true", *_v3(password="not-the-password")),
    _receiver("silent", "inform = true", f'community = "{COMMUNITY}"', port=SILENT_PORT)))


def _trap(head, receivers, *more):
    return "\n".join(["[[group.action]]", *head, 'type = "trap"', f"receivers = {json.dumps(receivers)}", *more]) + "\n"


def _list(name, receivers, *more):
    """One that only an operator begins: no alarm has that code."""
    return _trap(('on = "alarm-cleared"', 'alarm = "no.such"', f'list = "{name}"', "position = 1"), receivers, *more)


TRAPS = [f"v3-{ours}" for ours, _, _, _ in KINDS]
LAB = {"sections": _trap(('on = "role-change"', "position = 1"), ["v2c", "inform"], "timeout_ms = 1000") +
                   _list("all", ["v2c", *TRAPS, "inform", "inform-v2c"]) + _list("v3", TRAPS) +
                   _list("wrong", ["wrong"]) + _list("wrong-inform", ["wrong-inform"], "timeout_ms = 3000") +
                   _list("silent", ["silent"], "timeout_ms = 2000") +
                   _list("there", ["v2c"], 'run_on = "peer"') +
                   RECEIVERS + '[actions]\nruns_per_minute = 1000\n'}


def _engine(node):
    """As tandemctl shows it to who has to write the receiver's configuration."""
    said = json.dumps(node.ctl("actions", "run", "v3", "--dry-run"))
    return re.search(r"engine id is (0x[0-9a-f]+)", said).group(1)


def _started(lab):
    """A receiver that knows the users of both nodes, and its own for informs."""
    users = [f"createUser {USER} SHA-256 {AUTHENTICATION} AES {PRIVACY}", f"authUser log {USER}"]
    for ours, theirs, _, privacy in KINDS:
        users += [f"createUser -e {_engine(node)} user-{ours} {theirs} {AUTHENTICATION} {privacy} {PRIVACY}"
                  for node in lab.nodes.values()] + [f"authUser log user-{ours}"]
    return TrapReceiver(lab.network.name("c"), CLIENT4, [*users, f"authCommunity log {COMMUNITY}"])


def _come(receiver, count, **wanted):
    """Notifications that have these values, once there are so many."""
    def those():
        return [one for one in receiver.notifications() if all(one.get(key) == value for key, value in wanted.items())]
    try:
        return wait_for(lambda: those() if len(those()) >= count else None, PATIENCE,
                        f"{count} notifications with {wanted}", every=0.05)
    except Exception as error:
        raise AssertionError(f"not {count} notifications with {wanted}; snmptrapd said: {receiver.text()[-3000:]}") from error


def _idle(node):
    """One list at a time: those of the start may still wait for somebody who is not there yet."""
    wait_for(lambda: all(each["state"] == "idle" for each in node.ctl("actions")["lists"]), PATIENCE,
             f"no list of node {node.name} runs", every=0.05)


def changes_of_role(lab, runs):
    """Both nodes tell of their new role, by SNMPv2c and by an acknowledged inform of SNMPv3, with names of the MIB."""
    del runs
    active = well_pair(lab)
    with _started(lab) as receiver:
        lab.nodes[active].ctl("failover", timeout=30.0)
        lab.wait_pair(active=other(active))
        for name, role in ((other(active), "active"), (active, "standby")):
            for one in _come(receiver, 2, snmpTrapOID="tandemRoleChange", tandemNodeName=name, tandemRole=role):
                equal("the pair and the group", (one["tandemPairName"], one["tandemGroupName"]), ("lab", GROUP))
                equal("the epoch", int(one["tandemEpoch"]) > 0, True)
                equal("the reason and the time", bool(one["tandemReason"] and one["tandemTime"]), True)
        equal("the role before", _come(receiver, 2, tandemNodeName=other(active), tandemRole="active")[0]
              ["tandemRoleBefore"], "standby")
    return "told by both nodes, by SNMPv2c and by an acknowledged inform", {}


def each_version(lab, runs):
    """Every kind of security; a restart and a killed brain do not make a receiver refuse the sender's clock."""
    del runs
    well_pair(lab)
    node = lab.nodes["a"]
    with _started(lab) as receiver:
        for count, again in enumerate((lambda: None, node.kill_brain, lambda: (node.end_daemon(), node.start_daemon()))):
            again()
            lab.wait_pair()
            done = _run(node, "all")
            equal("the end", (done["end"], done["steps"]), ("done", done["steps"]))
            _come(receiver, (len(TRAPS) + 3) * (count + 1), snmpTrapOID="tandemAlarmCleared", tandemNodeName="a")
        # The other node sends it; what it says is this node's story.
        before = len(receiver.notifications())
        equal("the end over there", _run(node, "there")["end"], "done")
        _come(receiver, before + 1)
        # A wrong password: a trap is believed by nobody, and of an inform the sender hears of it.
        before = len(receiver.notifications())
        equal("a trap is not acknowledged", _run(node, "wrong")["end"], "done")
        refused = json.dumps(_run(node, "wrong-inform"))
        has("the refusal", refused, "does not accept")
        for secret in (COMMUNITY, AUTHENTICATION, PRIVACY, "not-the-password"):
            for text in (refused, json.dumps(node.ctl("actions")), json.dumps(node.ctl("events")), node.tail()):
                equal(f"{secret} is shown", secret in text, False)
        _run(node, "there")
        _come(receiver, before + 1)
        equal("what came by a wrong password", len(receiver.notifications()) - before, 1)
    return "SNMPv2c, SNMPv3 with three kinds of keys, informs; accepted after a crash and a restart; not with a wrong " \
           "password", {}


def nobody_acknowledges(lab, runs):
    """An inform that stays unanswered fails in its time; roles change meanwhile, and a node ends at once."""
    del runs
    active = well_pair(lab)
    node = lab.nodes[active]
    with silent_receiver(lab.network.name("c"), CLIENT4, SILENT_PORT) as came:
        _idle(node)
        begun = monotonic_ns()
        done = _run(node, "silent")
        took = (monotonic_ns() - begun) / 1e6
        equal("the end", done["end"] == "done" and all(step["result"] == "done" for step in done["steps"]), False)
        equal("it was sent", came() > 0, True)
        at_most("an inform that nobody answers", took, 2500.0)
        with subprocess.Popen([node.program("tandemctl"), "--socket", node.socket, "actions", "run", "silent"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as waiting:
            wait_for(lambda: any(each["state"] == "running" for each in node.ctl("actions")["lists"]), PATIENCE,
                     "the inform is under way", every=0.02)
            moved = node.ctl("failover", timeout=30.0)["duration_ms"]
            waiting.wait(PATIENCE)
        lab.wait_pair(active=other(active))
        with subprocess.Popen([node.program("tandemctl"), "--socket", node.socket, "actions", "run", "silent"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as waiting:
            wait_for(lambda: any(each["state"] == "running" for each in node.ctl("actions")["lists"]), PATIENCE,
                     "the inform is under way", every=0.02)
            ending = monotonic_ns()
            node.end_daemon()
            ended = (monotonic_ns() - ending) / 1e6
            waiting.wait(PATIENCE)
        node.start_daemon()
        lab.wait_pair()
    at_most("a change of role meanwhile", moved, 100.0)
    at_most("an end meanwhile", ended, 2000.0)
    return f"failed after {took:.0f} ms; a change of role took {moved:.1f} ms, an end {ended:.0f} ms", \
        {"inform_ms": took, "switchover_ms": moved, "end_ms": ended}


CASES = (("traps: changes of role", changes_of_role, 0),
         ("traps: each version", each_version, 0),
         ("traps: nobody acknowledges", nobody_acknowledges, 0))
