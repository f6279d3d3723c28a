# SPDX-License-Identifier: GPL-3.0-or-later
"""Host mode beside a program that only accepts: packets a second out of a kernel queue that is never empty.

Two namespaces with one cable; in one a SIP server that listens and does not read, in the other a phone that sends as
fast as one core can. The sides take turns at the same queue: a program of one receive and one verdict a packet, one that
accepts in batches, and tandem-fast, which looks at every packet, without mirroring and with one packet in eight
mirrored. Only what the engine took is counted: what found the queue full was passed on by the kernel."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from tests.bench.fastpath_messages import mix, write_pack
from tests.support.network import command, inside

VIP = "10.9.7.10"
QUEUE = 5060
# Of the mix's 39 shares, 5 are REGISTER without credentials, SUBSCRIBE and MESSAGE: one packet in eight.
MIRRORED = "SUBSCRIBE|NOTIFY|MESSAGE|BYE"
SIDES = {"bare": "one receive, one verdict", "bare, batched": "one verdict for many",
         "tandem-fast": "SIP read, not mirrored", "tandem-fast, mirroring": "one in eight mirrored"}


class Host:
    """The namespaces, the server and the load; everything goes at the end."""

    def __init__(self, build, seconds):
        self.programs = os.path.join(build, "tests/bench/nfqueue")
        self.engine = os.path.join(build, "dataplane/tandem-fast")
        self.seconds = seconds
        self.offered = 0.0
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="tdbench"))
            prefix = f"tbq{os.getpid()}"
            self.node, self.phone = prefix + "n", prefix + "p"
            for name in (self.node, self.phone):
                command("ip", "netns", "add", name)
                stack.callback(command, "ip", "netns", "del", name, check=False)
            self._cable()
            with inside(self.node):
                server = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                server.bind((VIP, 5060))
            self.pack = os.path.join(self.directory, "mix")
            write_pack(self.pack, mix())
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _cable(self):
        command("ip", "-n", self.node, "link", "add", "n0", "address", "02:00:00:00:00:01", "type", "veth",
                "peer", "name", "p0", "netns", self.phone)
        for words in (("-n", self.node, "addr", "add", "10.9.7.2/24", "dev", "n0"),
                      ("-n", self.node, "addr", "add", VIP + "/32", "dev", "n0"),
                      ("-n", self.phone, "addr", "add", "10.9.7.7/24", "dev", "p0"),
                      ("-n", self.node, "link", "set", "lo", "up"), ("-n", self.node, "link", "set", "n0", "up"),
                      ("-n", self.phone, "link", "set", "p0", "up"),
                      ("-n", self.node, "tuntap", "add", "dev", "shadow0", "mode", "tun"),
                      ("-n", self.node, "link", "set", "shadow0", "up")):
            command("ip", *words)

    def _run(self, namespace, core, *words, **more):
        """A program in a namespace, on one core."""
        return subprocess.Popen(["ip", "netns", "exec", namespace, "taskset", "-c", str(core), *map(str, words)],
                                text=True, **more)

    @contextlib.contextmanager
    def _load(self):
        load = self._run(self.phone, 0, f"{self.programs}/nfqueue_load", self.pack, "p0", "10.9.7.7", VIP,
                         5060)
        began, before = time.monotonic(), self._arrived()
        try:
            yield
            self.offered = (self._arrived() - before) / (time.monotonic() - began)
        finally:
            _end(load)

    def _arrived(self):
        """Packets that have come in over the cable."""
        stated = json.loads(command("ip", "-n", self.node, "-j", "-s", "link", "show", "n0"))
        return stated[0]["stats64"]["rx"]["packets"]

    @contextlib.contextmanager
    def _rules(self):
        """The queue as tandem-fast's own rules lead to it: by nft, or by iptables where nft has no queues."""
        nft = ("ip", "netns", "exec", self.node, "nft")
        rules = "\n".join(("table inet bare {", "chain input {", "type filter hook input priority mangle; policy accept;",
                           f'iifname "n0" ip daddr {VIP} udp dport 5060 counter queue num {QUEUE} bypass', "}", "}", ""))
        tables = ("ip", "netns", "exec", self.node, "iptables", "-t", "mangle")
        rule = ("INPUT", "-d", VIP, "-i", "n0", "-p", "udp", "--dport", 5060, "-j", "NFQUEUE", "--queue-num", QUEUE,
                "--queue-bypass")
        try:
            command(*nft, "-f", "-", stdin=rules)
            remove = (*nft, "delete", "table", "inet", "bare")
        except RuntimeError:
            command(*tables, "-A", *rule)
            remove = (*tables, "-D", *rule)
        try:
            yield
        finally:
            command(*remove)

    def bare(self, how):
        with self._rules():
            taker = self._run(self.node, 1 % os.cpu_count(), f"{self.programs}/nfqueue_bare", QUEUE, how, self.seconds,
                              stdout=subprocess.PIPE)
            with self._load():
                return json.loads(taker.communicate(timeout=self.seconds * 3 + 20)[0])

    def tandem(self, pattern):
        run = tempfile.mkdtemp(dir=self.directory)
        engine = self._run(self.node, 1 % os.cpu_count(), self.engine, "--run-dir", run, stderr=subprocess.DEVNULL)
        try:
            watch = self._run(self.node, 0, f"{self.programs}/nfqueue_watch", run, "n0", VIP, QUEUE, pattern,
                              self.seconds, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            if watch.stdout.readline() != "ready\n":
                raise RuntimeError("tandem-fast did not attach to the queue")
            with self._load():
                return json.loads(watch.communicate("go\n", timeout=self.seconds * 3 + 20)[0])
        finally:
            _end(engine)
            shutil.rmtree(run)

    def turn(self, side):
        """Packets a second of one run of a side."""
        got = {"bare": lambda: self.bare("one"), "bare, batched": lambda: self.bare("batch"),
               "tandem-fast": lambda: self.tandem("-"), "tandem-fast, mirroring": lambda: self.tandem(MIRRORED)}[side]()
        return {"pps_of_core": got["packets"] / got["cpu"], "pps": got["packets"] / got["seconds"], "offered_pps": self.offered, **got}


def _end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def measure(build, runs, seconds):
    """{side: [record of a run]}; the sides take turns."""
    got = {side: [] for side in SIDES}
    with Host(build, seconds) as host:
        for _ in range(runs):
            for side in SIDES:
                got[side].append(host.turn(side))
    return got
