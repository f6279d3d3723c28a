# SPDX-License-Identifier: GPL-3.0-or-later
"""Other work for the machine, at normal priority: what makes failover software imagine faults."""

import contextlib
import signal
import subprocess
import sys
import tempfile

_BUSY = "while True: pass"
_MEMORY = """
block = bytearray(64 << 20)
while True:
    for at in range(0, len(block), 4096):
        block[at] = (block[at] + 1) & 255
    block[:32 << 20] = block[32 << 20:]
"""
_DISK = """
import os, sys
while True:
    with open(sys.argv[1], "wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 16))
            file.flush()
            os.fsync(file.fileno())
"""
# A parent that dies without a word leaves none behind: PR_SET_PDEATHSIG.
_TIED = "import ctypes; ctypes.CDLL(None).prctl(1, 9)\n"


@contextlib.contextmanager
def load(busy=0, memory=0, disk=0):
    """So many processes of each kind while the context lasts."""
    running = []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for number, program in enumerate([_BUSY] * busy + [_MEMORY] * memory + [_DISK] * disk):
                running.append(subprocess.Popen([sys.executable, "-c", _TIED + program, f"{scratch}/{number}"]))
            yield
            dead = [process.pid for process in running if process.poll() is not None]
            if dead:
                raise RuntimeError(f"{len(dead)} of the load's processes ended early")
        finally:
            for process in running:
                process.send_signal(signal.SIGKILL)
            for process in running:
                process.wait()
