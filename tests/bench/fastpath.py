# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/bench fastpath: what the packet path reaches on one core, beside other programs in the same run.

Figures are medians of --runs runs; sides that are compared take turns. Rates and times are those of the core's time
that a program had, so that other work on the machine lengthens the run and changes a figure little. The exit status: 0
all hold, 1 a row could not be measured, 3 all could, and a limit does not hold."""

import argparse
import contextlib
import dataclasses
import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import time

from tests.bench import fastpath_dpdk, fastpath_nfqueue, fastpath_parsers
from tests.bench.fastpath_rows import (COUNTS, HEAD, PORT_ROWS, Row, extract_rows, idle_row, line_of, nfqueue_rows,
                                       port_row, registration_rows, verdict)
from tests.build import ROOT, build_directory

RTP_OCTETS = 172
SIP_OCTETS = 740


def say(text):
    print(text, flush=True)


class Bench:
    def __init__(self, arguments):
        self.runs = arguments.runs
        self.build = arguments.build
        self.seconds = arguments.seconds

    def ports(self, names):
        """DPDK: on hugepages, and those that are told without as well."""
        chosen = [row for row in PORT_ROWS if row.name in names]
        made = []
        with fastpath_dpdk.hugepages() as directory:
            testpmd = {octets: fastpath_dpdk.macswap(self.build, directory, octets, self.runs, self.seconds)
                       for octets in sorted({RTP_OCTETS if row.name == "rtp" else SIP_OCTETS for row in chosen})}
            records = fastpath_dpdk.measure(self.build, [row.name for row in chosen], self.runs, directory)
            made += [port_row(row, records[row.name], testpmd[RTP_OCTETS if row.name == "rtp" else SIP_OCTETS])
                     for row in chosen]
        ordinary = [row for row in chosen if row.ordinary]
        if ordinary:
            try:
                records = fastpath_dpdk.measure(self.build, [row.name for row in ordinary], self.runs, None)
                made += [port_row(row, records[row.name], pages="ordinary pages") for row in ordinary]
            except RuntimeError as error:
                made += [Row(row.name + "-nohuge", row.title, error=" ".join(str(error).split())[:300]) for row in ordinary]
        return made

    def extract(self, _names):
        return extract_rows(fastpath_parsers.measure(ROOT, self.build, self.runs, self.seconds))

    def registrations(self, _names):
        program = os.path.join(self.build, "tests/bench/registrations/registrations")
        records = {count: [] for count in COUNTS}
        for _ in range(self.runs):
            for count in COUNTS:
                done = subprocess.run([program, str(count)], check=True, text=True, capture_output=True)
                records[count].append(json.loads(done.stdout))
        return registration_rows(records)

    def nfqueue(self, _names):
        return nfqueue_rows(fastpath_nfqueue.measure(self.build, self.runs, max(1.0, self.seconds)))

    def idle(self, _names):
        """tests.bench.fastpath_idle: measure(build, runs) gives {core, added_us, runs}."""
        return [idle_row(importlib.import_module("tests.bench.fastpath_idle").measure(self.build, self.runs))]


# What a word on the command line names, and who measures it.
GROUPS = {"ports": tuple(row.name for row in PORT_ROWS), "extract": ("extract",), "registrations": ("registrations",),
          "nfqueue": ("nfqueue",), "idle": ("idle",)}
WORDS = {name: group for group, names in GROUPS.items() for name in names}


def chosen(words):
    """{group: names}, in the order of the table."""
    wanted = {}
    for word in words or WORDS:
        if word not in WORDS and word not in GROUPS:
            raise SystemExit(f"tools/bench fastpath: no row {word!r}; there are: {', '.join((*WORDS, 'ports'))}")
        for name in GROUPS.get(word, (word,)):
            wanted.setdefault(WORDS[name], set()).add(name)
    return {group: wanted[group] for group in GROUPS if group in wanted}


def measured(bench, group, names):
    """The rows of a group; when it cannot be measured, one row each that says why."""
    try:
        return getattr(bench, group)(names)
    except (RuntimeError, OSError, ImportError, ValueError, KeyError, ArithmeticError, subprocess.SubprocessError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        return [Row(name, "", error=reason) for name in GROUPS[group] if name in names]


def keep(name, about, rows):
    """The whole file anew, in one step: an interrupted run has what it measured."""
    with open(name + ".new", "w", encoding="utf-8") as file:
        json.dump({"about": about, "rows": [{**dataclasses.asdict(row), "ratio": row.ratio} for row in rows]}, file, indent=1)
        file.write("\n")
    os.replace(name + ".new", name)


def about(build):
    model = ""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "")
    return {"kernel": platform.release(), "cores": os.cpu_count(), "processor": model, "build": os.path.basename(build)}


def parse():
    parser = argparse.ArgumentParser(prog="tools/bench fastpath", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="rows: " + ", ".join(WORDS) + "; ports: all that need DPDK. All without a name.")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--runs", type=int, default=5, help="of each side (default 5)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a run, where it has a length (default 0.5)")
    parser.add_argument("--json", metavar="FILE", help="every figure and run as data; written after each group of rows")
    parser.add_argument("--build", default=build_directory(), help="where the programs are")
    return parser.parse_args()


def _stop(_number, _frame):
    raise KeyboardInterrupt


def main():
    arguments = parse()
    groups = chosen(arguments.rows)
    if os.geteuid() != 0:
        raise SystemExit("tools/bench fastpath: it makes network namespaces and reserves hugepages, which only root may")
    # What was set up is taken down also when the bench is told to end.
    signal.signal(signal.SIGTERM, _stop)
    bench, rows = Bench(arguments), []
    facts = about(arguments.build)
    say(f"{facts['processor']}, {facts['cores']} cores, kernel {facts['kernel']}; medians of {arguments.runs} runs\n\n" + HEAD)
    began = time.monotonic()
    try:
        for group, names in groups.items():
            found = measured(bench, group, names)
            rows += found
            say("\n".join(map(line_of, found)))
            if arguments.json:
                keep(arguments.json, facts, rows)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    last, status = verdict(rows)
    say(f"\n{time.monotonic() - began:.0f} s\n{last}")
    return status


if __name__ == "__main__":
    sys.exit(main())
