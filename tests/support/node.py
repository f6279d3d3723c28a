# SPDX-License-Identifier: GPL-3.0-or-later
"""One node of the pair in the lab: tandemd, tandem-fast, and tandemctl to ask them."""

import json
import os
import re
import signal
import subprocess

from tests.support.appliance import INSIDE_VIPS, engine_values, ha_section
from tests.support.network import HA, LAN, VIP4, VIP4_SECOND, VIP6
from tests.support.process import Process, Supervised, alive, children
from tests.support.wait import wait_for

_EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "examples")
GROUP = "sip"
SECOND_GROUP = "trunk"
FULL_SCORE = 1000


def rewrite(text, values):
    """The file with other values: {(section, key): value as TOML}; an array's sections count as `path.0`, `path.1`.

    Everything else stays as it is, comments too. A key that the file does not have is an error: the example has
    changed and the lab must follow."""
    left = dict(values)
    seen = {}
    section = ""
    lines = []
    for line in text.splitlines():
        head = re.match(r"\s*(\[\[|\[)([\w.]+)\]", line)
        pair = re.match(r"(\s*)([\w-]+)(\s*=\s*)", line)
        if head:
            section = head.group(2)
            if head.group(1) == "[[":
                seen[section] = seen.get(section, -1) + 1
                section = f"{section}.{seen[section]}"
        elif pair and (section, pair.group(2)) in left:
            line = f"{pair.group(1)}{pair.group(2)} = {left.pop((section, pair.group(2)))}"
        lines.append(line)
    if left:
        raise RuntimeError(f"the example configuration has no {sorted(left)}")
    return "\n".join(lines) + "\n"


def _second_group(node):
    """Of another primary than the first group, so that each node is active for one of them."""
    return f"""[[group]]
name = "{SECOND_GROUP}"
role = "{"primary" if node == "b" else "secondary"}"
priority = 100
interface = "lan0"
vips = ["{VIP4_SECOND}"]
sip_ports = [5060]

[group.mirror]
enabled = true
request_pattern = "REGISTER"

"""


def config_text(node, directory, key_file, interval_ms=5, multiplier=3, watch=None, second_group=False, keys=None,
                sections="", appliance=None):
    """The node's configuration file: the annotated example, with the lab's addresses and directories.

    `watch`: keys and TOML values of `[group.watch]`, with {directory} for the node's; None: there is no such section.
    `keys`: more keys of the first group. `sections`: text behind its `[group.watch]`,
    with {directory} as well. `appliance`: those of
    engine_values; None: host mode."""
    peer = "b" if node == "a" else "a"
    name = "host-pair.toml" if appliance is None else "appliance-node1.toml"
    with open(os.path.join(_EXAMPLES, name), encoding="utf-8") as file:
        example = file.read()

    def quoted(value):
        return json.dumps(str(value))
    if second_group:
        example = example.replace("[engine]", _second_group(node) + "[engine]", 1)
    if appliance is not None and appliance.get("ha"):
        example = example.replace("[log]", ha_section(appliance["ha"]) + "[log]", 1)
    if appliance is not None and appliance.get("shared"):
        keys = {**INSIDE_VIPS, **(keys or {})}
    if keys:
        lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
        example = re.sub(r"(?m)^(sip_ports = .*\n)", rf"\g<1>{lines}", example, count=1)
    if watch or sections:
        watch = watch or {}
        lines = "".join(f"{key} = {value.format(directory=directory)}\n" for key, value in watch.items())
        added = sections.replace("{directory}", str(directory))
        # Behind the first group's last section, wherever the next one begins.
        example = re.sub(r"(?ms)^(\[group\.mirror\].*?)(?=^\[(?!group\.)|^\[\[)",
                         rf"\g<1>[group.watch]\n{lines}\n{added}\n", example, count=1)
    return rewrite(example, {
        ("node", "id"): 1 if node == "a" else 2,
        ("node", "name"): quoted(node),
        ("node", "run_dir"): quoted(f"{directory}/run"),
        ("node", "state_dir"): quoted(f"{directory}/state"),
        ("pair", "id"): quoted("lab"),
        ("pair", "key_file"): quoted(key_file),
        ("pair", "interval_ms"): interval_ms,
        ("pair", "multiplier"): multiplier,
        ("path.0", "name"): quoted("ha"),
        ("path.0", "local"): quoted(HA[node]),
        ("path.0", "peer"): quoted(HA[peer]),
        ("path.1", "name"): quoted("lan"),
        ("path.1", "local"): quoted(LAN[node]),
        ("path.1", "peer"): quoted(LAN[peer]),
        ("group.0", "name"): quoted(GROUP),
        ("group.0", "role"): quoted("primary" if node == "a" else "secondary"),
        ("group.0", "interface"): quoted("lan0"),
        ("group.0", "vips"): json.dumps([VIP4, VIP6]),
        ("log", "target"): quoted("stderr"),
        **(engine_values(node, **appliance) if appliance is not None else {}),
    })


class Refused(RuntimeError):
    """tandemctl said no, with a reason."""


class Node:
    def __init__(self, name, namespace, build, directory, key_file, **settings):
        self.name = name
        self.namespace = namespace
        self.build = build
        self.directory = directory
        for part in ("run", "state"):
            os.makedirs(os.path.join(directory, part), mode=0o700, exist_ok=True)
        self.run_dir = os.path.join(directory, "run")
        self.config = os.path.join(directory, "tandem.toml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(config_text(name, directory, key_file, **settings))
        self.guard = None
        self.fast = None

    def program(self, name):
        folder = {"tandemd": "control", "tandem-fast": "dataplane", "tandemctl": "tools"}[name]
        for path in (os.path.join(self.build, folder, name), os.path.join(self.build, "tools", "tandemctl", name),
                     os.path.join(self.build, name)):
            if os.path.isfile(path):
                return path
        raise RuntimeError(f"{name} is not built in {self.build}")

    @property
    def socket(self):
        return os.path.join(self.run_dir, "tandemd.sock")

    def _log(self, name):
        return os.path.join(self.directory, f"{name}.log")

    def start(self):
        """Starts both programs; does not wait."""
        self.start_daemon()
        self.start_fast()

    def start_daemon(self):
        self.guard = Process(self.namespace, [self.program("tandemd"), "--config", self.config],
                             self._log("tandemd"))

    def start_fast(self, restart=True):
        words = [self.program("tandem-fast"), "--run-dir", self.run_dir]
        self.fast = Supervised(lambda: Process(self.namespace, words, self._log("tandem-fast")), restart)

    def end(self):
        """An orderly end of both."""
        for part in (self.fast, self.guard):
            if part is not None:
                part.end()
        self.fast = self.guard = None

    def end_daemon(self):
        if self.guard is not None:
            self.guard.end()
            self.guard = None

    def brain(self):
        """The process id of the brain: the guard's child."""
        if self.guard is None:
            return None
        running = [pid for pid in children(self.guard.pid) if alive(pid)]
        return running[0] if running else None

    def kill_brain(self):
        pid = wait_for(self.brain, 5.0, f"node {self.name} has a brain")
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop_both(self):
        """SIGSTOP for guard and brain, the guard first so that it cannot react."""
        pid = wait_for(self.brain, 5.0, f"node {self.name} has a brain")
        os.kill(self.guard.pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGSTOP)
        return pid

    def continue_both(self, brain):
        os.kill(brain, signal.SIGCONT)
        os.kill(self.guard.pid, signal.SIGCONT)

    def ctl(self, *words, timeout=10.0):
        """tandemctl with --json: its answer as data. Refused when it says no."""
        done = subprocess.run([self.program("tandemctl"), "--socket", self.socket, *words, "--json"], text=True,
                              capture_output=True, timeout=timeout, check=False)
        if done.returncode == 1:
            raise Refused((done.stdout.strip() or done.stderr.strip()) or "refused without a reason")
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise RuntimeError(f"tandemctl {' '.join(words)} ended with {done.returncode}: {said}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def text(self, *words):
        """What tandemctl says to people."""
        return subprocess.run([self.program("tandemctl"), "--socket", self.socket, *words], text=True,
                              capture_output=True, timeout=10.0, check=False).stdout

    def status(self):
        """The node's view, or None while it does not answer."""
        try:
            return self.ctl("status")
        except (Refused, RuntimeError, json.JSONDecodeError, subprocess.TimeoutExpired):
            return None

    def group(self, name=GROUP):
        status = self.status()
        groups = (status or {}).get("self", {}).get("groups", [])
        return next((group for group in groups if group.get("name") == name), None)

    def alarms(self):
        """What is wrong now, as the node says: {(code, subject)}; empty while it does not answer."""
        listed = (self.status() or {}).get("self", {}).get("alarm_list", [])
        return {(alarm["code"], alarm["subject"]) for alarm in listed}

    def monitor(self, name, group=GROUP):
        """One monitor's line: {name, state, detail, ...}; empty while the node does not answer."""
        monitors = (self.group(group) or {}).get("monitors", [])
        return next((monitor for monitor in monitors if monitor["name"] == name), {})

    def counter(self, name):
        """One of the node's counters, 0 while it does not answer."""
        return (self.status() or {}).get("self", {}).get("counters", {}).get(name, 0)

    def path_counters(self, path):
        """The counters of one HA path, by reason."""
        paths = (self.status() or {}).get("self", {}).get("paths", [])
        return next((entry["counters"] for entry in paths if entry["name"] == path), {})

    def engine_attached(self):
        return bool((self.status() or {}).get("self", {}).get("engine", {}).get("attached"))

    def role(self, name=GROUP):
        group = self.group(name)
        return group["role"] if group else None

    def ready(self, name=GROUP):
        """Standby, and fit to take over."""
        group = self.group(name)
        return bool(group and group["role"] == "standby" and group.get("ready"))

    def healthy(self, name=GROUP):
        """Every monitor has been well for long enough to count as such."""
        group = self.group(name)
        return bool(group and group.get("score") == FULL_SCORE)

    def events(self):
        """What happened on this node; the other one's are left out."""
        return (self.ctl("events", "--node", self.name, "--limit", "0") or {}).get("events", [])

    def tail(self):
        parts = []
        for label, part in (("tandemd", self.guard), ("tandem-fast", self.fast.process if self.fast else None)):
            if part is not None:
                parts.append(f"--- {label} on {self.name}\n{part.tail()}")
        return "\n".join(parts)
