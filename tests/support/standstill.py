# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the machine under the lab stood still, all of its processors at once, and when.

Both nodes of the lab live on one machine. Where that is a virtual one, its host may stop it for tens of milliseconds:
longer than the five or fifteen within which a node has to be heard. What the nodes make of it is right, and is not the
fault that a case asks for. So a witness on each processor, above every other thread, sleeps for two milliseconds at a
time and writes down when it slept longer. What only one processor did not do is not a standstill: that may be
tandem's own doing. How long a processor could not be had even by its most urgent thread, is what any thread on it has
to bear: `away_ns` tells it.

    python3 -m tests.support.standstill CPU FILE   the witness on one processor, until its standard input ends
"""

import ctypes
import os
import select
import subprocess
import sys
import tempfile
import time

NAP_NS = 2_000_000
# The grant's length at 5 ms x 3, the rhythm of the lab: a shorter pause moves nothing.
LEAST_NS = 10_000_000
# What a witness writes down: a nap that lasted a millisecond longer than it should.
NOTICED_NS = NAP_NS + 1_000_000


def overlap(spans, others, least_ns=LEAST_NS):
    """What two lists of spans (begin, end) have in common, where that lasts for `least_ns` or longer."""
    common = ((max(a[0], b[0]), min(a[1], b[1])) for a in spans for b in others)
    return sorted({span for span in common if span[1] - span[0] >= least_ns})


class Witness:
    """Watches from its making to `close()`."""

    def __init__(self):
        self._files, self._processes = [], []
        for cpu in sorted(os.sched_getaffinity(0)):
            file = tempfile.NamedTemporaryFile(prefix="tandem-standstill-")
            self._files.append(file)
            self._processes.append(subprocess.Popen(
                [sys.executable, "-m", "tests.support.standstill", str(cpu), file.name], stdin=subprocess.PIPE))

    def _noticed(self, since_ns):
        """[(begin, end)] of the naps of each processor that were too long and ended after `since_ns`."""
        for file in self._files:
            with open(file.name, encoding="ascii") as text:
                spans = [tuple(map(int, line.split())) for line in text if line.endswith("\n")]
            yield [span for span in spans if span[1] > since_ns]

    def spans(self, since_ns):
        """When every processor stood still at once, [(begin, end)] on the monotonic clock, since `since_ns`."""
        common = None
        for noticed in self._noticed(since_ns):
            spans = [span for span in noticed if span[1] - span[0] >= LEAST_NS]
            common = spans if common is None else overlap(common, spans)
        return common or []

    def away_ns(self, since_ns, until_ns):
        """For how long, of a while, that processor could not be had by anybody that was away most."""
        return max((sum(max(min(end, until_ns) - max(begin + NAP_NS, since_ns), 0) for begin, end in spans)
                    for spans in self._noticed(since_ns)), default=0)

    def close(self):
        for process in self._processes:
            process.stdin.close()
            process.wait()
        for file in self._files:
            file.close()
        self._files, self._processes = [], []


def main(cpu, path):
    ctypes.CDLL(None).mlockall(3)  # MCL_CURRENT | MCL_FUTURE
    os.sched_setaffinity(0, {int(cpu)})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO)))
    except PermissionError:
        return  # a witness that others can push aside would call their work a standstill
    with open(path, "a", encoding="ascii", buffering=1) as file:
        before = time.monotonic_ns()
        # Its standard input becomes readable when whoever started it has closed it, or is dead.
        while not select.select([sys.stdin], [], [], NAP_NS / 1e9)[0]:
            now = time.monotonic_ns()
            if now - before >= NOTICED_NS:
                file.write(f"{before} {now}\n")
            before = now


if __name__ == "__main__":
    main(*sys.argv[1:])
