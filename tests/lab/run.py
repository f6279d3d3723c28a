# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab tests: every fault of the requirements on a real pair, measured. One line a case.

    python3 -m tests.lab.run [--build DIR] [--runs N | --full] [--json FILE] [NAME...]

The pair stays up from case to case; a case that fails gets its successors a new one. Where the machine itself stood
still and a node took the group over right after it, or where a time was missed by no more than the machine was away, a
case that fails has not tested its fault: it is played again, on a new pair, and its line says so."""

import argparse
import json
import subprocess
import sys
import time
import traceback

from tests.build import build_directory
from tests.lab import (action_cases, api_cases, appliance_cases, check_cases, config_cases, failover_cases,
                       group_cases, hostile_cases, ledger_cases, mail_cases, many_cases, method_cases,
                       monitor_cases, policy_cases, quiet_cases, reload_cases, role_cases, sip_check_cases,
                       trap_cases)
from tests.lab.figures import TooLate
from tests.support.lab import Lab
from tests.support.network import VIP4, VIP4_SECOND, VIP6
from tests.support.standstill import Witness
from tests.support.wait import monotonic_ns

# name, function, runs when --full; 0: the case has no notion of runs
PAIR_CASES = (
    ("registrations survive a crash", failover_cases.registrations_survive, 5),
    ("nothing happens without a cause", failover_cases.no_takeover_without_cause, 0),
    ("node crash", failover_cases.node_crash, 20),
    ("brain killed", failover_cases.brain_kill, 20),
    ("carrier lost", failover_cases.carrier_lost, 20),
    ("one HA path cut", failover_cases.one_path_cut, 3),
    ("planned switchover", failover_cases.planned_switchover, 20),
    ("guard and brain stopped", failover_cases.guard_and_brain_stopped, 3),
    ("engine killed", failover_cases.engine_killed, 5),
    ("engine hangs", failover_cases.engine_hangs, 3),
    ("partition and heal", role_cases.partition_heals, 3),
    ("paused and resumed", role_cases.pause_and_resume, 3),
    ("failover to an unfit peer", role_cases.unfit_peer, 0),
    ("disable of the last fit node", role_cases.last_fit_node, 0),
    ("role follow", role_cases.role_follow, 0),
    ("malformed SIP", hostile_cases.malformed_sip, 0),
    ("hostile datagrams at the heartbeat port", hostile_cases.hostile_heartbeats, 0),
    ("hostile datagrams at the mirror port", hostile_cases.hostile_mirror_datagrams, 0),
    ("hostile connections at the HA port", hostile_cases.hostile_connections, 0),
    ("both started at once", failover_cases.both_started, 20),
)
# The same with all monitors on, and impatient ones.
MONITOR_LAB = {"watch": monitor_cases.WATCH, "keys": monitor_cases.KEYS, "management": True}
# name, function, runs when --full, what the pair's lab is made with: each of them has a pair of its own
OWN_CASES = (
    ("SIP server killed", role_cases.server_killed, 5,
     {"watch": {"process": '"{directory}/kamailio/kamailio.pid"', "rise_ms": "300"}, "keys": {"damper_s": "1"}}),
    ("state directory read-only or full", role_cases.useless_disk, 0, {"own_disks": True}),
    ("two groups", group_cases.two_groups, 0, {"second_group": True, "vips": (VIP4, VIP6, VIP4_SECOND)}),
    ("no SIP traffic", policy_cases.traffic, 0, policy_cases.TRAFFIC),
    ("failback by itself", policy_cases.failback_auto, 0, policy_cases.AUTO),
    ("failback waits for calls", policy_cases.failback_window, 0, policy_cases.WINDOW),
)
PHONES = 200
# How often a case is played that a standstill of the machine spoils, and how long after one a takeover is due to it.
TRIES = 3
AFTER_STANDSTILL_NS = 60_000_000


def clean(text):
    """Of what a test says, what a terminal may see."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in str(text))


class Runner:
    def __init__(self, arguments):
        self.arguments = arguments
        self.results = []
        self.lab = None
        self.witness = Witness()

    def wanted(self, name):
        return not self.arguments.names or any(word in name for word in self.arguments.names)

    def runs(self, full):
        return full if self.arguments.full else max(1, min(self.arguments.runs, full or 1))

    def case(self, name, body, again=None):
        """Plays one case. `again`: makes the pair anew for another try, where the machine stood still."""
        started = time.monotonic()
        spoiled = []
        while True:
            text, figures, passed, missed, began_ns = "", {}, False, None, monotonic_ns()
            try:
                if spoiled:
                    again()
                text, figures = body()
                passed = True
            except Exception as error:  # a case that fails in any way is a failed case, and the next one still runs
                text = clean(error) or type(error).__name__
                missed = error if isinstance(error, TooLate) else None
                if not isinstance(error, AssertionError) or self.arguments.trace:
                    text += "\n" + clean(traceback.format_exc())
            if passed or again is None or len(spoiled) + 1 == TRIES:
                break
            spoilt = self.moved_by_standstill(began_ns) or self.missed_by_standstill(missed)
            if spoilt is None:
                break
            spoiled.append(spoilt)
        if spoiled:
            text += (f"; played {len(spoiled) + 1} times, because the machine stood still for "
                     + " and ".join(f"{ms:.1f} ms" for ms in spoiled))
        seconds = time.monotonic() - started
        self.results.append({"name": name, "passed": passed, "text": text, "seconds": round(seconds, 2),
                             "standstills_ms": spoiled, "figures": figures})
        shown = text.replace("\n", "\n      ")
        print(f"  lab/{name}: {'passed' if passed else 'FAILED'} ({seconds:.1f} s): {shown}", flush=True)
        return passed

    def moved_by_standstill(self, since_ns):
        """For how many milliseconds the whole machine stood still before a node took over; None: no such takeover."""
        spans = self.witness.spans(since_ns)
        if not spans or self.lab is None:
            return None
        try:
            takeovers = [event["monotonic_ns"] for node in self.lab.nodes.values() for event in node.events()
                         if event["name"] == "takeover"]
        except (OSError, RuntimeError, subprocess.TimeoutExpired):
            return None  # a node that cannot be asked has failed by itself
        return max(((end - begin) / 1e6 for begin, end in spans for taken in takeovers
                    if begin <= taken <= end + AFTER_STANDSTILL_NS), default=None)

    def missed_by_standstill(self, missed):
        """For how many milliseconds a processor was away while a time was missed by no more than that; None: by more."""
        away = self.witness.away_ns(missed.since_ns, missed.until_ns) / 1e6 if missed else 0
        return away if missed and away >= missed.by_ms else None

    def close(self):
        if self.lab is not None:
            self.lab.close()
            self.lab = None

    def start_pair(self, phones, settings):
        self.close()
        self.lab = Lab(self.arguments.build, **settings)
        self.lab.keep_logs = self.arguments.keep_logs
        if self.arguments.keep_logs:
            print(f"  lab: logs in {self.lab.directory}", flush=True)
        self.lab.start(phones)
        if phones:
            self.lab.wait_healthy()  # else the group may yet move to the node whose SIP server came first
            self.lab.phones.register()
        return "network, two SIP servers, two nodes", {"active": self.lab.wait_pair()}

    def pair_cases(self, cases, phones=0, **settings):
        cases = [case for case in cases if self.wanted(case[0])]
        if not cases:
            return
        broken = True
        for name, body, full in cases:
            if broken and not self.case("the pair comes up", lambda: self.start_pair(phones, settings)):
                self.close()
                for missed, _, _ in cases[cases.index((name, body, full)):]:
                    self.results.append({"name": missed, "passed": False, "text": "no pair to test", "seconds": 0,
                                         "figures": {}})
                    print(f"  lab/{missed}: FAILED: no pair to test", flush=True)
                return
            broken = not self.case(name, lambda body=body, full=full: body(self.lab, self.runs(full)),
                                   lambda: self.start_pair(phones, settings))
            if broken:
                print("      " + self.describe().replace("\n", "\n      "), flush=True)
        self.close()

    def own_cases(self):
        for name, body, full, settings in OWN_CASES:
            if self.wanted(name) and not self.case(name, lambda body=body, full=full, settings=settings:
                                                   self.on_own_pair(settings, body, self.runs(full)), self.close):
                print("      " + self.describe().replace("\n", "\n      "), flush=True)
            self.close()

    def on_own_pair(self, settings, body, runs):
        self.lab = Lab(self.arguments.build, **settings)
        self.lab.keep_logs = self.arguments.keep_logs
        self.lab.start(0)
        return body(self.lab, runs)

    def describe(self):
        try:
            return clean(self.lab.describe())
        except Exception as error:  # telling about a failure must not be one
            return f"the lab cannot be described: {clean(error)}"

    def config_rows(self):
        rows = [row for row in config_cases.ROWS if self.wanted(f"refused: {row}")]
        if not rows:
            return
        with Lab(self.arguments.build) as lab:
            lab.build_network()
            lab.make_nodes()
            for row in rows:
                self.case(f"refused: {row}", lambda row=row: config_cases.refused(lab, row))


def main():
    parser = argparse.ArgumentParser(prog="tests.lab.run", description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("names", nargs="*", help="only cases whose name contains one of these")
    parser.add_argument("--build", default=build_directory())
    parser.add_argument("--runs", type=int, default=3, help="runs of each measured case (default 3)")
    parser.add_argument("--full", action="store_true", help="as many runs as the requirements name")
    parser.add_argument("--json", metavar="FILE", help="the results as data")
    parser.add_argument("--keep-logs", action="store_true", help="leave the lab's directory behind")
    parser.add_argument("--trace", action="store_true", help="show where a case failed")
    runner = Runner(parser.parse_args())
    try:
        runner.config_rows()
        runner.pair_cases(PAIR_CASES, PHONES)
        runner.pair_cases(monitor_cases.CASES, **MONITOR_LAB)
        runner.pair_cases(method_cases.CASES, **method_cases.LAB)
        runner.pair_cases(check_cases.CASES, **check_cases.LAB)
        runner.pair_cases(mail_cases.CASES)
        runner.pair_cases(action_cases.CASES, **action_cases.LAB)
        runner.pair_cases(action_cases.ROLE_CASES, **action_cases.ROLE_LAB)
        runner.pair_cases(action_cases.DEAD_CASES, **action_cases.DEAD_LAB)
        runner.pair_cases(quiet_cases.CASES, **quiet_cases.LAB)
        runner.pair_cases(many_cases.CASES, **many_cases.LAB)
        runner.pair_cases(trap_cases.CASES, **trap_cases.LAB)
        runner.pair_cases(reload_cases.CASES, **reload_cases.LAB)
        runner.pair_cases(api_cases.CASES, **api_cases.LAB)
        runner.pair_cases(ledger_cases.CASES, **ledger_cases.LAB)
        runner.pair_cases(sip_check_cases.CASES, **sip_check_cases.LAB)
        for settings, phones, cases in appliance_cases.LABS:
            runner.pair_cases(cases, phones, **settings)
        runner.own_cases()
    except Exception as error:  # the lab itself could not be built
        runner.case("the lab", lambda error=error: (_ for _ in ()).throw(error))
    finally:
        runner.close()
        runner.witness.close()
        if runner.arguments.json:
            with open(runner.arguments.json, "w", encoding="utf-8") as file:
                json.dump({"cases": runner.results}, file, indent=1)
    failed = sum(1 for result in runner.results if not result["passed"])
    print(f"{len(runner.results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not runner.results else 0


if __name__ == "__main__":
    sys.exit(main())
