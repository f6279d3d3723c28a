# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/test: every layer of tests, counted from its real results.

A layer that could not run is a line in the report and a failure. The last line is `N passed, N failed`."""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

from tests.build import ROOT, build, build_directory, introspect, layer_of
from tests.style import check as style

LAYERS_FROM_MESON = ("unit", "packet")  # must be there; other suites that meson knows run too
CASE_DEADLINE = 300


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.wrong = []  # what failed, for the end of the report

    def add(self, passed, failed, *wrong):
        self.passed += passed
        self.failed += failed
        self.wrong += wrong


def say(text):
    print(text, flush=True)


def readable(text, lines=40):
    kept = text.splitlines()[-lines:]
    return "\n".join("    " + "".join(c if c.isprintable() else "?" for c in line) for line in kept)


def boost_cases(report):
    """(passed, failed, names of those that did not pass) of a Boost.Test report, case by case."""
    passed, wrong = 0, []
    for case in ElementTree.parse(report).getroot().iter("TestCase"):
        if case.get("result") == "passed":
            passed += 1
        else:
            wrong.append(f"{case.get('name')}: {case.get('result')}")
    return passed, len(wrong), wrong


def is_boost_test(program):
    """Whether it is linked with Boost.Test; other programs count for themselves in their last line."""
    try:
        with open(program, "rb") as file:
            return b"libboost_unit_test_framework" in file.read()
    except OSError:
        return False


def run_program(test, directory):
    """Runs one test program; gives (passed, failed, text to show)."""
    with tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "report.xml")
        environment = {**os.environ, **test.get("env", {})}
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1")
        environment.setdefault("LSAN_OPTIONS", "print_suppressions=0:suppressions=" +
                               os.path.join(ROOT, "tests/packet/leaks.supp"))
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
        boost = ["--report_format=XML", "--report_level=detailed", f"--report_sink={report}", "--color_output=no"]
        words = test["cmd"] + (boost if is_boost_test(test["cmd"][0]) else [])
        deadline = max(CASE_DEADLINE, test.get("timeout") or 0)
        try:
            done = subprocess.run(words, cwd=test.get("workdir") or directory, env=environment, text=True,
                                  errors="replace", capture_output=True, stdin=subprocess.DEVNULL,
                                  timeout=deadline, check=False)
        except subprocess.TimeoutExpired:
            return 0, 1, f"not ended within {deadline} s"
        except OSError as error:
            return 0, 1, f"did not start: {error}"
        output = done.stdout + done.stderr
        if os.path.exists(report) and os.path.getsize(report):
            passed, failed, wrong = boost_cases(report)
            if passed + failed == 0:
                return 0, 1, "has no test cases"
            if done.returncode != 0 and failed == 0:
                return passed, 1, f"all cases passed, yet it ended with {done.returncode}\n{readable(output)}"
            return passed, failed, "\n".join(wrong + [readable(output)]) if failed else ""
        counted = re.search(r"^(\d+) passed, (\d+) failed$", output.strip().splitlines()[-1] if output.strip() else "")
        if counted and (int(counted[2]) > 0) == (done.returncode != 0):
            return int(counted[1]), int(counted[2]), readable(output) if int(counted[2]) else ""
        if done.returncode == 0 and not is_boost_test(test["cmd"][0]):
            return 1, 0, ""  # a program that is one test and says so by its exit status
        return 0, 1, f"ended with {done.returncode} and without a count\n{readable(output)}"


def meson_layers(directory):
    """{suite: [tests]} as the build system knows them."""
    layers = {}
    for test in introspect(directory, "tests"):
        layers.setdefault(layer_of(test), []).append(test)
    return layers


def run_meson_layer(name, tests, directory, tally):
    started = time.monotonic()
    layer = Tally()
    if not tests:
        say(f"{name}: SKIPPED, no tests were built: counted as a failure")
        tally.add(0, 1, f"{name}: skipped")
        return
    # Packet and kernel tests share the machine's kernel; unit tests share nothing.
    workers = os.cpu_count() if name == "unit" else 1
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for test, (passed, failed, text) in zip(tests, pool.map(lambda t: run_program(t, directory), tests)):
            layer.add(passed, failed)
            if failed:
                tally.add(0, 0, f"{name}/{test['name']}: {failed} failed: {text.strip()[:400]}")
            say(f"  {name}/{test['name']}: {passed} passed" + (f", {failed} FAILED" if failed else ""))
            if text:
                say("    " + text.replace("\n", "\n    "))
    say(f"{name}: {layer.passed} passed, {layer.failed} failed ({time.monotonic() - started:.1f} s)")
    tally.add(layer.passed, layer.failed)


def run_style(directory, tally):
    passed, failed = style.run(directory)
    say(f"style: {passed} passed, {failed} failed")
    tally.add(passed, failed, *(["style"] if failed else []))


def run_lab(directory, arguments, tally):
    if os.geteuid() != 0:
        say("lab: SKIPPED, it needs root for its namespaces: counted as a failure")
        tally.add(0, 1, "lab: skipped")
        return
    words = [sys.executable, "-m", "tests.lab.run", "--build", directory]
    words += ["--full"] if arguments.all else ["--runs", str(arguments.runs)]
    with tempfile.NamedTemporaryFile(mode="r", suffix=".json") as results:
        subprocess.run(words + ["--json", results.name], cwd=ROOT, check=False,
                       env={**os.environ, "PYTHONPATH": ROOT})
        try:
            cases = json.load(results)["cases"]
        except (json.JSONDecodeError, KeyError):
            say("lab: ended without results: counted as a failure")
            tally.add(0, 1, "lab: ended without results")
            return
    passed = sum(1 for case in cases if case["passed"])
    say(f"lab: {passed} passed, {len(cases) - passed} failed")
    tally.add(passed, len(cases) - passed,
              *(f"lab/{case['name']}: {case['text'][:400]}" for case in cases if not case["passed"]))


def main():
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--all", action="store_true", help="the lab with as many runs as the requirements name (20)")
    parser.add_argument("--only", action="append", metavar="LAYER", help="style, unit, packet, …, lab; repeatable")
    parser.add_argument("--runs", type=int, default=3, help="runs of each measured lab case (default 3)")
    parser.add_argument("--sanitize", metavar="LIST", help="a build with sanitizers: address,undefined or thread")
    arguments = parser.parse_args()

    def wanted(layer):
        return not arguments.only or layer in arguments.only
    directory = build_directory(arguments.sanitize)
    tally = Tally()
    try:
        # The style and lab layers need everything: what is installed, and what the build system knows of.
        only = set(arguments.only or ())
        build(directory, arguments.sanitize, layers=None if not only or only & {"style", "lab"} else only)
    except (subprocess.CalledProcessError, OSError) as error:
        say(f"build: FAILED: {error}")
        say("0 passed, 1 failed")
        return 1
    layers = meson_layers(directory)
    names = list(LAYERS_FROM_MESON) + sorted(set(layers) - set(LAYERS_FROM_MESON))
    unknown = set(arguments.only or ()) - set(names) - {"style", "lab"}
    if unknown:
        say(f"no such layer: {', '.join(sorted(unknown))}: counted as a failure")
        tally.add(0, len(unknown))
    if wanted("style"):
        run_style(directory, tally)
    for name in names:
        if wanted(name):
            run_meson_layer(name, layers.get(name, []), directory, tally)
    if wanted("lab"):
        run_lab(directory, arguments, tally)
    for line in tally.wrong:
        say("failed: " + " ".join(line.split()))
    say(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
