# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network, in namespaces of its own.

      <p>-c  client            <p>-sw  the switches
        lan0 .50 ------------- c_lan \\
      <p>-a  node a                    bridge lan   10.77.0.0/24  fd77::/64
        lan0 .1  ------------- a_lan /              VIP 10.77.0.100, fd77::100; a second group's 10.77.0.101
        ha0  .1  ------------- a_ha  \\
      <p>-b  node b                    bridge ha    10.78.0.0/24
        lan0 .2  ------------- b_lan (lan)
        ha0  .2  ------------- b_ha  /

For a full partition one node's cable is put into a second switch, `isle`, which a cable (`lan_isle`, `isle_lan`) joins
to the bridge lan: what is cut then is that cable and the HA link.

Nothing is made in the root namespace besides the names of the namespaces. Two labs never meet: the names begin
with a prefix that no other lab has, and a lab deletes only what it made itself. A janitor process cleans up when the
lab's own process dies without doing so.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import string
import struct
import subprocess
import threading
import time

from tests.support.wait import monotonic_ns, wait_for

VIP4 = "10.77.0.100"
VIP6 = "fd77::100"
VIP4_SECOND = "10.77.0.101"
CLIENT4 = "10.77.0.50"
CLIENT6 = "fd77::50"
LAN = {"a": "10.77.0.1", "b": "10.77.0.2"}
HA = {"a": "10.78.0.1", "b": "10.78.0.2"}

_RTM_SETLINK = 19
_NLM_F_REQUEST, _NLM_F_ACK, _NLMSG_ERROR = 1, 4, 2
_AF_BRIDGE = 7
_IFLA_PROTINFO, _NLA_F_NESTED, _IFLA_BRPORT_STATE = 12, 0x8000, 1

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


def _remove_cgroup(path, deadline=5.0):
    """Its processes have been ended; the kernel needs a moment to let go of them."""
    end = time.monotonic() + deadline
    while os.path.isdir(path) and time.monotonic() < end:
        with contextlib.suppress(OSError):
            os.rmdir(path)
            return
        time.sleep(0.02)


class BridgePorts:
    """Sets the state of bridge ports within microseconds of the call: no process is started for it."""

    def __init__(self, namespace):
        with inside(namespace):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self._index = {name: index for index, name in socket.if_nameindex()}
        self._socket.settimeout(5.0)
        self._sequence = 0

    def knows(self, ports):
        return all(port in self._index for port in ports)

    def _request(self, port, state):
        self._sequence += 1
        attribute = struct.pack("=HHB3x", 5, _IFLA_BRPORT_STATE, state)
        nested = struct.pack("=HH", 4 + len(attribute), _IFLA_PROTINFO | _NLA_F_NESTED) + attribute
        body = struct.pack("=BxHiII", _AF_BRIDGE, 0, self._index[port], 0, 0) + nested
        return struct.pack("=IHHII", 16 + len(body), _RTM_SETLINK, _NLM_F_REQUEST | _NLM_F_ACK, self._sequence,
                           0) + body

    def set(self, ports, state):
        """All of them by one call; gives the times before and after."""
        requests = [self._request(port, state) for port in ports]
        before = monotonic_ns()
        self._socket.send(b"".join(requests))
        after = monotonic_ns()
        missing = len(requests)
        while missing:
            answer = self._socket.recv(65536)
            at = 0
            while at + 20 <= len(answer):
                length, kind = struct.unpack_from("=IH", answer, at)
                if kind == _NLMSG_ERROR:
                    error = struct.unpack_from("=i", answer, at + 16)[0]
                    if error:
                        raise OSError(-error, f"bridge ports {' '.join(ports)}: {os.strerror(-error)}")
                    missing -= 1
                at += (length + 3) & ~3
        return before, after

    def close(self):
        self._socket.close()


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
                        if line.startswith("cgroup "):
                            _remove_cgroup(line[7:])
                        if line.startswith("mount "):
                            subprocess.run(["umount", "--lazy", line[6:]], capture_output=True, check=False)
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

    _prefixes = set()  # of this process, also those whose namespaces are not there yet

    def __init__(self, janitor):
        self.janitor = janitor
        self.prefix = self._free_prefix()
        self._prefixes.add(self.prefix)
        self.made = []
        self._isle = None  # the node there; None: there is no second switch yet
        self._switch = None  # the socket over which ports are set
        self._lock = threading.Lock()

    @classmethod
    def _free_prefix(cls):
        taken = set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()
        for letter in string.ascii_lowercase:
            prefix = f"td{_base36(os.getpid())}{letter}"
            if prefix not in cls._prefixes and not any(name.startswith(prefix + "-") for name in taken):
                return prefix
        raise RuntimeError("no free prefix for a lab")

    def name(self, who):
        return f"{self.prefix}-{who}"

    # Who is there, and on which bridges: {who: (number in its networks, bridges)}.
    stations = {"a": (1, ("lan", "ha")), "b": (2, ("lan", "ha")), "c": (50, ("lan",))}
    bridges = ("lan", "ha")

    def build(self):
        for who in ("sw", *self.stations):
            command("ip", "netns", "add", self.name(who))
            self.made.append(self.name(who))
            self.janitor.tell("netns " + self.name(who))
        self._batch("sw", ["link set lo up"] + [
            f"link add {bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0" for bridge in self.bridges
        ] + [f"link set {bridge} up" for bridge in self.bridges])
        for who, (_, bridges) in self.stations.items():
            for bridge in bridges:
                self._batch("sw", [
                    f"link add {who}_{bridge} type veth peer name {self._end(who, bridge)} netns {self.name(who)}",
                    f"link set {who}_{bridge} master {bridge} up",
                ])
        self.set_sysctl("sw", {"net/ipv6/conf/all/disable_ipv6": 1, "net/bridge/bridge-nf-call-iptables": 0,
                            "net/bridge/bridge-nf-call-ip6tables": 0, "net/bridge/bridge-nf-call-arptables": 0})
        for who, (host, _) in self.stations.items():
            self._furnish(who, host)
        for who in self.stations:
            wait_for(lambda name=who: self._settled(name), 10, f"the network of {who} to settle")

    def _end(self, who, bridge):
        """The name of a station's end of the cable to a bridge."""
        del who
        return f"{bridge}0"

    def _furnish(self, who, host):
        """A station's addresses."""
        self.set_sysctl(who, {f"net/ipv6/conf/{interface}/accept_dad": 0
                           for interface in ("all", "default", "lan0", "ha0")})
        lines = ["link set lo up", "link set lan0 up",
                 f"addr add 10.77.0.{host}/24 dev lan0",
                 f"addr add fd77::{host}/64 dev lan0 nodad"]
        if who != "c":
            lines += ["link set ha0 up", f"addr add 10.78.0.{host}/24 dev ha0"]
        self._batch(who, lines)

    def server(self, node):
        """Who has the node's SIP server: in host mode the node itself."""
        return node

    def _settled(self, who):
        """Every port is up and has its link-local address: from here on the kernel changes nothing by itself."""
        ports = [link for link in json.loads(command("ip", "-n", self._own(who), "-j", "addr"))
                 if link["ifname"] != "lo"]
        return all(port["operstate"] == "UP" and
                   any(a.get("scope") == "link" and not a.get("tentative") for a in port["addr_info"])
                   for port in ports)

    def add_management(self):
        """A third interface of each node, mgmt0, without an address; its cable ends at the switches, unused."""
        for who in ("a", "b"):
            self._batch("sw", [f"link add {who}_mgmt type veth peer name mgmt0 netns {self.name(who)}",
                               f"link set {who}_mgmt up"])
            self._batch(who, ["link set mgmt0 up"])

    def remove(self):
        with self._lock:
            made, self.made = self.made, []
            self._close_switch()
        if made:
            _remove(made)
        self._prefixes.discard(self.prefix)

    def _own(self, who):
        name = self.name(who)
        if name not in self.made:
            raise RuntimeError(f"{name} is not of this lab")
        return name

    def _batch(self, who, lines):
        command("ip", "-n", self._own(who), "-batch", "-", stdin="\n".join(lines) + "\n")

    def set_sysctl(self, who, values):
        with inside(self._own(who)):
            for key, value in values.items():
                with contextlib.suppress(FileNotFoundError):
                    with open(f"/proc/sys/{key}", "w", encoding="ascii") as file:
                        file.write(str(value))

    def _ports(self, ports, state):
        """Sets the state of bridge ports, all by one call; gives the times before and after."""
        name = self._own("sw")
        if self._switch is None or not self._switch.knows(ports):
            self._close_switch()
            self._switch = BridgePorts(name)
        return self._switch.set(ports, state)

    def _close_switch(self):
        if self._switch is not None:
            self._switch.close()
            self._switch = None

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

    # A full partition: no path between the nodes, and no LAN either, while each keeps its own side of the LAN.
    def put_on_isle(self, node):
        """Moves one node to the second switch, still joined to the first; the other node and the client stay.

        The LAN is interrupted for some milliseconds at most."""
        if self._isle == node:
            return
        lines = []
        if self._isle is None:
            lines += ["link add isle type bridge forward_delay 0 stp_state 0 mcast_snooping 0", "link set isle up",
                      "link add lan_isle type veth peer name isle_lan",
                      "link set lan_isle master lan up", "link set isle_lan master isle up"]
        elif self._isle:
            lines += [f"link set {self._isle}_lan master lan"]
        self._batch("sw", lines + [f"link set {node}_lan master isle"])
        self._isle = node

    def leave_isle(self):
        """All nodes are at the first switch again."""
        if self._isle is not None:
            self._batch("sw", [f"link set {self._isle}_lan master lan"])
            self._isle = ""

    def part(self):
        """Cuts everything between the node on the isle and the rest; gives the times before and after."""
        return self._ports(["lan_isle", f"{self._isle}_ha"], 0)

    def join(self):
        return self._ports(["lan_isle", f"{self._isle}_ha"], 3)

    def processes(self, who):
        """The ids of the processes in a namespace of the lab."""
        return _processes(self._own(who))

    def carrier(self, node, path, state):
        """Takes the cable of the node's interface out (`down`) or puts it in (`up`): the node sees it."""
        self._batch("sw", [f"link set {node}_{path} {state}"])

    def address(self, who, verb, address, interface="lan0"):
        """What an operator does by hand: `add` or `del` of an address, given with its length."""
        command("ip", "-n", self._own(who), "addr", verb, address, "dev", interface, check=verb == "add")

    def filter_heartbeats(self, who, verb):
        """Drops (`-I`) what the nodes' HA ports say to each other by way of the LAN, or no longer (`-D`)."""
        for chain, interface in (("INPUT", "-i"), ("OUTPUT", "-o")):
            for protocol in ("udp", "tcp"):
                for ports in ("--dport", "--sport"):
                    command("ip", "netns", "exec", self._own(who), "iptables", "-w", verb, chain, interface, "lan0",
                            "-p", protocol, ports, "7100:7102", "-j", "DROP")

    def neighbour(self, who, address, mac=None):
        """A fixed entry of the neighbour table, or, without `mac`, none any more."""
        words = ("replace", address, "lladdr", mac, "nud", "permanent") if mac else ("del", address)
        command("ip", "-n", self._own(who), "neigh", *words, "dev", "lan0", check=mac is not None)

    def neighbour_mac(self, who, address):
        """What a station's neighbour table says of an address; None: nothing."""
        found = json.loads(command("ip", "-n", self._own(who), "-j", "neigh", "show", "to", address, "dev", "lan0")
                           or "[]")
        return next((entry.get("lladdr") for entry in found), None)

    def mac(self, who, interface="lan0"):
        return json.loads(command("ip", "-n", self._own(who), "-j", "link", "show", "dev", interface))[0]["address"]

    def addresses(self, who, interface="lan0"):
        """The addresses on an interface, as a set of text."""
        found = json.loads(command("ip", "-n", self._own(who), "-j", "addr", "show", "dev", interface) or "[]")
        return {entry["local"] for link in found for entry in link.get("addr_info", []) if "local" in entry}
