# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/bench failover: tandem and keepalived under the same faults, in the same run, on the same network.

The runs of both take turns, so that both see the same noise of this machine. The outage is what a client sees that
sends 1,000 requests a second: from the last answer before the fault to the first one after it. Whether the limits held
is said in the table. The exit status: 0 everything was measured and held, 1 a cell could not be measured, 3 all were,
and a limit did not hold."""

import argparse
import concurrent.futures
import json
import os
import platform
import subprocess
import sys
import time

from tests.bench.cells import CELLS, LONG, MUST
from tests.bench.load import load
from tests.bench.report import HEAD, exit_status, judge, lines_of, summary, worth_a_story
from tests.build import build_directory
from tests.support.network import VIP4
from tests.support.wait import monotonic_ns

FAILURES_MAX = 3
STORIES_MAX = 8


def clean(text):
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def say(text):
    print(text, flush=True)


def told(lab):
    """What the nodes say of themselves; a story that cannot be had is no reason to stop."""
    try:
        return lab.story()
    except Exception as error:  # telling about a failure must not be one
        return {"missing": clean(error)[:600]}


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.labs = {}

    def lab(self, side):
        """The side's lab, made when it is not there."""
        if side.label not in self.labs:
            lab = self.labs[side.label] = side.make(self.arguments.build)
            lab.keep_logs = self.arguments.keep_logs
            if self.arguments.keep_logs:
                say(f"  {side.label}: logs in {lab.directory}")
            lab.start(0)
            # A server that starts counts as well only after a while, and a better score elsewhere moves the group.
            lab.wait_healthy()
        return self.labs[side.label]

    def close(self, side=None):
        for label in [side.label] if side else list(self.labs):
            lab = self.labs.pop(label, None)
            if lab is not None:
                lab.close()

    def take_turn(self, cell, side, own):
        """One run of one side. A run that fails is told of, and the next one has a new pair."""
        lab = self.labs.get(side.label)
        try:
            records = side.run(lab)
        except Exception as error:  # whatever it was: the cell goes on
            own["failures"].append({"error": clean(error)[:600] or type(error).__name__, "story": told(lab)})
            if self.arguments.verbose:
                say(f"  {side.label}: {own['failures'][-1]['error']}")
            return
        own["records"] += records
        if len(own["stories"]) < STORIES_MAX and any(worth_a_story(cell, record) for record in records):
            own["stories"].append({"run": len(own["records"]), "story": told(lab)})

    def round(self, cell, sides, got):
        """One turn of every side, one after the other or all at once. Labs come and go in this thread only."""
        ready = []
        for side in sides:
            try:
                self.lab(side)
                ready.append(side)
            except Exception as error:  # counts as a failed run
                got[side.label]["failures"].append({"error": f"the pair does not come up: {clean(error)[:600]}"})
                self.close(side)
        before = {side.label: len(got[side.label]["failures"]) for side in ready}
        with concurrent.futures.ThreadPoolExecutor(len(sides) if cell.together else 1) as pool:
            for turn in [pool.submit(self.take_turn, cell, side, got[side.label]) for side in ready]:
                turn.result()
        for side in ready:
            if len(got[side.label]["failures"]) > before[side.label]:
                self.close(side)

    def in_turns(self, cell, runs):
        """{side: {records, failures, stories}} after so many runs each."""
        got = {side.label: {"records": [], "failures": [], "stories": []} for side in cell.sides}
        open_sides = list(cell.sides)
        while open_sides:
            self.round(cell, open_sides, got)
            for side in list(open_sides):
                own = got[side.label]
                if len(own["records"]) >= (side.runs or runs):
                    open_sides.remove(side)
                elif len(own["failures"]) > FAILURES_MAX + len(own["records"]) // 10:
                    own["error"] = own["failures"][-1]["error"]
                    open_sides.remove(side)
        return got

    def left_alone(self, cell, minutes):
        """All pairs at once under the load; one record each. The others leave before tandem does."""
        labs = {side.label: self.lab(side) for side in cell.sides}
        for lab in labs.values():
            lab.wait_healthy()
            lab.wait_pair()
        probes = {label: lab.probe() for label, lab in labs.items()}
        got = {}
        begin = monotonic_ns()
        brief = min(minutes, self.arguments.brief_minutes)
        with load(**cell.load):
            time.sleep(brief * 60)
            for side in cell.sides:
                if side.brief:
                    got[side.label] = _end_alone(labs[side.label], probes[side.label], begin, brief)
                    self.close(side)
            time.sleep(max(0.0, minutes - brief) * 60)
            end = monotonic_ns()
        for side in cell.sides:
            if not side.brief:
                got[side.label] = _end_alone(labs[side.label], probes[side.label], begin, minutes, end)
        return got

    def cell(self, cell, count):
        """`count`: runs or minutes; None: as the command line says."""
        began = time.monotonic()
        try:
            if cell.load:
                got = self.left_alone(cell, count or self.arguments.minutes * cell.share)
            else:
                got = self.in_turns(cell, int(count or cell.runs or self.arguments.runs))
        except (AssertionError, RuntimeError, OSError, subprocess.SubprocessError) as error:
            got = {side.label: {"records": [], "failures": [], "error": clean(error)[:600]} for side in cell.sides}
        finally:
            self.close()
        first = got.get(cell.sides[0].label, {}).get("records", [])
        return {"name": cell.name, "title": cell.title, "seconds": round(time.monotonic() - began, 1), "sides": got,
                "judged": judge(cell, first), "summary": summary(cell, got),
                "measured": all(own["records"] and "error" not in own for own in got.values())}


def _end_alone(lab, probe, begin, minutes, end=None):
    end = end or monotonic_ns()
    told_at_end = told(lab)
    counted = probe.stop()
    changes = sum(1 for ns, _, added in lab.holders.changes(VIP4) if added and begin <= ns <= end)
    return {"failures": [], "stories": [{"run": 1, "story": told_at_end}] if changes else [], "records": [{
        "minutes": minutes, "lost": counted["lost"], "sent": counted["sent"], "role_changes": changes,
        "two_holders_ms": lab.holders.longest_overlap_ms(VIP4, begin, end),
        "outage_ms": counted["longest_gap_ms"], "stall_ms": counted["longest_stall_ms"]}]}


def chosen(words):
    """[(cell, runs or minutes or None)] of words such as `crash`, `planned-1000:200`, `must`, `all`."""
    known = {cell.name: cell for cell in CELLS}
    several = {"all": tuple(known), "must": MUST}
    wanted = {}
    for word in (part for word in words for part in word.split(",") if part):
        name, _, count = word.partition(":")
        if name not in known and name not in several:
            raise SystemExit(f"tools/bench failover: no cell {clean(name)}; there are: "
                             f"{', '.join((*known, *several))}")
        try:
            number = float(count) if count else None
        except ValueError:
            number = 0.0
        if number is not None and (name in several or not 0 < number <= 100_000):
            raise SystemExit(f"tools/bench failover: {clean(word)}: after the colon comes a number of runs or minutes")
        for each in several.get(name, ()):
            wanted.setdefault(each, None)
        if name in known:
            wanted[name] = number
    if not words:
        wanted = {name: None for name in known if name not in LONG}
    return [(cell, wanted[cell.name]) for cell in CELLS if cell.name in wanted]


def versions(build):
    stated = subprocess.run(["keepalived", "--version"], text=True, capture_output=True, check=False)
    return {"keepalived": clean((stated.stderr + stated.stdout).splitlines()[0]), "kernel": platform.release(),
            "cores": os.cpu_count(), "build": os.path.basename(build)}


def keep(name, about, results):
    """The whole file anew, in one step: an interrupted run has what it measured."""
    with open(name + ".new", "w", encoding="utf-8") as file:
        json.dump({"about": about, "cells": results}, file, indent=1)
        file.write("\n")
    os.replace(name + ".new", name)


def parse():
    parser = argparse.ArgumentParser(prog="tools/bench failover", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="cells: " + ", ".join(cell.name for cell in CELLS) + "; all; must: what "
                                     "must hold, each once. Only when named: " + ", ".join(LONG) + ". NAME:N: so "
                                     "many runs, or minutes under load.")
    parser.add_argument("names", nargs="*", metavar="CELL[:N]")
    parser.add_argument("--cells", default="", metavar="CELL[:N],...", help="the same, in one word")
    parser.add_argument("--runs", type=int, default=20, help="runs of each side in a cell (default 20)")
    parser.add_argument("--minutes", type=float, default=10, help="of the cells under load (default 10)")
    parser.add_argument("--brief-minutes", type=float, default=2, metavar="N",
                        help="of the other side in those (default 2)")
    parser.add_argument("--json", metavar="FILE", help="every run as data; written after each cell")
    parser.add_argument("--build", default=build_directory(), help="where the programs are")
    parser.add_argument("--keep-logs", action="store_true", help="leave the logs behind and say where")
    parser.add_argument("--verbose", action="store_true", help="tell of a failed run at once")
    return parser.parse_args()


def main():
    arguments = parse()
    cells = chosen([*arguments.names, arguments.cells] if arguments.cells else arguments.names)
    if os.geteuid() != 0:
        raise SystemExit("tools/bench failover: it makes network namespaces, which only root may")
    bench, results = Bench(arguments), []
    about = versions(arguments.build)
    say(f"{about['keepalived']}; kernel {about['kernel']}, {about['cores']} cores\n"
        "milliseconds; changes: of the VIP's holder; stall: of the measuring phone itself, and so of the machine\n\n"
        + HEAD)
    try:
        for cell, count in cells:
            results.append(bench.cell(cell, count))
            say("\n".join(lines_of(cell, results[-1])) + "\n")
            if arguments.json:
                keep(arguments.json, about, results)
    except KeyboardInterrupt:
        say("interrupted" + (f"; {len(results)} cells are in {arguments.json}" if arguments.json and results else ""))
        return 130
    finally:
        bench.close()
    missed = [result["name"] for result in results if not result["measured"]]
    broken = [result["name"] for result in results if not all(part["held"] for part in result["judged"])]
    if missed:
        say("not measured: " + ", ".join(missed))
    say("did not hold: " + ", ".join(broken) if broken else "every limit held")
    return exit_status(results)


if __name__ == "__main__":
    sys.exit(main())
