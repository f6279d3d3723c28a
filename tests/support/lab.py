# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory: network, two nodes, two SIP servers, phones and the measuring probe, as one thing.

    with Lab(build) as lab:
        lab.start()
        ...

Everything it made is gone at the end, however it ends.
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from tests.support.appliance import SERVER4, SERVER6, ApplianceNetwork
from tests.support.kamailio import Kamailio
from tests.support.network import CLIENT4, VIP4, VIP6, Janitor, Network, command
from tests.support.node import Node
from tests.support.phone import Holders, Probe
from tests.support.sipp import Phones
from tests.support.wait import monotonic_ns, wait_for

NODES = ("a", "b")


def other(node):
    return "b" if node == "a" else "a"


def _end_orderly(number, _frame):
    sys.exit(128 + number)


class Lab:
    def __init__(self, build, vips=(VIP4, VIP6), own_disks=False, management=False, appliance=None, **settings):
        """`settings`: those of config_text. `appliance`: those of ApplianceNetwork; None: host mode. `own_disks`: each node's state directory is a small file system.
        `management`: each node has a third interface, mgmt0."""
        self.build = build
        self.management = management
        self.own_disks = own_disks
        self._mounts = []
        self._in_memory = []
        self.vips = vips
        self.settings = settings | ({} if appliance is None else {"appliance": appliance})
        self.appliance = appliance
        self.janitor = Janitor()
        self.network = Network(self.janitor) if appliance is None else ApplianceNetwork(self.janitor, **appliance)
        self.directory = tempfile.mkdtemp(prefix=f"tandem-{self.network.prefix}-")
        self.janitor.tell("dir " + self.directory)
        self.nodes = {}
        self.servers = {}
        self.phones = None
        self.holders = None
        self.keep_logs = False
        self._probes = []
        self._closed = False
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _end_orderly)
        # Also for a lab that a script started in the background, where the shell has switched it off.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._closed:
            return
        self._closed = True
        # A second Ctrl-C must not leave half of the lab behind.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for node in self.nodes.values():
                if node.fast is not None:
                    node.fast.restart = False
            self.network.remove()
            for mount in self._mounts:
                subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
            for folder in self._in_memory:
                shutil.rmtree(folder, ignore_errors=True)
            if not self.keep_logs:
                shutil.rmtree(self.directory, ignore_errors=True)
        finally:
            self.janitor.dismiss()
            atexit.unregister(self.close)
            signal.signal(signal.SIGINT, before)

    def path(self, name):
        folder = os.path.join(self.directory, name)
        os.makedirs(folder, exist_ok=True)
        return folder

    @property
    def phone_program(self):
        for folder in ("tools/phone", "tools"):
            path = os.path.join(self.build, folder, "tandem-phone")
            if os.path.exists(path):
                return path
        raise RuntimeError(f"tandem-phone is not built in {self.build}")

    # --- building it up

    def build_network(self):
        self.network.build()
        if self.management:
            self.network.add_management()

    def _keep_in_memory(self, shown):
        """A directory on a tmpfs. A node's run directory is one, as /run is: the write-back of a disk stops the
        heartbeats' thread. And the probes' logs: the first touch of one on a disk keeps a processor in the kernel for
        20 to 30 ms, where it is not preemptible, and with it whichever node happens to be heard from there."""
        if not os.path.ismount("/dev/shm") or os.path.lexists(shown):
            return
        folder = tempfile.mkdtemp(prefix=f"tandem-{self.network.prefix}-", dir="/dev/shm")
        self.janitor.tell("dir " + folder)
        self._in_memory.append(folder)
        os.symlink(folder, shown)

    def make_nodes(self):
        key_file = os.path.join(self.directory, "pair.key")
        self._keep_in_memory(os.path.join(self.directory, "probes"))
        for name in NODES:
            self._keep_in_memory(os.path.join(self.path(name), "run"))
            self.nodes[name] = Node(name, self.network.name(name), self.build, self.path(name), key_file,
                                    **self.settings)
            if self.own_disks:
                state = os.path.join(self.nodes[name].directory, "state")
                self.janitor.tell("mount " + state)
                self._mounts.append(state)
                command("mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tandem-lab", state)
        if not os.path.exists(key_file):
            command(self.nodes["a"].program("tandemctl"), "keygen", key_file)

    def remount(self, state, mode):
        """Makes a node's own disk read-only (`ro`, once nothing on it is being written) or writable (`rw`)."""
        wait_for(lambda: subprocess.run(["mount", "-o", f"remount,{mode}", state], capture_output=True,
                                        check=False).returncode == 0, 20.0, f"{state} is {mode}", every=0.02)

    def start_server(self, name):
        vips = (SERVER4, SERVER6) if self.appliance is not None and self.network.nat else self.vips
        where = self.network.name(self.network.server(name))
        self.servers[name] = Kamailio(where, name, self.path(f"{name}/kamailio"), vips)
        self.servers[name].wait_ready()

    def watch_holders(self):
        self.holders = Holders({n: self.network.name(n) for n in NODES}, self.phone_program, self.directory,
                               self.vips)

    def start_phones(self, count=200):
        self.phones = Phones(self.network.name("c"), self.path("phones"), count)

    def start(self, phones=200):
        """Everything up: node a active, node b standby and ready, both servers answering, phones not registered.

        `phones`: how many; 0: no phones, for who only measures."""
        self.build_network()
        self.make_nodes()
        self.watch_holders()
        for node in self.nodes.values():
            node.start()
        for name in NODES:
            if self.appliance is None:
                self.wait_vip_usable(name)
            if self.network.server(name) not in [self.network.server(known) for known in self.servers]:
                self.start_server(name)
            else:
                self.servers[name] = self.servers[other(name)]
        self.wait_pair()
        if phones:
            self.start_phones(phones)

    def wait_vip_usable(self, name, deadline=10.0):
        """A server can bind the VIP as soon as the node has made its shadow interface."""
        def there():
            self.check_alive(name)
            return set(self.vips) <= self._all_addresses(name)
        wait_for(there, deadline, f"node {name} has the VIPs on an interface", every=0.02)

    def _all_addresses(self, name):
        found = json.loads(command("ip", "-n", self.network.name(name), "-j", "addr") or "[]")
        return {entry.get("local") for link in found for entry in link.get("addr_info", [])}

    def check_alive(self, name):
        node = self.nodes[name]
        if node.guard is not None and not node.guard.running():
            raise RuntimeError(f"tandemd of node {name} ended\n{node.tail()}")

    # --- what is the case

    def active(self):
        """The one node that is active and alone in that, else None."""
        roles = {name: node.role() for name, node in self.nodes.items()}
        actives = [name for name, role in roles.items() if role == "active"]
        return actives[0] if len(actives) == 1 else None

    def wait_pair(self, active=None, deadline=15.0):
        """Until one node (the named one) is active and the other a standby that is fit to take over."""
        def so():
            now = self.active()
            return now if now and (active is None or now == active) and self.nodes[other(now)].ready() else None
        try:
            return wait_for(so, deadline, "one node active, the other standby and ready", every=0.05)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.describe()}") from late

    def wait_healthy(self, deadline=15.0):
        """Until both nodes are entirely well: a standby may be ready, and yet count as worse for a while."""
        wait_for(lambda: all(node.healthy() for node in self.nodes.values()), deadline, "both nodes are well",
                 every=0.05)

    def story(self, count=30):
        """For a failed run, as data: what both nodes say of themselves, their last events, who had the VIPs."""
        told = {}
        for name, node in self.nodes.items():
            told[name] = {"group": node.group(), "events": node.events()[-count:], "log": node.tail()}
        changes = self.holders.changes(VIP4)[-8:] if self.holders else []
        return {"now_ns": monotonic_ns(), "nodes": told,
                "holders": [[ns, who, "+" if added else "-"] for ns, who, added in changes]}

    def describe(self):
        """For a failed test: roles, VIPs, the ends of the logs."""
        parts = []
        for name, node in self.nodes.items():
            parts.append(f"node {name}: group {node.group()}, lan0 {sorted(self.network.addresses(name))}")
            parts.append(node.tail())
        return "\n".join(parts)

    def registrations(self):
        return {name: server.registrations() for name, server in self.servers.items()}

    # --- measuring

    def probe(self, name="probe", target=f"{VIP4}:5060", local=CLIENT4, rate=1000, warm_up=100, patience=10.0):
        """Starts a probe and waits for its first answers."""
        probe = Probe(self.network.name("c"), self.phone_program, self.path("probes"), f"{name}-{len(self._probes)}",
                      target=target, local=local, rate=rate)
        self._probes.append(probe)
        probe.wait_answers(warm_up, patience)
        return probe

    def crash(self, node):
        """The node's host dies: nobody is told. Gives the moment."""
        return self.network.cut(node)[1]

    def heal(self, node):
        return self.network.heal(node)[1]


__all__ = ["Lab", "NODES", "other", "monotonic_ns", "wait_for"]
