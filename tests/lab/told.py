# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node has to say of a fault, asked in all the ways there are: events, alarms, status as data and as text."""

from tests.lab.figures import TooLate
from tests.support.lab import other
from tests.support.wait import wait_for

PATIENCE = 20.0


def events(node, name, after_ns):
    return [event for event in node.events() if event["name"] == name and event["monotonic_ns"] >= after_ns]


def wait_event(node, name, after_ns, deadline=PATIENCE):
    """The first event of that name since a moment."""
    return wait_for(lambda: events(node, name, after_ns), deadline, f"the event {name} on node {node.name}",
                    every=0.05)[0]


def wait_down(node, check, after_ns, deadline=PATIENCE):
    """What the event says that tells of a check's target going down."""
    return wait_for(lambda: [event["data"] for event in events(node, "check.down", after_ns)
                             if event["data"]["check"] == check], deadline,
                    f"check {check} of node {node.name} is down", every=0.02)[0]


def found_in_time(node, check, after_ns, fault_ns, worst_ms):
    """The milliseconds from a fault to the verdict. Never more than the worst case that was told; and from the last
    good answer, from which it is counted, no less than the worst case less 10 % or 5 ms."""
    data = wait_down(node, check, after_ns)
    took, counted = (data["at_ns"] - fault_ns) / 1e6, (data["at_ns"] - data["heard_ns"]) / 1e6
    if took > worst_ms:
        raise TooLate(f"{check} of node {node.name} was found after {took:.2f} ms, {worst_ms} were told",
                      fault_ns, data["at_ns"], took - worst_ms)
    if counted < worst_ms - max(worst_ms / 10, 5):
        raise AssertionError(f"{check} of node {node.name} was found {counted:.2f} ms after its last good answer, "
                             f"{worst_ms} were told")
    return round(took, 2)


def wait_alarm(node, code, subject="", deadline=PATIENCE):
    """Until the alarm is there: in the data, and as a sentence in the text."""
    wait_for(lambda: (code, subject) in node.alarms(), deadline, f"the alarm {code} {subject} on node {node.name}",
             every=0.05)
    alarm = next(alarm for alarm in node.status()["self"]["alarm_list"]
                 if (alarm["code"], alarm["subject"]) == (code, subject))
    text = node.text("status")
    if alarm["sentence"] not in text:
        raise AssertionError(f"tandemctl status does not show the alarm to people: {alarm['sentence']}\n{text}")
    return alarm["sentence"]


def wait_no_alarm(node, code, subject="", deadline=PATIENCE):
    wait_for(lambda: (code, subject) not in node.alarms(), deadline,
             f"the alarm {code} {subject} on node {node.name} is over", every=0.05)


def wait_monitor(node, name, state, deadline=PATIENCE):
    """Until a monitor's line in the status says so; gives its words."""
    return wait_for(lambda: (lambda line: line.get("state") == state and (line.get("detail") or state))(
        node.monitor(name)), deadline, f"monitor {name} of node {node.name} is {state}", every=0.05)


def shows(node, *words):
    """The text for people has each of them."""
    text = node.text("status")
    for word in words:
        if word not in text:
            raise AssertionError(f"tandemctl status has no \"{word}\":\n{text}")


def has(label, text, part):
    if part not in text:
        raise AssertionError(f"{label}: \"{text}\" has no \"{part}\"")


def well_pair(lab, active=None, deadline=30.0):
    """A pair that is well: nothing is left of what was before, and nothing is about to move."""
    def so():
        now = lab.active()
        healthy = all((node.group() or {}).get("score") == 1000 for node in lab.nodes.values())
        return now if healthy and active in (None, now) and lab.nodes[other(now or "a")].ready() else None
    return wait_for(so, deadline, "one node active, the other ready, and both in full health", every=0.05)


def led_by(lab, name):
    """A pair that is well, and this node active: where a noisy start has made it the other, it is asked to hand over."""
    active = well_pair(lab)
    if active != name:
        lab.nodes[active].ctl("failover", timeout=30.0)
    return well_pair(lab, active=name)
