# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp phones: registering, calling, being called. What they saw comes from SIPp's own statistics file."""

import csv
import os
import signal

from tests.support.network import CLIENT4, VIP4
from tests.support.process import Process
from tests.support.wait import wait_for

_SCENARIOS = os.path.join(os.path.dirname(__file__), "sipp")
ANSWER_PORT = 5090


def write_users(path, count, prefix="phone"):
    """The user file that register and call read, line after line and from the start again."""
    with open(path, "w", encoding="ascii") as file:
        file.write("SEQUENTIAL\n")
        for number in range(count):
            file.write(f"{prefix}{number:04d};\n")
    return path


class Sipp:
    """One SIPp process in the client's namespace."""

    def __init__(self, namespace, scenario, directory, name, *, port, target=None, local=CLIENT4, users=None,
                 rate=None, total=None, hold_ms=None):
        self.name = name
        self.stats_file = os.path.join(directory, f"{name}.csv")
        self.error_file = os.path.join(directory, f"{name}.errors")
        words = ["sipp", "-sf", os.path.join(_SCENARIOS, f"{scenario}.xml"), "-i", local, "-mi", local,
                 "-p", str(port), "-nostdin", "-watchdog_interval", "0", "-key", "answer_port", str(ANSWER_PORT),
                 "-trace_stat", "-stf", self.stats_file, "-fd", "1", "-trace_err", "-error_file", self.error_file,
                 "-l", "10000"]
        if target is not None:
            words += [f"{target}:5060"]
        if users is not None:
            words += ["-inf", users]
        if rate is not None:
            words += ["-r", str(rate)]
        if total is not None:
            words += ["-m", str(total)]
        if hold_ms is not None:
            words += ["-d", str(hold_ms)]
        self.process = Process(namespace, words, os.path.join(directory, f"{name}.log"))

    def counts(self):
        """Totals so far, at most a second old: created, completed, failed, current, retransmissions."""
        try:
            with open(self.stats_file, encoding="utf-8", errors="replace", newline="") as file:
                rows = [row for row in csv.reader(file, delimiter=";") if row]
        except FileNotFoundError:
            rows = []
        result = dict.fromkeys(("created", "completed", "failed", "current", "retransmissions"), 0)
        columns = {"created": "TotalCallCreated", "completed": "SuccessfulCall(C)", "failed": "FailedCall(C)",
                   "current": "CurrentCall", "retransmissions": "Retransmissions(C)"}
        if len(rows) < 2:
            return result
        head, last = rows[0], rows[-1]
        if len(last) < len(head) - 1:  # the line is being written
            last = rows[-2] if len(rows) > 2 else None
        if last is None:
            return result
        for key, column in columns.items():
            if column in head and head.index(column) < len(last) and last[head.index(column)].isdigit():
                result[key] = int(last[head.index(column)])
        return result

    def errors(self, lines=6):
        """The beginning of what SIPp complained about, made harmless for a terminal."""
        try:
            with open(self.error_file, encoding="utf-8", errors="replace") as file:
                text = file.read(4000)
        except FileNotFoundError:
            return "no errors written"
        return "\n".join("".join(c if c.isprintable() else "?" for c in line) for line in text.splitlines()[:lines])

    def wait_end(self, deadline):
        """Waits until it has done its total, then gives the final counts."""
        wait_for(lambda: not self.process.running(), deadline, f"sipp {self.name} has finished", every=0.02)
        status = self.process.popen.returncode
        if status not in (0, 1):
            raise RuntimeError(f"sipp {self.name} ended with {status}:\n{self.process.tail()}")
        return self.counts()

    def finish(self, deadline):
        """No new calls; waits until those that are up have ended."""
        self.process.send(signal.SIGUSR1)
        return self.wait_end(deadline)

    def end(self):
        self.process.end(signal.SIGKILL)


class Phones:
    """The lab's phones: N users on one answering port, and whoever calls them."""

    def __init__(self, namespace, directory, count):
        self.namespace = namespace
        self.directory = directory
        self.count = count
        self.users = write_users(os.path.join(directory, "users.csv"), count)
        self._numbers = {}
        self.answering = self._start("answer", port=ANSWER_PORT)

    def _start(self, scenario, **settings):
        number = self._numbers[scenario] = self._numbers.get(scenario, 0) + 1
        return Sipp(self.namespace, scenario, self.directory, f"{scenario}-{number}", **settings)

    def register(self, target=VIP4, rate=200, deadline=30.0):
        """Registers every phone through the VIP; gives how many succeeded."""
        return self._register(self.users, self.count, target, rate, deadline)

    def register_more(self, name, count, target=VIP4, deadline=30.0):
        """Registers some further users of their own name; gives how many succeeded."""
        users = write_users(os.path.join(self.directory, f"{name}.csv"), count, prefix=name)
        return self._register(users, count, target, 50, deadline)

    def begin_registering(self, name, count, rate, target=VIP4):
        """The same without waiting: traffic for a test that listens meanwhile."""
        users = write_users(os.path.join(self.directory, f"{name}.csv"), count, prefix=name)
        return self._start("register", port=5071, target=target, users=users, rate=rate, total=count)

    def _register(self, users, count, target, rate, deadline):
        sipp = self._start("register", port=5070, target=target, users=users, rate=rate, total=count)
        return sipp.wait_end(deadline)["completed"]

    def call_all(self, target=VIP4, rate=100, hold_ms=300, deadline=60.0):
        """One call to each phone, without any registration; gives SIPp's counts."""
        sipp = self._start("call", port=5080, target=target, users=self.users, rate=rate, total=self.count,
                           hold_ms=hold_ms)
        counts = sipp.wait_end(deadline)
        if counts["completed"] != self.count:
            counts["errors"] = sipp.errors()
        return counts

    def keep_calling(self, target=VIP4, rate=5, hold_ms=3000):
        """Calls without end, to one phone after the other; `finish` it."""
        return self._start("call", port=5082, target=target, users=self.users, rate=rate, hold_ms=hold_ms)

    def end(self):
        self.answering.end()
