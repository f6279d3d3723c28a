# SPDX-License-Identifier: GPL-3.0-or-later
"""All processes of a node stopped at once, and continued at once: what a frozen virtual machine does to its software.

The machine's kernel goes on, as it does not in a frozen machine: it answers ARP for addresses that it still has. A
cgroup stops them together; where there is none to be made, SIGSTOP one after the other does."""

import contextlib
import ctypes
import os
import signal
import threading

from tests.support.process import alive
from tests.support.wait import wait_for


def _root():
    """Where version 2 of the control groups is mounted; None: nowhere."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return next((words[1] for words in map(str.split, file) if words[2] == "cgroup2"), None)


class Freezer:
    """`with Freezer(name, pids) as freezer:` stops nothing yet. Whatever happens, the end continues them all."""

    def __init__(self, name, pids, janitor=None):
        """`janitor`: is told of the cgroup, so that it does not outlive a lab that died."""
        self.pids = list(pids)
        self._homes = {}
        root = _root()
        self._group = os.path.join(root, name) if root else None
        self.method = "cgroup"
        if janitor is not None and self._group:
            janitor.tell("cgroup " + self._group)
        try:
            os.mkdir(self._group)
            for pid in self.pids:
                self._homes[pid] = self._move(pid, self._group, root)
        except (OSError, TypeError):
            self._leave_group()
            self.method = "SIGSTOP"

    @staticmethod
    def _move(pid, group, root):
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            home = next(line[3:].strip() for line in file if line.startswith("0::"))
        with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(pid))
        return os.path.join(root, home.lstrip("/"))

    def _write(self, value):
        with open(os.path.join(self._group, "cgroup.freeze"), "w", encoding="ascii") as file:
            file.write(value)

    def _frozen(self):
        with open(os.path.join(self._group, "cgroup.events"), encoding="ascii") as file:
            return "frozen 1" in file.read()

    def freeze(self):
        if self.method == "cgroup":
            self._write("1")
            wait_for(self._frozen, 2.0, "the node's processes are frozen", every=0.001)
        else:
            self._signal(signal.SIGSTOP)

    def thaw(self):
        if self.method == "cgroup":
            self._write("0")
        else:
            self._signal(signal.SIGCONT)

    def _signal(self, number):
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _leave_group(self):
        for pid, home in self._homes.items():
            with contextlib.suppress(OSError), open(os.path.join(home, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(pid))
        self._homes = {}
        with contextlib.suppress(OSError, TypeError):
            os.rmdir(self._group)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.thaw()
        if self.method == "cgroup":
            # Children that were started meanwhile are in the group too.
            procs = os.path.join(self._group, "cgroup.procs")
            with contextlib.suppress(OSError), open(procs, encoding="ascii") as file:
                root = _root()
                self._homes.update({int(pid): root for pid in file.read().split()
                                    if int(pid) not in self._homes and alive(int(pid))})
            self._leave_group()


_PTRACE_SEIZE, _PTRACE_INTERRUPT, _PTRACE_DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000


def _trace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace({request:#x}) of thread {thread}")


@contextlib.contextmanager
def standstill(pid, name):
    """One thread of a process stands still until the end, or until the process is killed; the others go on."""
    def called(task):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as file:
            return file.read().strip()
    thread = next(int(task) for task in os.listdir(f"/proc/{pid}/task") if called(task) == name)
    stopped, enough, failures = threading.Event(), threading.Event(), []

    def hold():
        # A tracer is one thread; a traced one that dies is gone when its tracer has waited for it.
        try:
            _trace(_PTRACE_SEIZE, thread)
            _trace(_PTRACE_INTERRUPT, thread)
            os.waitpid(thread, _WALL)
            stopped.set()
            while not enough.wait(0.001):
                if os.waitpid(thread, os.WNOHANG | _WALL)[0] != 0:
                    return
            _trace(_PTRACE_DETACH, thread)
        except OSError as error:
            failures.append(error)
        finally:
            stopped.set()
    holder = threading.Thread(target=hold)
    holder.start()
    try:
        stopped.wait()
        if failures:
            raise failures[0]
        yield
    finally:
        enough.set()
        holder.join()
