# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the lab: started in a namespace, their output in a file, ended by their own id only."""

import signal
import subprocess
import threading

from tests.support.wait import wait_for


def children(pid):
    """The child processes of a process, oldest first."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def descendants(pid):
    """The child processes, theirs, and so on."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def alive(pid):
    """Whether the process runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Process:
    """A program in a namespace of the lab; it does not hear the terminal's Ctrl-C."""

    def __init__(self, namespace, words, log, capture=False):
        self.words = [str(word) for word in words]
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                ["ip", "netns", "exec", namespace, *self.words], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if capture else out, stderr=out, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def send(self, number):
        if self.running():
            self.popen.send_signal(number)

    def end(self, number=signal.SIGTERM, deadline=5.0):
        """Asks it to end, then insists. Gives the exit status."""
        self.send(number)
        try:
            return self.popen.wait(deadline)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()

    def tail(self, lines=15):
        """The end of its log, made harmless for a terminal."""
        try:
            with open(self.log, "rb") as file:
                text = file.read()[-20000:].decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        kept = text.splitlines()[-lines:]
        return "\n".join("".join(c if c.isprintable() else "?" for c in line) for line in kept)


class Supervised:
    """A process that is started again when it dies, as an init system would do."""

    def __init__(self, start, restart=True):
        self._start = start
        self.restart = restart
        self.restarts = 0
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.process = start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while not self._stopping.wait(0.01):
            with self._lock:
                if self.restart and not self._stopping.is_set() and not self.process.running():
                    self.process = self._start()
                    self.restarts += 1

    def end(self):
        self._stopping.set()
        self._thread.join()
        with self._lock:
            return self.process.end()

    def wait_restarted(self, before, deadline):
        wait_for(lambda: self.restarts > before, deadline, f"{self.process.words[0]} started again")

