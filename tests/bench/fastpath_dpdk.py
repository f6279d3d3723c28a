# SPDX-License-Identifier: GPL-3.0-or-later
"""The DPDK rows: our own program on hugepages and without, and testpmd on the same ports."""

import contextlib
import json
import os
import re
import statistics
import subprocess
import tempfile
import time

PAGES = 1024  # of 2 MiB
_RESERVED = "/proc/sys/vm/nr_hugepages"


@contextlib.contextmanager
def hugepages():
    """A directory with hugepages in it. What the machine had before, it has again afterwards."""
    with open(_RESERVED, encoding="ascii") as file:
        before = int(file.read())
    with tempfile.TemporaryDirectory(prefix="tdbench") as directory:
        _reserve(max(before, PAGES))
        try:
            with open(_RESERVED, encoding="ascii") as file:
                if int(file.read()) < PAGES:
                    raise RuntimeError(f"the machine has no room for {PAGES} hugepages")
            subprocess.run(["mount", "-t", "hugetlbfs", "none", directory], check=True)
            try:
                yield directory
            finally:
                subprocess.run(["umount", directory], check=True)
        finally:
            _reserve(before)


def _reserve(pages):
    with open(_RESERVED, "w", encoding="ascii") as file:
        file.write(str(pages))


CORE = 1 % (os.cpu_count() or 1)  # another than the first, which has the machine's interrupts
CALM = 0.9  # of the looks at a core: it was not shared with a neighbour
_PATIENCE = 30  # times as many runs as are asked for, until enough of them were calm


def measure(build, rows, runs, huge_dir):
    """{row: record} of our own program; without a directory, on ordinary pages."""
    program = os.path.join(build, "tests/bench/fastpath_dpdk/fastpath_dpdk")
    pages = ["--huge-dir", huge_dir] if huge_dir else ["--no-huge"]
    done = subprocess.run([program, *pages, "--json", "--core", str(CORE), "--runs", str(runs), *rows],
                          text=True, capture_output=True, check=False)
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or len(records) != len(rows):
        raise RuntimeError(f"fastpath_dpdk: {(done.stderr.strip() or str(done.returncode))[-400:]}")
    return {record["row"]: record for record in records}


class TestPmd:
    """testpmd with two ports that have no wire; one core forwards from each to the other."""

    def __init__(self, huge_dir, octets):
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "dpdk-testpmd", "-l", f"0,{CORE}", "--in-memory", "--no-pci", "--no-telemetry", "--log-level=error",
             "--huge-dir", huge_dir, "--vdev", f"net_null0,size={octets}", "--vdev", f"net_null1,size={octets}", "--",
             "--interactive", "--nb-cores=1", "--forward-mode=macswap", "--total-num-mbufs=4096"],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def _used(self):
        """{thread: seconds that it has used}."""
        used = {}
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/task/{task}/schedstat",
                                                    encoding="ascii") as file:
                used[task] = int(file.read().split()[0]) / 1e9
        return used

    def run(self, seconds):
        """Million packets a second of the forwarding thread's time, from start to stop."""
        before = self._used()
        self._say("start")
        time.sleep(seconds)
        self._say("stop")
        packets = None
        for line in self.process.stdout:
            # The last paragraph of what `stop` says is the sum over the ports.
            if "Accumulated forward statistics" in line:
                packets = 0
            found = re.search(r"TX-packets: (\d+)", line)
            if packets is not None and found:
                # The thread that forwards is the busiest of that time.
                used = max(after - before.get(task, 0.0) for task, after in self._used().items())
                return int(found.group(1)) / used / 1e6
        raise RuntimeError("testpmd ended without its figures")


class Watch:
    """Looks whether the core belongs to the program that is measured on it (tests/bench/calm)."""

    def __init__(self, build):
        self.process = subprocess.Popen([os.path.join(build, "tests/bench/calm/calm_watch"), str(CORE)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def calm(self):
        """The share of calm looks since the call before."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        if len(words) != 2:
            raise RuntimeError("calm_watch ended")
        return int(words[0]) / max(1, int(words[1]))


def undisturbed(runs, wanted):
    """`runs`: (figure, calm share) pairs. The figures of those that were calm. Where too few were: the line through all of
    them, where it meets a core that is calm all the time, so that nobody looks good beside a disturbed peer."""
    calm = [figure for figure, share in runs if share >= CALM]
    if len(calm) >= wanted:
        return calm
    # A run in which the thread was hardly running says nothing.
    middle = statistics.median(figure for figure, _ in runs)
    whole = [run for run in runs if run[0] > middle / 2]
    if len({share for _, share in whole}) < 2:
        return [max(figure for figure, _ in whole)]
    line = statistics.linear_regression([share for _, share in whole], [figure for figure, _ in whole])
    return [line.intercept + line.slope]


def macswap(build, huge_dir, octets, runs, seconds):
    """The runs of testpmd, in million packets a second; short ones, until enough of them had the core for themselves."""
    with Watch(build) as watch, TestPmd(huge_dir, octets) as peer:
        peer.run(seconds)
        watch.calm()
        made = []
        while sum(calm >= CALM for _, calm in made) < runs and len(made) < _PATIENCE * runs:
            figure = peer.run(seconds / 5)
            made.append((figure, watch.calm()))
        return undisturbed(made, runs)
