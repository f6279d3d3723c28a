# SPDX-License-Identifier: GPL-3.0-or-later
"""The same lab with keepalived in tandem's place: same network, same SIP servers, same probe, same record of holders.

It is configured as its users do who want it fast: VRRP version 3 on the LAN, one instance, both VIPs, adverts every
10 ms (the shortest that it takes), both nodes of one priority and without preemption."""

import os
import re
import signal

from tests.support.lab import Lab, other
from tests.support.network import HA, LAN, VIP4, VIP6
from tests.support.process import Process, alive, descendants
from tests.support.wait import wait_for

PRIORITY, PREFERENCE = 150, 50

_CONFIG = """global_defs {{
    router_id {name}
    vrrp_version 3
    script_user root
    enable_script_security
{realtime}}}
track_file prefer {{
    file {directory}/prefer
    weight 1
    init_file 0 overwrite
}}
{script}vrrp_instance sip {{
    state BACKUP
    interface {interface}
    virtual_router_id 51
    priority {priority}
    advert_int 0.01
    {preempt}
{peers}    virtual_ipaddress {{
        {vip4}/24 dev lan0
    }}
    virtual_ipaddress_excluded {{
        {vip6}/64 dev lan0
    }}
    track_interface {{
        lan0
    }}
    track_file {{
        prefer
    }}
{tracked}}}
"""

_REALTIME = """    vrrp_rt_priority 50
    vrrp_no_swap
"""

_SCRIPT = """vrrp_script server {{
    script "{directory}/server-runs"
    interval 1
    fall 1
    rise 1
}}
"""

_RUNS = """#!/bin/sh
read -r pid <"{pid_file}" && kill -0 "$pid" 2>/dev/null
"""


class KeepalivedNode:
    """One keepalived in a namespace; it looks like a Node to the lab as far as the lab asks."""

    fast = None

    def __init__(self, name, namespace, directory, *, preempt=False, realtime=False, over="lan0", script=False):
        self.name = name
        self.namespace = namespace
        self.directory = directory
        self.prefer = os.path.join(directory, "prefer")
        self.config = os.path.join(directory, "keepalived.conf")
        self._log = os.path.join(directory, "keepalived.log")
        self.guard = None
        peers = ""
        if over != "lan0":
            peers = (f"    unicast_src_ip {HA[name]}\n    unicast_peer {{\n        {HA[other(name)]}\n    }}\n")
        if script:
            path = os.path.join(directory, "server-runs")
            with open(path, "w", encoding="ascii") as file:
                file.write(_RUNS.format(pid_file=os.path.join(directory, "kamailio", "kamailio.pid")))
            os.chmod(path, 0o755)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(_CONFIG.format(
                name=name, directory=directory, interface=over, vip4=VIP4, vip6=VIP6, peers=peers, priority=PRIORITY,
                preempt="" if preempt else "nopreempt", realtime=_REALTIME if realtime else "",
                script=_SCRIPT.format(directory=directory) if script else "",
                tracked="    track_script {\n        server\n    }\n" if script else ""))

    def start(self):
        run = [f"{option}{os.path.join(self.directory, file)}"
               for option, file in (("--pid=", "keepalived.pid"), ("--vrrp_pid=", "vrrp.pid"))]
        self.guard = Process(self.namespace, ["keepalived", "--dont-fork", "--log-console", "--no-syslog",
                                              "--log-detail", "--vrrp", "-f", self.config, *run], self._log)

    def brain(self):
        """The VRRP process: the child of the one that was started, which starts it again when it dies."""
        running = [pid for pid in descendants(self.guard.pid) if alive(pid)]
        return running[0] if running else None

    def kill_brain(self):
        pid = wait_for(self.brain, 5.0, f"keepalived of node {self.name} has its VRRP process")
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_all(self):
        """SIGKILL for both of its processes, the one that would start the other again first."""
        for pid in (self.guard.pid, *descendants(self.guard.pid)):
            os.kill(pid, signal.SIGKILL)
        self.guard.popen.wait()

    def value(self, preference):
        """Writes its tracked file: so much is added to its priority, at once."""
        with open(self.prefer, "w", encoding="ascii") as file:
            file.write(f"{preference}\n")

    def role(self):
        """The last that it said of itself in its log."""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            said = re.findall(r"\(sip\) entering (master|backup|fault) state", file.read(), re.IGNORECASE)
        return {"master": "active", "backup": "standby", "fault": "fault"}.get(said[-1].lower()) if said else None

    def ready(self):
        return self.role() == "standby" and self.guard.running()

    def healthy(self):
        """It has no score: a node that is not well is in its fault state."""
        return self.role() in ("active", "standby")

    def group(self):
        return {"role": self.role()}

    def events(self):
        """It keeps none but in its log."""
        return []

    def tail(self):
        return f"--- keepalived on {self.name}\n{self.guard.tail() if self.guard else 'not started'}"


class KeepalivedLab(Lab):
    """Lab for keepalived; `settings` are those of KeepalivedNode."""

    def make_nodes(self):
        for name in LAN:
            self.nodes[name] = KeepalivedNode(name, self.network.name(name), self.path(name), **self.settings)
            # What its users do so that a server can bind an address which is not there yet.
            self.network.set_sysctl(name, {"net/ipv4/ip_nonlocal_bind": 1, "net/ipv6/ip_nonlocal_bind": 1})

    def wait_vip_usable(self, name, deadline=10.0):
        pass

    def start(self, phones=0):
        if self.settings.get("script"):
            self._start_with_servers()
        else:
            super().start(phones)

    def _start_with_servers(self):
        """A node whose server does not run is in its fault state: the servers come first."""
        self.build_network()
        self.make_nodes()
        self.watch_holders()
        for name, node in self.nodes.items():
            self.start_server(name)
            node.start()
        self.wait_pair()

    def active(self):
        """The one that has the VIP, also when its own word is late."""
        held_by = self.holders.held_by(VIP4)
        return next(iter(held_by)) if len(held_by) == 1 and super().active() in held_by else None

    def prefer(self, node):
        """The planned switchover: the node's priority rises above the other's, so that it preempts."""
        self.nodes[other(node)].value(0)
        self.nodes[node].value(PREFERENCE)
