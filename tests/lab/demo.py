# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/demo: a SIP server's host dies, and its phones go on.

In namespaces of its own on this machine: two SIP servers, two tandem nodes, 200 registered phones, running calls and a
stream of requests. With --appliance the nodes stand in front of the servers, and everything that is sent to the virtual
address crosses their packet engines, RTP too. Every figure is measured in this run."""

import argparse
import json
import os
import subprocess
import sys

from tests.build import build, build_directory
from tests.support.lab import Lab, other
from tests.support.media import Echo, Stream
from tests.support.network import CLIENT4, CLIENT6, VIP4, VIP6
from tests.support.standstill import Witness
from tests.support.wait import Late, monotonic_ns, wait_for

PHONES = 200
RATE = 1000
ECHO_PORT = 7000
PHASES = (("detected", "the survivor is sure that the other node is silent"), ("decided", "takeover decided"),
          ("addresses", "addresses added"), ("announced", "first announcement sent"))


class Screen:
    """Words for people; colours only where there is a terminal."""

    def __init__(self):
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._coloured else text

    def title(self, text):
        print("\n" + self._paint("1", text), flush=True)

    def line(self, text):
        print("  " + text, flush=True)

    def fact(self, label, value, good=None):
        value = str(value)
        painted = value if good is None else self._paint("32" if good else "31", value)
        print(f"  {label:<52} {painted}", flush=True)

    def time(self, ms, text):
        print(f"  {self._paint('36', f'{ms:+9.3f} ms')}  {text}", flush=True)

    def verdict(self, good, text):
        print("\n" + self._paint("1;32" if good else "1;31", text), flush=True)


class Promise:
    """What the demo says will hold; each part that did not is remembered."""

    def __init__(self):
        self.broken = []

    def check(self, good, what):
        if not good:
            self.broken.append(what)
        return good


def start(screen, lab):
    screen.title("Two SIP servers, one address" if lab.appliance is None else
                 "Two SIP servers, an appliance in front of each, one address")
    lab.start(PHONES)
    lab.wait_healthy()  # a SIP server that came later than the other's would let the group move just when it is looked at
    active = lab.wait_pair()
    screen.fact("virtual address", f"{VIP4}, {VIP6}")
    screen.fact("active / standby", f"node {active} / node {other(active)}")
    registered = lab.phones.register()
    screen.fact("phones registered through the virtual address", f"{registered} of {PHONES}", registered == PHONES)
    return active, registered


def takeover_event(node, after_ns):
    """The survivor's own record of its takeover."""
    for event in reversed(node.events()):
        data = event.get("data", {})
        if event.get("name") == "takeover" and data.get("decided_ns", 0) >= after_ns:
            return data
    return None


def wait_count(server, count, what):
    """The count is what it is; waiting only gives the last ones time to arrive."""
    try:
        wait_for(lambda: server.registrations() >= count, 5.0, what)
    except Late:
        pass
    return server.registrations()


def crash(screen, lab, promise, active, registered):
    survivor = other(active)
    on_active = lab.servers[active].registrations()
    on_standby = wait_count(lab.servers[survivor], registered, "registrations on the standby")
    probe = lab.probe("crash", rate=RATE, warm_up=RATE)
    running = lab.phones.keep_calling(rate=5, hold_ms=4000)
    wait_for(lambda: running.counts()["current"] >= 5, 10.0, "calls are up")

    screen.title(f"Node {active} dies: its switch ports go down, nobody is told")
    cut_ns, _ = lab.network.cut(active)
    gained = wait_for(lambda: lab.holders.gained_ns(VIP4, survivor, cut_ns), 30.0,
                      f"node {survivor} takes the address", every=0.002)
    wait_for(lambda: probe.last_answer_ns() > gained + 500_000_000, 30.0, "answers come again")
    outage = probe.outage(cut_ns)
    event = wait_for(lambda: takeover_event(lab.nodes[survivor], cut_ns), 10.0, "the takeover is in the events")
    phases = show_time_line(screen, outage, cut_ns, event)

    calls = lab.phones.call_all()
    summary = probe.stop()
    running_calls = running.finish(40.0)
    after = lab.servers[survivor].registrations()

    screen.title("What the phones saw")
    screen.fact("outage", f"{outage.ms:.1f} ms")
    screen.fact("requests lost", f"{summary['lost']} of {summary['sent']}")
    screen.fact("registrations on the active before", on_active,
                promise.check(on_active == registered == PHONES, "all phones registered on the active"))
    screen.fact("registrations on the standby before", on_standby,
                promise.check(on_standby == on_active, "all registrations on the standby"))
    screen.fact("registrations on the survivor after", after,
                promise.check(after >= on_active, "all registrations on the survivor"))
    good = promise.check(calls["completed"] == PHONES, "every phone could be called without registering again")
    screen.fact("calls to all phones, without a new REGISTER", f"{calls['completed']} of {PHONES} completed", good)
    good = promise.check(running_calls["failed"] == 0, "no running call was lost")
    screen.fact("calls that ran before, during and after", f"{running_calls['completed']} completed, "
                f"{running_calls['failed']} failed", good)
    if summary["longest_stall_ms"] > 10:
        screen.line(f"(the measuring phone itself was once not scheduled for {summary['longest_stall_ms']:.1f} ms)")
    return {"outage_ms": round(outage.ms, 3), "requests_sent": summary["sent"], "requests_lost": summary["lost"],
            "registrations_active": on_active, "registrations_standby": on_standby,
            "registrations_survivor_after": after, "calls_offered": PHONES, "calls_completed": calls["completed"],
            "calls_running_completed": running_calls["completed"], "calls_running_failed": running_calls["failed"],
            "probe_longest_stall_ms": summary["longest_stall_ms"]}, phases


def show_time_line(screen, outage, cut_ns, event):
    """The phases on one line, from the last answer; the probe's and the survivor's times are of one clock."""
    zero = outage.last_answer_ns
    phases = {"fault": cut_ns, "last_answer": zero}
    for name, _ in PHASES:
        phases[name] = event[f"{name}_ns"]
    if event.get("last_heard_ns"):
        phases["last_heard"] = event["last_heard_ns"]
    phases["first_answer"] = outage.first_answer_ns
    labels = {"fault": "the ports are being switched off", "last_answer": "last answer to a phone",
              "last_heard": "last heartbeat that the survivor heard", "first_answer": "first answer to a phone",
              **dict(PHASES)}
    for name, ns in sorted(phases.items(), key=lambda item: item[1]):
        screen.time((ns - zero) / 1e6, labels[name])
    return {name: round((ns - zero) / 1e6, 3) for name, ns in phases.items()}


def planned(screen, lab, promise, first):
    screen.title(f"Node {first} comes back, and gets the service back in order")
    lab.heal(first)
    active = lab.wait_pair(deadline=30.0)
    standby = other(active)
    count = lab.servers[active].registrations()
    screen.fact("active / standby", f"node {active} / node {standby}")
    probe = lab.probe("planned", rate=RATE, warm_up=RATE)
    asked_ns = monotonic_ns()
    lab.nodes[active].ctl("failover")
    gained = wait_for(lambda: lab.holders.gained_ns(VIP4, standby, asked_ns), 30.0, "the address has moved")
    wait_for(lambda: lab.holders.held_by(VIP4) == {standby}, 30.0, "one node alone has the address")
    lab.wait_pair(active=standby, deadline=30.0)
    wait_for(lambda: probe.last_answer_ns() > gained + 1_000_000_000, 30.0, "answers after the switchover")
    gap = probe.outage(asked_ns)
    summary = probe.stop()
    calls = lab.phones.call_all()
    good = promise.check(summary["lost"] == 0, "no request lost in the planned switchover")
    screen.fact("requests lost", f"{summary['lost']} of {summary['sent']}", good)
    screen.fact("longest gap between two answers", f"{gap.ms:.1f} ms")
    after = lab.servers[standby].registrations()
    screen.fact("registrations there", after, promise.check(after >= PHONES, "all registrations after the switchback"))
    good = promise.check(calls["completed"] == PHONES, "every phone could be called after the switchback")
    screen.fact("calls to all phones, without a new REGISTER", f"{calls['completed']} of {PHONES} completed", good)
    return {"outage_ms": round(gap.ms, 3), "requests_sent": summary["sent"], "requests_lost": summary["lost"],
            "registrations_active": count, "registrations_standby": after, "calls_offered": PHONES,
            "calls_completed": calls["completed"]}


def media(screen, lab, promise):
    """RTP to the virtual address, both families, through the active appliance."""
    screen.title("Media: everything that is sent to the address crosses the appliance")
    active, client = lab.active(), lab.network.name("c")
    server = lab.network.name(lab.network.server(active))
    with Echo(server, VIP4, ECHO_PORT), Echo(server, VIP6, ECHO_PORT):
        with Stream(client, CLIENT4, VIP4, ECHO_PORT) as four, Stream(client, CLIENT6, VIP6, ECHO_PORT) as six:
            wait_for(lambda: four.answered() > 300 and six.answered() > 300, 20.0, "two streams of some seconds")
    lost = four.lost + six.lost
    screen.fact("RTP packets that did not come back", f"{lost} of {four.sent + six.sent}",
                promise.check(lost == 0, "no RTP packet lost"))
    return {"sent": four.sent + six.sent, "lost": lost}


def tell_standstills(screen, spans):
    """Both nodes live on this machine: a pause of all of it can look like the death of one of them."""
    if spans:
        longest = max(end - begin for begin, end in spans) / 1e6
        screen.line(f"(meanwhile this machine stood still as a whole {len(spans)} times, for up to {longest:.0f} ms; a node that is "
                    "not heard for 15 ms counts as dead here. Two nodes on one machine share that: run it again)")


def main():
    parser = argparse.ArgumentParser(prog="tools/demo", description=__doc__)
    parser.add_argument("--appliance", action="store_true", help="two appliances in front of the SIP servers")
    parser.add_argument("--json", metavar="FILE", help="write the measured figures as data")
    parser.add_argument("--keep-logs", action="store_true", help="leave the logs behind and say where")
    parser.add_argument("--no-build", action="store_true", help="take the programs as they are")
    arguments = parser.parse_args()
    screen = Screen()
    if os.geteuid() != 0:
        print("tools/demo: it makes network namespaces, which only root may", file=sys.stderr)
        return 2
    directory = build_directory()
    if not arguments.no_build:
        screen.line("building (the first time takes some minutes)")
        try:
            build(directory, quiet=True)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"tools/demo: the build failed: {error}", file=sys.stderr)
            return 1
    promise = Promise()
    witness, began_ns = Witness(), monotonic_ns()
    try:
        with Lab(directory, appliance={} if arguments.appliance else None) as lab:
            lab.keep_logs = arguments.keep_logs
            try:
                first, registered = start(screen, lab)
                streamed = media(screen, lab, promise) if arguments.appliance else None
                crashed, phases = crash(screen, lab, promise, first, registered)
                moved = planned(screen, lab, promise, first)
            except Exception:
                screen.line(lab.describe().replace("\n", "\n  "))
                raise
            if arguments.keep_logs:
                screen.line(f"logs: {lab.directory}")
    except KeyboardInterrupt:
        print("\ntools/demo: interrupted; everything it made is removed", file=sys.stderr)
        return 130
    except (AssertionError, RuntimeError) as error:
        print(f"tools/demo: {error}", file=sys.stderr)
        tell_standstills(screen, witness.spans(began_ns))
        return 1
    finally:
        stood_still = witness.spans(began_ns)
        witness.close()
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            results = {"crash": crashed, "planned": moved, "phases_ms": phases}
            json.dump(results | ({"media": streamed} if streamed else {}), file, indent=1)
            file.write("\n")
    screen.verdict(not promise.broken, "Everything held." if not promise.broken else
                   "Not everything held: " + "; ".join(promise.broken))
    if promise.broken:
        tell_standstills(screen, stood_still)
    return 1 if promise.broken else 0


if __name__ == "__main__":
    sys.exit(main())
