# SPDX-License-Identifier: GPL-3.0-or-later
"""The measuring side: the probe's log and the record of who held a VIP, both in CLOCK_MONOTONIC nanoseconds."""

import dataclasses
import json
import os
import signal
import struct

from tests.support.process import Process
from tests.support.wait import wait_for

_HEADER = struct.Struct("<QIIqQQqqQ")
_ENTRY = struct.Struct("<qqII")
_MAGIC = 0x31454250_4F525054


@dataclasses.dataclass(frozen=True)
class Outage:
    """The longest time without an answer around a moment."""
    last_answer_ns: int
    first_answer_ns: int
    lost: int

    @property
    def ms(self):
        return (self.first_answer_ns - self.last_answer_ns) / 1e6


class Probe:
    """`tandem-phone probe` in the client's namespace."""

    def __init__(self, namespace, program, directory, name, *, target, local, rate=1000):
        self.log_file = os.path.join(directory, f"{name}.probe")
        self.process = Process(namespace, [program, "probe", "--target", target, "--local", local, "--rate", rate,
                                           "--log", self.log_file, "--realtime"],
                               os.path.join(directory, f"{name}.log"), capture=True)
        self.rate = rate
        self.summary = None

    def _header(self):
        try:
            with open(self.log_file, "rb") as file:
                head = file.read(_HEADER.size)
        except FileNotFoundError:
            return None
        if len(head) < _HEADER.size:
            return None
        values = _HEADER.unpack(head)
        return values if values[0] == _MAGIC else None

    def answered(self):
        header = self._header()
        return header[5] if header else 0

    def sent(self):
        header = self._header()
        return header[4] if header else 0

    def last_answer_ns(self):
        header = self._header()
        return header[6] if header else 0

    def wait_answers(self, count, deadline, what="answers to the probe"):
        """Until so many more answers have come than there are now."""
        goal = self.answered() + count

        def enough():
            if not self.process.running():
                raise RuntimeError("the probe ended:\n" + self.process.tail())
            return self.answered() >= goal
        wait_for(enough, deadline, what)

    def stop(self):
        """Ends the probe; its summary, as it counted itself."""
        if self.summary is None:
            self.process.send(signal.SIGTERM)
            out, _ = self.process.popen.communicate(timeout=10)
            if self.process.popen.returncode != 0:
                raise RuntimeError("the probe failed:\n" + self.process.tail())
            self.summary = json.loads(out)
        return self.summary

    def entries(self):
        """(sent_ns, answered_ns or 0, status, flags) of every request so far."""
        with open(self.log_file, "rb") as file:
            sent = _HEADER.unpack(file.read(_HEADER.size))[4]
            data = file.read(sent * _ENTRY.size)
        return list(_ENTRY.iter_unpack(data[:len(data) // _ENTRY.size * _ENTRY.size]))

    def outage(self, after_ns, before_ns=None):
        """The longest gap between two answers of which the second came after `after_ns`."""
        entries = self.entries()
        times = sorted(entry[1] for entry in entries if entry[1])
        best = None
        for earlier, later in zip(times, times[1:]):
            if later < after_ns or (before_ns is not None and earlier > before_ns):
                continue
            if best is None or later - earlier > best[1] - best[0]:
                best = (earlier, later)
        if best is None:
            raise AssertionError("no answer came after the fault")
        margin = 100_000_000
        lost = sum(1 for sent, answered, _, _ in entries
                   if not answered and best[0] - margin <= sent <= best[1])
        return Outage(best[0], best[1], lost)

    def end(self):
        self.process.end(signal.SIGKILL)


class Holders:
    """`tandem-phone watch`: since when which node has had which VIP on its outside interface."""

    def __init__(self, namespaces, program, directory, vips, interface="lan0"):
        self.nodes = {namespace: node for node, namespace in namespaces.items()}
        self.log = os.path.join(directory, "holders.log")
        words = [program, "watch", "--interface", interface, "--realtime"]
        for namespace in self.nodes:
            words += ["--netns", namespace]
        for vip in vips:
            words += ["--vip", vip]
        self.process = Process(next(iter(self.nodes)), words, self.log)
        wait_for(self._ready, 5.0, "the record of the VIPs' holders has begun")

    def _ready(self):
        if not self.process.running():
            raise RuntimeError("the watcher ended:\n" + self.process.tail())
        with open(self.log, encoding="ascii") as file:
            return "ready\n" in file.read()

    def changes(self, vip):
        """[(ns, node, True when added)] of one VIP, in order."""
        if not self.process.running():
            raise RuntimeError("the watcher ended:\n" + self.process.tail())
        found = []
        with open(self.log, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if len(words) == 4 and words[3] == vip and line.endswith("\n"):
                    found.append((int(words[0]), self.nodes[words[1]], words[2] == "+"))
        return found

    def held_by(self, vip):
        """The nodes that have it now."""
        now = set()
        for _, node, added in self.changes(vip):
            (now.add if added else now.discard)(node)
        return now

    def lost_ns(self, vip, node, after_ns):
        """When the node's VIP went away, first after a moment; None: it did not."""
        return next((ns for ns, who, added in self.changes(vip) if who == node and not added and ns >= after_ns),
                    None)

    def gained_ns(self, vip, node, after_ns):
        return next((ns for ns, who, added in self.changes(vip) if who == node and added and ns >= after_ns), None)

    def longest_overlap_ms(self, vip, after_ns, until_ns):
        """The longest time in a row in which two nodes had it."""
        now, since, longest = set(), None, 0
        for ns, node, added in self.changes(vip) + [(until_ns, None, None)]:
            if since is not None:
                longest = max(longest, min(ns, until_ns) - max(since, after_ns))
            if node is not None:
                (now.add if added else now.discard)(node)
            if len(now) < 2:
                since = None
            elif since is None:
                since = ns
        return max(0, longest) / 1e6

    def end(self):
        self.process.end()
