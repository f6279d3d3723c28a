# SPDX-License-Identifier: GPL-3.0-or-later
"""Remote actions: who may ask over HTTPS, what comes of it, and what the others can do about it."""

import contextlib
import http.client
import json
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import time

from tests.lab.figures import equal
from tests.lab.ledger_cases import deaf
from tests.lab.told import has, wait_event, well_pair
from tests.support.lab import other
from tests.support.network import CLIENT4, LAN, inside
from tests.support.process import Process
from tests.support.wait import monotonic_ns, wait_for

PATIENCE = 20.0
# A user that every Debian has, and that owns nothing.
USER = "nobody"
PORT = 7443
LAB = {"sections": f'[[group.check]]\nname = "phones"\naddress = "{CLIENT4}"\nprofile = "fast"\n'
                   '[alarm]\n[[alarm.rule]]\ncode = "check.down"\nclear = "manual"\nseverity = "minor"\n'}
GROUP = "/v1/groups/sip"


class Face:
    """tandem-api on one node, and callers with tokens and certificates."""

    def __init__(self, lab, name):
        self.lab, self.node = lab, lab.nodes[name]
        self.address = LAN[name]
        self.folder = lab.path(f"api-{name}")
        self.ca = os.path.join(self.folder, "pki")
        self.tokens = {}
        self.process = None
        os.chmod(lab.directory, 0o711)
        os.makedirs(self.folder, mode=0o711, exist_ok=True)
        for words in (("--server", "node", "--address", self.address, "--client", "doer", "--client", "looker",
                       "--client", "stranger"),):
            equal("certificates", self.ctl("api", "certificates", self.ca, *words)["written"][0]["for"][:13], "the authority")
        self.ctl("api", "certificates", self.ca + "-other", "--client", "doer")
        for name_of, scope in (("reader", "read"), ("actor", "act"), ("leaver", "read")):
            made = self.ctl("api", "token", name_of, "--scope", scope)
            self.tokens[name_of] = (made["token"], scope, made["hash"])
        for key in os.listdir(self.ca):
            if key.endswith(".key"):
                equal("the mode of a key", os.stat(os.path.join(self.ca, key)).st_mode & 0o777, 0o600)
        owner = pwd.getpwnam(USER)
        os.chmod(self.ca, 0o711)
        os.chown(os.path.join(self.ca, "node.key"), owner.pw_uid, owner.pw_gid)
        with open(self.node.config, encoding="utf-8") as file:
            self.plain = file.read()

    def ctl(self, *words):
        done = subprocess.run([self.node.program("tandemctl"), *words, "--json"], text=True, capture_output=True,
                              timeout=10, check=True)
        return json.loads(done.stdout)

    def settings(self, tokens=("reader", "actor", "leaver"), **more):
        values = {"listen": [f"{self.address}:{PORT}"], "user": USER, "certificate": f"{self.ca}/node.pem",
                  "key": f"{self.ca}/node.key", "client_ca_file": f"{self.ca}/ca.pem", "rate_per_minute": 6000,
                  "burst": 200, **more}
        text = "\n[api]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        for name, scope in (("doer", "act"), ("looker", "read")):
            text += f'[[api.client]]\nname = "{name}"\nscope = "{scope}"\n'
        for name in tokens:
            _, scope, digest = self.tokens[name]
            text += f'[[api.token]]\nname = "{name}"\nscope = "{scope}"\nhash = "{digest}"\n'
        with open(self.node.config, "w", encoding="utf-8") as file:
            file.write(self.plain + text)

    def start(self):
        program = next(path for path in (os.path.join(self.node.build, "control", "https", "tandem-api"),)
                       if os.path.isfile(path))
        self.process = Process(self.node.namespace,
                               ["setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups", program, "--config",
                                self.node.config], self.log_name)
        wait_for(lambda: "listening at" in self.log(), PATIENCE, "tandem-api listens", every=0.05)

    @property
    def log_name(self):
        return os.path.join(self.folder, "tandem-api.log")

    def log(self):
        with open(self.log_name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def reload(self, *tokens, **more):
        self.settings(*tokens, **more)
        before = self.log().count("new settings")
        self.process.send(signal.SIGHUP)
        wait_for(lambda: self.log().count("new settings") > before, PATIENCE, "new settings are taken", every=0.02)

    def curl(self, path, *words, token=None, certificate=None, authority=None, post=None):
        """(status, body); the status is 0 when there was no answer."""
        command = ["ip", "netns", "exec", self.lab.network.name("c"), "curl", "--silent", "--show-error", "--max-time", "10",
                   "--cacert", f"{self.ca}/ca.pem", "--write-out", "\n%{http_code}", *words]
        if token:
            command += ["--header", f"Authorization: Bearer {self.tokens[token][0] if token in self.tokens else token}"]
        if certificate:
            folder = authority or self.ca
            command += ["--cert", f"{folder}/{certificate}.pem", "--key", f"{folder}/{certificate}.key"]
        if post is not None:
            command += ["--header", "Content-Type: application/json", "--data-binary", post]
        done = subprocess.run([*command, f"https://{self.address}:{PORT}{path}"], text=True, capture_output=True,
                              timeout=15, check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body or done.stderr

    @contextlib.contextmanager
    def tls(self, certificate=None):
        """A connection from the phones' host that stays as long as the caller wants."""
        context = ssl.create_default_context(cafile=f"{self.ca}/ca.pem")
        if certificate:
            context.load_cert_chain(f"{self.ca}/{certificate}.pem", f"{self.ca}/{certificate}.key")
        with inside(self.lab.network.name("c")):
            plain = socket.create_connection((self.address, PORT), timeout=10)
        with context.wrap_socket(plain, server_hostname=self.address) as stream:
            yield stream


def _face(lab):
    """tandem-api on node a, whose brain has read the settings. Made once for a pair."""
    face = getattr(lab, "api_face", None)
    if face is None:
        well_pair(lab)
        face = lab.api_face = Face(lab, "a")
        face.settings()
        # Which user may ask for others holds from a start of tandemd on.
        lab.nodes["a"].end_daemon()
        lab.nodes["a"].start_daemon()
        well_pair(lab)
        face.start()
    else:
        face.reload()
    wait_for(lambda: face.curl("/v1/status", token="actor")[0] == 200, PATIENCE, "the API answers", every=0.1)
    return face


def _is(label, answer, status):
    equal(f"{label}: {answer[1].strip()[:200]}", answer[0], status)


def who_may(lab, runs):
    """Certificates and tokens: right, wrong, missing, foreign, and too weak for what they ask."""
    del runs
    face = _face(lab)
    _is("a token", face.curl("/v1/status", token="reader"), 200)
    _is("a certificate", face.curl("/v1/status", certificate="looker"), 200)
    _is("nothing", face.curl("/v1/status"), 401)
    _is("a wrong token", face.curl("/v1/status", token="tdm_wrong"), 401)
    _is("a wrong token with a right certificate", face.curl("/v1/status", token="tdm_wrong", certificate="doer"), 401)
    _is("a certificate that nobody knows", face.curl("/v1/status", certificate="stranger"), 403)
    _is("a certificate of another authority", face.curl("/v1/status", certificate="doer", authority=face.ca + "-other"), 0)
    _is("TLS 1.1", face.curl("/v1/status", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", token="reader"), 0)
    _is("TLS 1.2", face.curl("/v1/status", "--tls-max", "1.2", token="reader"), 200)
    role = lab.active()
    _is("a reader's failover", face.curl(GROUP + "/failover", token="reader", post="{}"), 403)
    _is("a looker's failover", face.curl(GROUP + "/failover", certificate="looker", post="{}"), 403)
    _is("nobody's failover", face.curl(GROUP + "/failover", post="{}"), 401)
    equal("no role moved", lab.active(), role)
    _is("the document", face.curl("/v1/openapi.json", token="reader"), 200)
    has("the log", face.log(), f"refused {CLIENT4}: no_credentials")
    if face.tokens["reader"][0] in face.log() + lab.nodes["a"].tail():
        raise AssertionError("a token stands in a log")
    return "as the configuration says", {}


def revoked(lab, runs):
    """A token that is taken away ends with the next request, on an open connection too; so does an address."""
    del runs
    face = _face(lab)
    with face.tls() as stream:
        line = http.client.HTTPSConnection(face.address, PORT)
        line.sock = stream

        def status():
            line.request("GET", "/v1/alarms", headers={"Authorization": f"Bearer {face.tokens['leaver'][0]}"})
            answer = line.getresponse()
            answer.read()
            return answer.status
        equal("before", status(), 200)
        face.reload(("reader", "actor"))
        equal("after, on the same connection", status(), 401)
    face.reload(remote_access=["10.200.0.0/16"])
    _is("from elsewhere", face.curl("/v1/status", token="reader"), 0)
    has("the log", face.log(), f"refused {CLIENT4}: address_filter")
    face.reload(remote_access=["10.77.0.0/16"], remote_access_pattern=r"10\.77\.0\.5")
    _is("the expression is about the whole address", face.curl("/v1/status", token="reader"), 0)
    face.reload(remote_access=["10.77.0.0/16"], remote_access_pattern=r"10\.77\.0\.[0-9]+")
    _is("both let it in", face.curl("/v1/status", token="reader"), 200)
    face.settings(remote_access_pattern="(((a{900}){900}){900}){900}")
    before = face.log().count("stay as they were")
    face.process.send(signal.SIGHUP)
    wait_for(lambda: face.log().count("stay as they were") > before, 5.0, "the expression is refused", every=0.02)
    _is("the old settings", face.curl("/v1/status", token="reader"), 200)
    return "with the next request", {}


def asked_from_afar(lab, runs):
    """A failover by API; the event names the caller. Methods that the brain does not have are said so."""
    del runs
    face = _face(lab)
    active = well_pair(lab)
    for caller, how in (("actor", {"token": "actor"}), ("doer", {"certificate": "doer"})):
        since = monotonic_ns()
        answer = face.curl(GROUP + "/failover", post="{}", **how)
        _is("failover", answer, 200)
        has("the answer", answer[1], "moved")
        active = other(active)
        lab.wait_pair(active)
        has("the event", wait_event(lab.nodes["a"], "operator.command", since)["text"],
            f"failover asked for by api client {caller}")
        well_pair(lab)
    events = json.loads(face.curl("/v1/events?since=0", token="reader")[1])["events"]
    equal("events", any("api client doer" in event["text"] for event in events), True)
    _is("a group that is not there", face.curl("/v1/groups/nothing/failover", token="actor", post="{}"), 409)
    _is("checks", face.curl("/v1/checks?group=sip", token="reader"), 200)
    _is("an unknown key", face.curl(GROUP + "/failover", token="actor", post='{"forse":true}'), 400)
    status, _ = face.curl("/v1/actions/run/nothing", token="actor", post="{}")
    equal("a list that is not there, or a brain without lists", status in (400, 409, 501), True)
    return "moved twice, by name", {}


def alarms_from_afar(lab, runs):
    """An alarm is acknowledged and cleared by API, on the node that has it and over the other one, by name."""
    del runs
    face = _face(lab)
    well_pair(lab)

    def alarms(path, **words):
        found = json.loads(face.curl("/v1/alarms" + path, token="reader")[1])["alarms"]
        return [alarm for alarm in found if all(alarm[key] == value for key, value in words.items())]

    def both(**words):
        return (lambda found: found if {alarm["node"] for alarm in found} == {"a", "b"} else None)(
            alarms("", code="check.down", **words))

    deaf(lab, True)
    try:
        found = wait_for(lambda: both(state="active"), PATIENCE, "both nodes' alarms", every=0.1)
        for alarm in found:
            path = f"/v1/alarms/{alarm['id']}"
            _is("who may only read", face.curl(path + "/acknowledge", token="reader", post="{}"), 403)
            _is("acknowledged", face.curl(path + "/acknowledge", token="actor", post='{"note":"on my way"}'), 200)
            known = wait_for(lambda alarm=alarm: alarms("", id=alarm["id"])[0]["acknowledged"], PATIENCE,
                             "somebody takes care", every=0.1)
            equal("by whom", (known["by"], known["note"]), ("api client actor", "on my way"))
            answer = face.curl(path + "/clear", token="actor", post="{}")
            _is("cleared while it holds", answer, 409)
            has("the answer", answer[1], "still holds")
        _is("one that is not there", face.curl("/v1/alarms/1.999/clear", token="actor", post="{}"), 409)
        _is("an unknown key", face.curl("/v1/alarms/1.1/acknowledge", token="actor", post='{"nota":"x"}'), 400)
    finally:
        deaf(lab, False)
    wait_for(lambda: both(state="ended"), PATIENCE, "both are over", every=0.1)
    for alarm in found:
        _is("cleared", face.curl(f"/v1/alarms/{alarm['id']}/clear", certificate="doer", post="{}"), 200)
        over = wait_for(lambda alarm=alarm: alarms("/history?since=10m&severity=minor&limit=100", id=alarm["id"]), PATIENCE,
                        "it is history", every=0.1)[0]
        equal("who did what", (over["acknowledged"]["by"], over["cleared_by"]), ("api client actor", "api client doer"))
    # The journal and the table of the other node come by themselves: one may be ahead.
    wait_for(lambda: not alarms("", code="check.down"), PATIENCE, "none is left", every=0.1)
    _is("a time that is none", face.curl("/v1/alarms/history?since=soon", token="reader"), 400)
    well_pair(lab)
    return "acknowledged and cleared on both nodes, by name", {}


def slow_and_large(lab, runs):
    """Whoever sends slowly, nothing, or too much, takes nothing from the others."""
    del runs
    face = _face(lab)
    slow = []
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stream = stack.enter_context(face.tls())
            stream.sendall(b"GET /v1/status HTTP/1.1\r\nHost: n\r\nX: ")
            slow.append(stream)
        with inside(lab.network.name("c")):
            silent = stack.enter_context(socket.create_connection((face.address, PORT), timeout=10))
        began = time.monotonic()
        answers = 0
        while time.monotonic() - began < 4.0:
            _is("beside slow ones", face.curl("/v1/status", token="reader"), 200)
            answers += 1
            for stream in slow:
                stream.sendall(b"x")
        said = [stream.recv(4096) for stream in slow]
        for text in said:
            has("a slow one hears", text.decode(), "408 Request Timeout")
        took = time.monotonic() - began
        equal("the silent one is sent away", silent.recv(1), b"")
    _is("too large", face.curl("/v1/actions/command", token="actor", post=json.dumps({"argv": ["/" + "x" * 70000]})), 413)
    _is("a long header", face.curl("/v1/status", "--header", "X: " + "x" * 9000, token="reader"), 431)
    with face.tls() as stream:
        stream.sendall(b"POST " + GROUP.encode() + b"/failover HTTP/1.1\r\nHost: n\r\nAuthorization: Bearer "
                       + face.tokens["actor"][0].encode() + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n{}")
        has("both lengths", stream.recv(4096).decode(), "400 Bad Request")
    with inside(lab.network.name("c")), socket.create_connection((face.address, PORT), timeout=10) as plain:
        plain.sendall(b"GET /v1/status HTTP/1.1\r\nHost: n\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            if b"200 OK" in plain.recv(4096):
                raise AssertionError("an answer without TLS")
    return f"{answers} answers beside slow ones, who were sent away after {took:.1f} s", {"slow_s": round(took, 2)}


def rate(lab, runs):
    """Too many requests from one address."""
    del runs
    face = _face(lab)
    face.reload(rate_per_minute=60, burst=5)
    seen = []
    with face.tls() as stream:
        line = http.client.HTTPSConnection(face.address, PORT)
        line.sock = stream
        for _ in range(20):
            line.request("GET", "/v1/api", headers={"Authorization": f"Bearer {face.tokens['reader'][0]}"})
            answer = line.getresponse()
            answer.read()
            seen.append(answer.status)
            if answer.status == 429:
                equal("when to come again", answer.getheader("Retry-After"), "1")
    equal("some and no more", 1 <= seen.count(200) <= 7 and seen.count(429) == 20 - seen.count(200), True)
    equal("told once", len(re.findall(f"refused {CLIENT4}: request_rate$", face.log(), re.MULTILINE)), 1)
    face.reload()
    return f"{seen.count(200)} of 20", {}


def brain_goes(lab, runs):
    """The brain dies: 503 until it is back, and then answers again, without a new start of tandem-api."""
    del runs
    face = _face(lab)
    well_pair(lab)
    node = lab.nodes["a"]
    pid = face.process.pid
    node.end_daemon()
    status, body = face.curl("/v1/status", "--include", token="reader")
    equal("while it is away", status, 503)
    has("when to come again", body, "Retry-After: 1")
    node.start_daemon()
    began = time.monotonic()
    wait_for(lambda: face.curl("/v1/status", token="reader")[0] == 200, PATIENCE, "answers again", every=0.05)
    took = time.monotonic() - began
    equal("the same program", (face.process.running(), face.process.pid), (True, pid))
    node.kill_brain()
    wait_for(lambda: face.curl("/v1/status", token="reader")[0] == 200, PATIENCE, "answers once more", every=0.05)
    well_pair(lab)
    equal("an orderly end", face.process.end(), 0)
    return f"503, and 200 after {took:.1f} s", {}


CASES = (("api: who may", who_may, 0),
         ("api: revoked", revoked, 0),
         ("api: asked from afar", asked_from_afar, 0),
         ("api: alarms from afar", alarms_from_afar, 0),
         ("api: slow and large", slow_and_large, 0),
         ("api: rate", rate, 0),
         ("api: the brain goes", brain_goes, 0))
