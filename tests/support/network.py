# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network, in namespaces of its own.

      <p>-c  client            <p>-sw  the switches
        lan0 .50 ------------- c_lan \\
      <p>-a  node a                    bridge lan   10.77.0.0/24  fd77::/64
        lan0 .1  ------------- a_lan /              VIP 10.77.0.100, fd77::100
        ha0  .1  ------------- a_ha  \\
      <p>-b  node b                    bridge ha    10.78.0.0/24
        lan0 .2  ------------- b_lan (lan)
        ha0  .2  ------------- b_ha  /

Nothing is made in the root namespace besides the names of the namespaces. Two labs never meet: the names begin
with a prefix that no other lab has, and a lab deletes only what it made itself. A janitor process cleans up when the
lab's own process dies without doing so.
"""

import contextlib
import ctypes
import json
import os
import signal
import string
import subprocess
import threading
import time

from tests.support.wait import monotonic_ns, wait_for

VIP4 = "10.77.0.100"
VIP6 = "fd77::100"
CLIENT4 = "10.77.0.50"
CLIENT6 = "fd77::50"
LAN = {"a": "10.77.0.1", "b": "10.77.0.2"}
HA = {"a": "10.78.0.1", "b": "10.78.0.2"}

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


def _base36(number):
    digits = string.digits + string.ascii_lowercase
    text = ""
    while number:
        number, rest = divmod(number, 36)
        text = digits[rest] + text
    return text or "0"


def command(*words, check=True, stdin=None):
    """Runs a command to its end and gives its standard output."""
    done = subprocess.run([str(w) for w in words], input=stdin, text=True, capture_output=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


@contextlib.contextmanager
def inside(namespace):
    """The calling thread in another network namespace: for sockets, which stay where they were made."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if _libc.setns(there, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        yield
    finally:
        _libc.setns(home, _CLONE_NEWNET)
        os.close(there)
        os.close(home)


def _processes(namespace):
    listed = subprocess.run(["ip", "netns", "pids", namespace], text=True, capture_output=True, check=False)
    return [int(pid) for pid in listed.stdout.split() if int(pid) != os.getpid()]


def _remove(namespaces, deadline=5.0):
    """Ends what runs in the namespaces (they are ours, so it is too), then deletes them."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        pids = [pid for name in namespaces for pid in _processes(name)]
        if not pids:
            break
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    for name in namespaces:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


class Janitor:
    """A process that outlives the lab and removes what the lab left, whatever ended it."""

    def __init__(self):
        read_end, self._pipe = os.pipe()
        if os.fork() == 0:
            try:
                os.setsid()
                os.close(self._pipe)
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
                text = b""
                while chunk := os.read(read_end, 4096):
                    text += chunk
                lines = text.decode().split("\n")
                if "done" not in lines:
                    _remove([line[6:] for line in lines if line.startswith("netns ")])
                    for line in lines:
                        if line.startswith("dir "):
                            subprocess.run(["rm", "-rf", "--", line[4:]], check=False)
            finally:
                os._exit(0)
        os.close(read_end)

    def tell(self, line):
        if self._pipe >= 0:
            os.write(self._pipe, (line + "\n").encode())

    def dismiss(self):
        if self._pipe >= 0:
            self.tell("done")
            os.close(self._pipe)
            self._pipe = -1
            with contextlib.suppress(ChildProcessError):
                os.wait3(os.WNOHANG)


class Network:
    """The namespaces, bridges and cables, and what can go wrong with them."""

    def __init__(self, janitor):
        self.janitor = janitor
        self.prefix = self._free_prefix()
        self.made = []
        self._lock = threading.Lock()

    @staticmethod
    def _free_prefix():
        taken = set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()
        for letter in string.ascii_lowercase:
            prefix = f"td{_base36(os.getpid())}{letter}"
            if not any(name.startswith(prefix + "-") for name in taken):
                return prefix
        raise RuntimeError("no free prefix for a lab")

    def name(self, who):
        return f"{self.prefix}-{who}"

    def build(self):
        for who in ("sw", "a", "b", "c"):
            command("ip", "netns", "add", self.name(who))
            self.made.append(self.name(who))
            self.janitor.tell("netns " + self.name(who))
        self._batch("sw", [
            "link set lo up",
            "link add lan type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
            "link add ha type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
            "link set lan up", "link set ha up",
        ])
        for who, networks in (("a", ("lan", "ha")), ("b", ("lan", "ha")), ("c", ("lan",))):
            for network in networks:
                self._batch("sw", [
                    f"link add {who}_{network} type veth peer name {network}0 netns {self.name(who)}",
                    f"link set {who}_{network} master {network} up",
                ])
        self._sysctl("sw", {"net/ipv6/conf/all/disable_ipv6": 1, "net/bridge/bridge-nf-call-iptables": 0,
                            "net/bridge/bridge-nf-call-ip6tables": 0, "net/bridge/bridge-nf-call-arptables": 0})
        for who, host in (("a", 1), ("b", 2), ("c", 50)):
            self._sysctl(who, {f"net/ipv6/conf/{interface}/accept_dad": 0
                               for interface in ("all", "default", "lan0", "ha0")})
            lines = ["link set lo up", "link set lan0 up",
                     f"addr add 10.77.0.{host}/24 dev lan0",
                     f"addr add fd77::{host}/64 dev lan0 nodad"]
            if who != "c":
                lines += ["link set ha0 up", f"addr add 10.78.0.{host}/24 dev ha0"]
            self._batch(who, lines)
        for who in ("a", "b", "c"):
            wait_for(lambda name=who: self._settled(name), 10, f"the network of {who} to settle")

    def _settled(self, who):
        """Every port is up and has its link-local address: from here on the kernel changes nothing by itself."""
        ports = [link for link in json.loads(command("ip", "-n", self._own(who), "-j", "addr"))
                 if link["ifname"] != "lo"]
        return all(port["operstate"] == "UP" and
                   any(a.get("scope") == "link" and not a.get("tentative") for a in port["addr_info"])
                   for port in ports)

    def remove(self):
        with self._lock:
            made, self.made = self.made, []
        if made:
            _remove(made)

    def _own(self, who):
        name = self.name(who)
        if name not in self.made:
            raise RuntimeError(f"{name} is not of this lab")
        return name

    def _batch(self, who, lines):
        command("ip", "-n", self._own(who), "-batch", "-", stdin="\n".join(lines) + "\n")

    def _sysctl(self, who, values):
        with inside(self._own(who)):
            for key, value in values.items():
                with contextlib.suppress(FileNotFoundError):
                    with open(f"/proc/sys/{key}", "w", encoding="ascii") as file:
                        file.write(str(value))

    def _ports(self, ports, state):
        """Sets the state of bridge ports, all by one command; gives the times before and after."""
        lines = "".join(f"link set dev {port} state {state}\n" for port in ports)
        name = self._own("sw")
        before = monotonic_ns()
        command("bridge", "-n", name, "-batch", "-", stdin=lines)
        return before, monotonic_ns()

    # Faults. A disabled bridge port drops every frame in both directions while the node's own end stays up: to the
    # others the node's host is dead, and the node is not told.
    def cut(self, node):
        return self._ports([f"{node}_lan", f"{node}_ha"], 0)

    def heal(self, node):
        return self._ports([f"{node}_lan", f"{node}_ha"], 3)

    def cut_path(self, node, path):
        return self._ports([f"{node}_{path}"], 0)

    def heal_path(self, node, path):
        return self._ports([f"{node}_{path}"], 3)

    def carrier(self, node, path, state):
        """Takes the cable of the node's interface out (`down`) or puts it in (`up`): the node sees it."""
        self._batch("sw", [f"link set {node}_{path} {state}"])

    def addresses(self, who, interface="lan0"):
        """The addresses on an interface, as a set of text."""
        found = json.loads(command("ip", "-n", self._own(who), "-j", "addr", "show", "dev", interface) or "[]")
        return {entry["local"] for link in found for entry in link.get("addr_info", []) if "local" in entry}
