# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail, through a real Exim and a real Dovecot: each way to send, what is told when it does not go, what is kept, and
that servers which are silent harm nothing else."""

import email
import email.policy
import os
import re
import select
import shutil
import socket
import time

from tests.lab import failover_cases
from tests.lab.figures import at_most, equal
from tests.lab.told import events, has, wait_event
from tests.support.lab import other
from tests.support.mail_server import PASSWORD, SMTP, SMTPS, SUBMISSION, USER, MailServer, Silent
from tests.support.network import CLIENT4, inside
from tests.support.node import Refused
from tests.support.wait import holds_for, monotonic_ns, wait_for

PATIENCE = 20.0
END_S = 5.0
TO = "ops@lab.example"


def _configure(lab, node, keys, reload=False):
    """Gives the node another [email], by a reload or a new start of its tandemd; the pair is well afterwards."""
    with open(node.config, encoding="utf-8") as file:
        text = re.sub(r"(?ms)^\[email\]\n.*?(?=^\[|\Z)", "", file.read())
    keys = {"from": '"tandem@lab.example"', "to": f'["{TO}"]', "hello": '"node.lab.example"', **keys}
    with open(node.config, "w", encoding="utf-8") as file:
        file.write(text.rstrip("\n") + "\n\n[email]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    if reload:
        has("the reload", node.ctl("reload")["detail"], "mail: through")
    else:
        node.end_daemon()
        node.start_daemon()
    lab.wait_pair()


def _login(node, password=PASSWORD):
    """Keys of a login with the password in a file."""
    path = os.path.join(node.directory, "mail.password")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(password + "\n")
    return {"authentication": '"on"', "user": f'"{USER}"', "password_file": f'"{path}"'}


def _arrived(server, count, deadline=PATIENCE):
    """The letters, once there are so many."""
    texts = wait_for(lambda: (lambda all_: all_ if len(all_) >= count else None)(server.letters()), deadline,
                     f"{count} letters have come; {len(server.letters())} have; the server says: {server.tail()}",
                     every=0.05)
    equal("letters", len(texts), count)
    return [email.message_from_string(text, policy=email.policy.default) for text in texts]


def _standby(lab):
    return lab.nodes[other(lab.wait_pair())]


def delivered(lab, runs):
    """Each encryption with and without a login, POP-before-SMTP, and a wrong password."""
    del runs
    node = _standby(lab)
    ways = (
        ("in clear, no login", "open", {}, SMTP),
        ("in clear, login", "nobody", _login(node), SMTP),
        ("STARTTLS, login", "nobody", {"encryption": '"starttls"', **_login(node)}, SUBMISSION),
        ("TLS, login", "nobody", {"encryption": '"tls"', **_login(node)}, SMTPS),
        ("POP before SMTP", "pop", {"pop_server": f'"{CLIENT4}"', **{k: v for k, v in _login(node).items()
                                                                     if k != "authentication"}}, SMTP),
    )
    took = {}
    for number, (name, allow, keys, port) in enumerate(ways):
        server = MailServer(lab.network.name("c"), lab.path(f"mail-{number}"), CLIENT4, allow)
        server.start()
        if allow == "pop":
            server.start_pop()
        try:
            _configure(lab, node, {"server": f'"{CLIENT4}"', "ca_file": f'"{server.ca_file}"', **keys})
            has("the port", node.text("mail"), f"{CLIENT4}:{port}")
            began = monotonic_ns()
            identity = node.ctl("mail", "test")["id"]
            letter = _arrived(server, 1)[0]
            took[name] = round((wait_event(node, "mail.sent", began)["monotonic_ns"] - began) / 1e6, 1)
            equal("to", letter["To"], TO)
            equal("from", letter["From"], "tandem@lab.example")
            has("subject", letter["Subject"], "test from node")
            has("id", letter["Message-ID"], identity)
            equal("no answer is wanted", letter["Auto-Submitted"], "auto-generated")
            has("body", letter.get_content(), "mail from this node arrives")
            if "encryption" in keys:
                has("encrypted", server.log(), "X=TLS")
            equal("nothing waits", node.ctl("mail")["letters"], [])
        finally:
            server.end()
    return ", ".join(f"{name} {ms:.0f} ms" for name, ms in took.items()), {"sent_ms": took}


def wrong_password(lab, runs):
    """Told once, not hammered, nowhere shown; a certificate of another authority is not believed."""
    del runs
    node = _standby(lab)
    server = MailServer(lab.network.name("c"), lab.path("mail-wrong"), CLIENT4)
    server.start()
    try:
        keys = {"server": f'"{CLIENT4}"', "encryption": '"tls"', "ca_file": f'"{server.ca_file}"'}
        _configure(lab, node, {**keys, **_login(node, "wrong-and-secret")})
        began = monotonic_ns()
        for _ in range(4):
            node.ctl("mail", "test")
        told = wait_event(node, "mail.deferred", began)
        has("the reason", told["text"], "535")
        wait_for(lambda: server.log(("mainlog",)).count("authenticator failed") == 1, PATIENCE, "the server has noted it")
        holds_for(lambda: server.log(("mainlog",)).count("authenticator failed") == 1, 3.0, "it is not tried again at once")
        equal("told once", len(events(node, "mail.deferred", began)), 1)
        equal("all wait", len(node.ctl("mail")["letters"]), 4)
        with open(os.path.join(node.directory, "tandemd.log"), encoding="utf-8", errors="replace") as file:
            if "wrong-and-secret" in file.read() or "wrong-and-secret" in node.text("mail") + node.text("events"):
                raise AssertionError("the password is shown")
        # With the right one the letters go.
        _configure(lab, node, {**keys, **_login(node)}, reload=True)
        _arrived(server, 4)
        del keys["ca_file"]
        _configure(lab, node, {**keys, **_login(node)})
        equal("nothing waits", node.ctl("mail")["letters"], [])
        began = monotonic_ns()
        node.ctl("mail", "test")
        has("the reason", wait_event(node, "mail.deferred", began)["text"], "certificate")
        equal("dropped", node.ctl("mail", "drop", "all")["letters"], 1)
        equal("nothing more came", len(server.letters()), 4)
    finally:
        server.end()
    return "told once, four letters sent once the password was right", {}


def kept(lab, runs):
    """No server: the letters survive a restart of tandemd and a crash, and go when there is one. A storm is one letter."""
    del runs
    node = _standby(lab)
    _configure(lab, node, {"server": f'"{CLIENT4}"', "digest_after": 3, "digest_window_s": 3})
    began = monotonic_ns()
    first = [node.ctl("mail", "test")["id"] for _ in range(2)]
    wait_event(node, "mail.deferred", began)
    shown = node.text("mail")
    for identity in first:
        has("the list", shown, identity)
    folder = os.path.join(node.directory, "state", "mail")
    wait_for(lambda: len(os.listdir(folder)) == 2, PATIENCE, "two files", every=0.05)
    node.end_daemon()
    node.start_daemon()
    lab.wait_pair()
    wait_for(lambda: [letter["id"] for letter in node.ctl("mail")["letters"]] == first, PATIENCE,
             "both are there again", every=0.05)
    node.kill_brain()
    lab.wait_pair()
    wait_for(lambda: [letter["id"] for letter in node.ctl("mail")["letters"]] == first, PATIENCE,
             "both survive a crash", every=0.05)
    server = MailServer(lab.network.name("c"), lab.path("mail-kept"), CLIENT4, "open")
    server.start()
    try:
        equal("tried", node.ctl("mail", "retry", "all")["letters"], 2)
        for letter, identity in zip(_arrived(server, 2), first):
            has("each once", letter["Message-ID"], identity)
        server.forget()
        for _ in range(10):
            node.ctl("mail", "test")
        letters = _arrived(server, 4)
        has("the digest", letters[-1]["Subject"], "7 messages in one")
        equal("its lines", letters[-1].get_content().count("test from node"), 7)
        try:
            node.ctl("mail", "test", "ops@lab.example\nRCPT TO:<evil@lab.example>")
            raise AssertionError("an address with a line end is taken")
        except Refused:
            pass
        wait_for(lambda: os.listdir(folder) == [], PATIENCE, "no file is left", every=0.05)
    finally:
        server.end()
    return "kept over a restart and a crash; 10 letters of a storm came as 4", {}


def _silent_name_server(lab):
    """The nodes' name server takes questions and answers none."""
    with inside(lab.network.name("c")):
        deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        deaf.bind((CLIENT4, 53))
    for name in lab.nodes:
        folder = os.path.join("/etc/netns", lab.network.name(name))
        os.makedirs(folder, exist_ok=True)
        lab.janitor.tell("dir " + folder)
        with open(os.path.join(folder, "resolv.conf"), "w", encoding="ascii") as file:
            file.write(f"nameserver {CLIENT4}\n")
    return deaf


def _forget_name_server(lab):
    for name in lab.nodes:
        shutil.rmtree(os.path.join("/etc/netns", lab.network.name(name)), ignore_errors=True)


def silent_servers(lab, runs):
    """A mail server that accepts and never answers, and a name server that is silent: a crash of the active is found
    as ever, no node stalls, and the end of tandemd does not wait for them."""
    ends, outages = [], []
    silent = Silent(lab.network.name("c"), CLIENT4, 2525)
    deaf = _silent_name_server(lab)
    try:
        for server in (f'"{CLIENT4}"', '"mail.lab.example"'):
            for name in ("a", "b"):
                _configure(lab, lab.nodes[name], {"server": server, "port": 2525, "timeout_s": 30})
            lab.wait_healthy()
            before = silent.accepted()
            began = monotonic_ns()
            for node in lab.nodes.values():
                node.ctl("mail", "test")
                wait_for(lambda node=node: any(letter["on_its_way"] for letter in node.ctl("mail")["letters"]), PATIENCE,
                         "the letter is on its way", every=0.05)
            if not server[1].isdigit():
                wait_for(lambda: select.select([deaf], [], [], 0)[0], PATIENCE, "the name server is asked", every=0.05)
            else:
                wait_for(lambda: silent.accepted() >= before + 2, PATIENCE, "both are connected", every=0.05)
            _, figures = failover_cases.node_crash(lab, runs)
            outages += figures["outage"]["runs_ms"]
            for node in lab.nodes.values():
                equal("still on its way", [letter["on_its_way"] for letter in node.ctl("mail")["letters"]], [True])
                equal("stalls", [event["data"] for event in events(node, "stalled", began)], [])
            node = lab.nodes[other(lab.wait_pair())]
            start = time.monotonic()
            node.end_daemon()
            ends.append(round(time.monotonic() - start, 2))
            node.start_daemon()
            lab.wait_pair()
            for node in lab.nodes.values():
                node.ctl("mail", "drop", "all")
    finally:
        silent.close()
        deaf.close()
        _forget_name_server(lab)
    at_most("the end of tandemd", max(ends), END_S, "s")
    return (f"outages {', '.join(f'{ms:.1f}' for ms in outages)} ms, no stall; tandemd ended within {max(ends):.1f} s",
            {"outages_ms": outages, "ends_s": ends})


CASES = (("mail: delivered in every way", delivered, 0),
         ("mail: wrong password", wrong_password, 0),
         ("mail: kept and folded", kept, 0),
         ("mail: silent servers", silent_servers, 3))
