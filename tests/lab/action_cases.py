# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions: in their order, within their time, with nothing of the brain's; on this node and on the other one."""

import json
import os

from tests.lab.figures import equal
from tests.lab.told import events, has, led_by, wait_event, well_pair
from tests.support.lab import other
from tests.support.mail_server import MailServer
from tests.support.network import CLIENT4, LAN, VIP4
from tests.support.node import GROUP, Refused
from tests.support.process import alive, children
from tests.support.sip_target import SipTarget
from tests.support.wait import monotonic_ns, wait_for
from tests.support.web_server import WebServer

PATIENCE = 20.0
EXTRA = "10.77.0.201"
MARK = f"8642{os.getpid()}"


def _action(name, position, lines):
    """An action of a list that only an operator begins: no alarm has that code."""
    return (f'[[group.action]]\non = "alarm-cleared"\nalarm = "no.such"\nlist = "{name}"\nposition = {position}\n'
            f"{lines}\n")


LISTS = "".join((
    _action("order", 30, 'type = "command"\nargv = ["/bin/echo", "three"]'),
    _action("order", 10, 'type = "script"\nscript = "echo one"'),
    _action("order", 20, 'type = "wait"\nwait_ms = 50'),
    _action("goes-on", 1, 'type = "command"\nargv = ["/bin/false"]'),
    _action("goes-on", 2, 'type = "command"\nargv = ["/bin/echo", "after"]'),
    _action("stops", 1, 'type = "command"\nargv = ["/bin/false"]\non_error = "stop"'),
    _action("stops", 2, 'type = "command"\nargv = ["/bin/echo", "never"]'),
    _action("late", 1, f"type = \"script\"\nscript = \"trap '' TERM; setsid sleep {MARK} & sleep {MARK}\"\n"
                       "timeout_ms = 500"),
    _action("clean", 1, 'type = "script"\nscript = "env | sort; id -un; grep CapEff /proc/self/status"'),
    _action("inert", 1, 'type = "command"\nargv = ["/bin/echo", "$$(id) `id`", "${group}; id", "${reason}"]'),
    _action("address", 1, f'type = "add-ip"\ninterface = "lan0"\naddress = "{EXTRA}/24"'),
    _action("no-address", 1, f'type = "delete-ip"\ninterface = "lan0"\naddress = "{EXTRA}"'),
    _action("there", 1, 'type = "command"\nargv = ["/bin/echo", "for ${node}"]\nrun_on = "peer"'),
    _action("there-late", 1, f'type = "command"\nargv = ["/bin/sleep", "{MARK}"]\nrun_on = "peer"\ntimeout_ms = 700'),
    _action("give-vip", 1, f'type = "delete-ip"\ninterface = "lan0"\naddress = "{VIP4}"'),
    _action("take-vip", 1, f'type = "add-ip"\ninterface = "lan0"\naddress = "{VIP4}"'),
    _action("announce", 1, 'type = "announce"'),
    _action("manage", 1, 'type = "management"\ncommand = "checks stop"\nparameters = { check = "self" }'),
))
USER = '[actions]\nuser = "nobody"\nruns_per_minute = 1000\n'
CHECK = f'[[group.check]]\nname = "self"\naddress = "{LAN["a"]}"\n'
LAB = {"sections": CHECK + LISTS + USER}

HANGS = ('[[group.action]]\non = "role-change"\nposition = 1\ntype = "script"\n'
         f'script = "echo $TANDEM_ROLE; trap \'\' TERM; sleep {MARK}"\ntimeout_ms = 3600000\n')
ROLE_LAB = {"sections": HANGS + USER}


def _when_dead(name, method):
    """A check of the primary, and what the secondary does when it is down: as in docs/examples/host-pair-actions.toml."""
    actions = ((1, f'type = "add-ip"\ninterface = "lan0"\naddress = "{VIP4}"\nmask = "255.255.255.0"'),
               (2, 'type = "become-primary"'),
               (3, 'type = "email"\nsubject = "${node} is ${role} for ${group}"\nbody = "${check}: ${reason}"'))
    return (f'[[group.check]]\nname = "{name}"\nauto_start = false\n{method}\n' +
            "".join(f'[[group.check.action]]\non = "down"\nposition = {position}\non_error = "stop"\n{lines}\n'
                    for position, lines in actions))


DEAD = (_when_dead("primary-icmp", f'address = "{LAN["a"]}"\ntimeout_ms = 600\ninterval_ms = 100') +
        _when_dead("primary-sip", f'method = "sip"\nuri = "sip:{LAN["a"]}:5060"\ninterval_ms = 300\ntimeout_ms = 1200') +
        f'[email]\nserver = "{CLIENT4}"\nfrom = "tandem@lab.example"\nto = ["ops@lab.example"]\n')
DEAD_LAB = {"sections": DEAD + USER}


def _run(node, name, *words):
    """What came of a list, also where not all of it succeeded."""
    try:
        return node.ctl("actions", "run", name, *words, timeout=60.0)
    except Refused as refused:
        return json.loads(str(refused))


def _marked():
    """Processes that have the mark among their words."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if MARK.encode() in words:
            found.append(int(pid))
    return found


def _brain_children(node):
    return [pid for pid in children(node.brain()) if alive(pid)]


def in_order(lab, runs):
    """Positions decide, whatever the order in the file; what fails ends the list or does not, as it says."""
    del runs
    node = lab.nodes[well_pair(lab)]
    done = _run(node, "order")
    equal("the end", done["end"], "done")
    equal("the order", [(step["position"], step["type"]) for step in done["steps"]],
          [(10, "script"), (20, "wait"), (30, "command")])
    equal("what they said", [step.get("output", "").strip() for step in done["steps"]], ["one", "", "three"])
    goes_on = _run(node, "goes-on")
    equal("goes on", (goes_on["end"], [step["result"] for step in goes_on["steps"]]), ("failed", ["failed", "done"]))
    stops = _run(node, "stops")
    equal("stops", (stops["end"], [step["result"] for step in stops["steps"]]), ("stopped", ["failed"]))
    has("the text", node.text("actions"), "/bin/echo")
    return "in order; on_error goes on and stops", {}


def within_their_time(lab, runs):
    """A script that is deaf to SIGTERM and has a child in another session: all of it is gone."""
    del runs
    node = lab.nodes[well_pair(lab)]
    late = _run(node, "late")
    equal("the end", (late["end"], late["steps"][0]["result"]), ("failed", "timed out"))
    equal("what is left", _marked(), [])
    equal("children of the brain", _brain_children(node), [])
    return f"ended after {late['steps'][0]['took_ms']:.0f} ms, nothing is left", {}


def with_nothing_of_ours(lab, runs):
    """Another user, no capability, an environment of its own; values are words, not commands."""
    del runs
    active = well_pair(lab)
    node = lab.nodes[active]
    clean = _run(node, "clean")["steps"][0]["output"]
    for part in ("nobody", "CapEff: 0000000000000000", f"TANDEM_GROUP={GROUP}", f"TANDEM_NODE={active}",
                 "TANDEM_ROLE=active", "LANG=C.UTF-8", "HOME="):
        has("the surroundings", clean, part)
    for part in ("SUDO", "VIRTUAL_ENV", "OLDPWD"):
        if part in clean:
            raise AssertionError(f"something of ours has come through: {clean}")
    inert = _run(node, "inert")["steps"][0]["output"]
    equal("the words", inert.strip(), f"$(id) `id` {GROUP}; id an operator asked for it")
    return "another user, nothing inherited, no shell", {}


def a_rehearsal(lab, runs):
    """--dry-run says all and does nothing, here and on the other node."""
    del runs
    active = well_pair(lab)
    node, peer = lab.nodes[active], lab.nodes[other(active)]
    before = monotonic_ns()
    for words, who in (((), active), (("--on", "peer"), other(active))):
        told = node.ctl("actions", "run", "address", "--dry-run", *words)
        equal("who", told["node"], who)
        has("what", told["steps"][0]["what"], EXTRA)
        has("with values", node.ctl("actions", "run", "inert", "--dry-run", *words)["steps"][0]["what"],
            f"{GROUP}; id")
    for each in (node, peer):
        if EXTRA in lab.network.addresses(each.name):
            raise AssertionError("the rehearsal has added the address")
        equal("events", [event["name"] for event in each.events()
                         if event["monotonic_ns"] >= before and event["name"].startswith("action.")], [])
    return "said, and not done", {}


def addresses(lab, runs):
    """Added and deleted, each twice; a VIP goes with its group only."""
    del runs
    active = well_pair(lab)
    node = lab.nodes[active]
    for name, there in (("address", True), ("address", True), ("no-address", False), ("no-address", False)):
        equal("the end", _run(node, name)["end"], "done")
        equal("the address is there", EXTRA in lab.network.addresses(active), there)
    equal("announced", _run(node, "announce")["end"], "done")
    epoch = node.group()["epoch"]
    equal("already here", _run(node, "take-vip")["end"], "done")
    equal("nothing moved", node.group()["epoch"], epoch)
    equal("handed over", _run(node, "give-vip")["end"], "done")
    lab.wait_pair(active=other(active))
    lab.wait_healthy()
    equal("taken back", _run(node, "take-vip")["end"], "done")
    equal("the VIP is there", VIP4 in lab.network.addresses(active), True)
    lab.wait_pair(active=active)
    if node.group()["epoch"] <= epoch:
        raise AssertionError("the group came back without a new epoch")
    return "added, deleted, handed over, taken back", {}


def on_the_other_node(lab, runs):
    """One action of a list, and a whole list; the other node's answer may take its time, and has an end."""
    del runs
    active = well_pair(lab)
    node, peer = lab.nodes[active], lab.nodes[other(active)]
    before = monotonic_ns()
    there = _run(node, "there")
    equal("the end", there["end"], "done")
    has("our variables", there["steps"][0]["output"], f"for {active}")
    has("its event", wait_event(peer, "action.done", before)["text"], "asked for from elsewhere")
    late = _run(node, "there-late")
    if late["steps"][0]["result"] not in ("timed out", "cancelled"):
        raise AssertionError(f"it should have been late: {late}")
    wait_for(lambda: not _marked(), PATIENCE, "the other node has ended it", every=0.05)
    whole = _run(node, "order", "--on", "peer")
    equal("who and how", (whole["node"], whole["end"], len(whole["steps"])), (other(active), "done", 3))
    return "an action and a list", {}


def managed(lab, runs):
    """Any command of tandemctl as an action."""
    del runs
    node = lab.nodes[well_pair(lab)]

    def state():
        return {check["name"]: check["state"] for check in node.ctl("checks")["checks"]}["self"]
    node.ctl("checks", "start", "self")
    wait_for(lambda: state() == "up", PATIENCE, "the check is up", every=0.05)
    equal("the end", _run(node, "manage")["end"], "done")
    equal("the check", state(), "stopped")
    return "a check was stopped", {}


def a_script_that_hangs(lab, runs):
    """Each change of role begins a script that never ends: no change waits for it, and the newer one ends the older."""
    figures = {"failover_ms": []}
    for _ in range(runs):
        active = well_pair(lab)
        node = lab.nodes[active]
        wait_for(_marked, PATIENCE, "a script hangs", every=0.05)
        before = monotonic_ns()
        figures["failover_ms"].append(round(node.ctl("failover")["duration_ms"], 1))
        lab.wait_pair(active=other(active))
        for each in lab.nodes.values():
            told = wait_event(each, "action.list_cancelled", before)
            has("why", told["text"], "the role has changed again")
    worst = max(figures["failover_ms"])
    if worst > 1000:
        raise AssertionError(f"a change of role took {worst} ms beside a script that hangs")
    node = lab.nodes[lab.active()]
    hanging = set(_marked())
    os.kill(node.brain(), 9)
    # Its own by its death, the other node's because that one takes over; the new lives begin scripts of their own.
    wait_for(lambda: not hanging & set(_marked()), PATIENCE, "the dead brain's script is gone", every=0.05)
    well_pair(lab)
    return f"longest change of role {worst} ms; {runs} runs", figures


def a_dead_primary(lab, runs):
    """The secondary finds the primary dead by ICMP and by SIP; for each it adds the VIP, becomes the primary, and sends
    the mail, in this order."""
    del runs
    led_by(lab, "a")
    node = lab.nodes["b"]
    mail = MailServer(lab.network.name("c"), lab.path("mail-dead"), CLIENT4, "open")
    mail.start()
    server = SipTarget(lab.network.name("a"), LAN["a"])
    try:
        for check in ("primary-icmp", "primary-sip"):
            node.ctl("checks", "start", check)
            wait_for(lambda check=check: {"name": check, "state": "up"}.items() <=
                     next(each for each in node.ctl("checks")["checks"] if each["name"] == check).items(),
                     PATIENCE, f"{check} is up", every=0.05)
        before = monotonic_ns()
        lab.crash("a")
        lists = [f"{GROUP}/{check}/down" for check in ("primary-icmp", "primary-sip")]
        wait_for(lambda: {event["data"]["list"] for event in events(node, "action.list_ended", before)} >= set(lists),
                 PATIENCE, "both lists have ended", every=0.05)
        for name in lists:
            steps = [event for event in events(node, "action.done", before) if event["data"].get("list") == name]
            equal(f"the order of {name}", [(step["data"]["position"], step["data"]["type"]) for step in steps],
                  [(1, "add-ip"), (2, "become-primary"), (3, "email")])
        group = node.group()
        equal("its role", (group["role"], group["configured_role"]), ("active", "primary"))
        equal("the VIP is there", VIP4 in lab.network.addresses("b"), True)
        letters = wait_for(lambda: (lambda all_: all_ if len(all_) == 2 else None)(mail.letters()), PATIENCE,
                           "two letters have come", every=0.05)
        for letter, check in zip(letters, ("primary-icmp", "primary-sip")):
            has("the subject", letter, f"Subject: b is active for {GROUP}")
            has("the body", letter, check)
    finally:
        for check in ("primary-icmp", "primary-sip"):
            node.ctl("checks", "stop", check)
        mail.end()
        server.close()
        lab.heal("a")
    lab.wait_pair(active="b")
    return "by ICMP and by SIP: VIP, primary, mail", {}


def _hooks(ca_file):
    """Lists of web requests: by an operator, and when an alarm comes and goes."""
    def action(lines):
        return f"[[group.action]]\ntype = \"webhook\"\n{lines}\n"
    body = """'{"text": "${alarm} in \\"${group}\\": ${reason}"}'"""
    return "".join((
        '[[group.check]]\nname = "nobody"\naddress = "10.77.0.250"\nprofile = "fast"\nauto_start = false\n',
        action(f'on = "alarm-cleared"\nalarm = "no.such"\nlist = "web"\nposition = 1\nurl = "http://{CLIENT4}/plain"'),
        action(f'on = "alarm-cleared"\nalarm = "no.such"\nlist = "web"\nposition = 2\nurl = "https://{CLIENT4}/strange"'),
        action(f'on = "alarm-cleared"\nalarm = "no.such"\nlist = "web"\nposition = 3\nurl = "http://{CLIENT4}/503"'),
        action(f'on = "alarm-raised"\nalarm = "check.down"\nposition = 1\nurl = "https://{CLIENT4}/raised"\n'
               f'ca_file = "{ca_file}"\nbody = {body}'),
        action(f'on = "alarm-cleared"\nalarm = "check.down"\nlist = "over"\nposition = 1\nurl = "https://{CLIENT4}/over"\n'
               f'ca_file = "{ca_file}"')))


def webhooks(lab, runs):
    """Web requests to a real server, by an operator and for an alarm; a server that nobody vouches for is not believed."""
    del runs
    node = lab.nodes[other(well_pair(lab))]
    server = WebServer(lab.network.name("c"), lab.path("web"), CLIENT4)
    server.start()
    with open(node.config, encoding="utf-8") as file:
        before = file.read()
    try:
        with open(node.config, "w", encoding="utf-8") as file:
            file.write(before + "\n" + _hooks(server.ca_file))
        node.ctl("reload")
        steps = _run(node, "web")["steps"]
        equal("what came of them", [step["result"] for step in steps], ["done", "failed", "failed"])
        has("the certificate", steps[1]["detail"], "certificate")
        has("the status", steps[2]["detail"], "503")
        first = server.asked()[0]
        equal("the request", (first["method"], first["uri"], first["type"]), ("POST", "/plain", "application/json"))
        equal("what it says", json.loads(first["body"])["group"], GROUP)
        node.ctl("checks", "start", "nobody")

        def asked(uri):
            return next((each for each in server.asked() if each["uri"] == uri), None)
        raised = wait_for(lambda: asked("/raised"), PATIENCE, "the alarm is told", every=0.05)
        has("over TLS", raised["tls"], "TLSv1.")
        text = json.loads(raised["body"])["text"]
        has("the words", text, f'check.down in "{GROUP}"')
        has("the reason", text, "10.77.0.250")
        node.ctl("checks", "stop", "nobody")
        wait_for(lambda: asked("/over"), PATIENCE, "its end is told", every=0.05)
    finally:
        with open(node.config, "w", encoding="utf-8") as file:
            file.write(before)
        node.ctl("reload")
        server.end()
    return "asked in clear and over TLS; an alarm was told when it came and when it went", {}


CASES = (("actions: in their order", in_order, 0),
         ("actions: within their time", within_their_time, 0),
         ("actions: with nothing of ours", with_nothing_of_ours, 0),
         ("actions: a rehearsal", a_rehearsal, 0),
         ("actions: addresses", addresses, 0),
         ("actions: on the other node", on_the_other_node, 0),
         ("actions: managed", managed, 0),
         ("actions: webhooks", webhooks, 0))
ROLE_CASES = (("actions: a script that hangs", a_script_that_hangs, 10),)
DEAD_CASES = (("actions: a dead primary", a_dead_primary, 0),)
