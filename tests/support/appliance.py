# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network with two appliances: each node stands between the LAN and a SIP server.

      <p>-c  client                    <p>-sw  the switches             <p>-sa, <p>-sb  a server behind each node
        lan0 .50 --------------------- c_lan \\
      <p>-a  node a                            bridge lan                 i0  10.79.0.10, fd79::10
        o  (DPDK) ~~ lan0 .1 --------- a_lan /                            lo  the VIPs
        i  (DPDK) ~~ inside0 .1 --------- a_in ------ sa_in               the LAN by 10.79.0.1
        ha0 .1  ---------------------- a_ha    bridge ha

`o` and `i` are the cables' ends, which belong to DPDK (net_af_packet); `lan0` and `inside0` are the TAPs behind them,
so that whatever is done to `lan0` of a host-mode node can be done here too. Each node has an inside network of its own
(bridges in_a, in_b), with the same addresses. With `shared` there is one inside network and one server, `sa`, whose
gateway is an inside VIP. With `ha` the HA cable belongs to DPDK as well: `x`, with `ha0` as the TAP behind it, and the
mirror goes over it "sealed" or in "clear".
"""

import contextlib

from tests.support.network import VIP4, VIP6, Network, command, inside

SERVER4 = "10.79.0.10"
SERVER6 = "fd79::10"
GATEWAY4 = "10.79.0.254"
GATEWAY6 = "fd79::254"
INSIDE = {"a": "10.79.0.1", "b": "10.79.0.2"}
INSIDE6 = {"a": "fd79::1", "b": "fd79::2"}
NODES = ("a", "b")
# Frames as large as what the kernel puts together from fragments before the port sees it.
_DEVICE = "net_af_packet{number},iface={end},framesz=8192,blocksz=65536,framecnt=512"


class ApplianceNetwork(Network):
    def __init__(self, janitor, shared=False, nat=False, workers=1, ha=None):
        """`workers`: of each engine; the network is the same with any number."""
        del workers
        super().__init__(janitor)
        self.shared = shared
        self.nat = nat
        self.ha = ha
        servers = ("sa",) if shared else ("sa", "sb")
        self.bridges = ("lan", "ha", "in") if shared else ("lan", "ha", "in_a", "in_b")
        self.stations = {"c": (50, ("lan",))}
        for number, node in enumerate(NODES, 1):
            self.stations[node] = (number, ("lan", "ha", self._inside_of(node)))
        for server in servers:
            self.stations[server] = (10, (self._inside_of(server[1]),))

    def _inside_of(self, node):
        return "in" if self.shared else f"in_{node}"

    def server(self, node):
        return "sa" if self.shared else f"s{node}"

    def inside_port(self, node):
        """The switch's end of the cable to a node's inside port."""
        return f"{node}_{self._inside_of(node)}"

    def _end(self, who, bridge):
        if who in NODES and bridge == "ha":
            return "x" if self.ha else "ha0"
        if who in NODES:
            return "o" if bridge == "lan" else "i"
        return "i0" if bridge.startswith("in") else f"{bridge}0"

    def _settled(self, who):
        # Without an engine its TAPs have no carrier.
        return True if who in NODES else super()._settled(who)

    def _offload_nothing(self, who, interface):
        """The engine does not finish other people's checksums."""
        command("ip", "netns", "exec", self._own(who), "ethtool", "-K", interface, "tx", "off", "gso", "off", "gro",
                "off")

    def _furnish(self, who, host):
        if who == "c":
            super()._furnish(who, host)
            self._offload_nothing("c", "lan0")
        elif who in NODES:
            self._furnish_node(who, host)
        else:
            self._furnish_server(who)

    def _furnish_node(self, node, host):
        # The kernel must not speak on the cables that belong to the engine, neither before it runs nor after.
        ends = ("o", "i", "x") if self.ha else ("o", "i")
        self.set_sysctl(node, {f"net/ipv6/conf/{end}/disable_ipv6": 1 for end in ends})
        self.set_sysctl(node, {f"net/ipv4/conf/{end}/arp_ignore": 8 for end in ends})
        self.set_sysctl(node, {f"net/ipv6/conf/{interface}/accept_dad": 0 for interface in ("all", "default", "ha0")})
        lines = ["link set lo up", *(f"link set {end} up" for end in ends)]
        if self.ha:
            lines += ["tuntap add ha0 mode tap", f"link set ha0 address {self.mac(node, 'x')}"]
        lines += ["link set ha0 up", f"addr add 10.78.0.{host}/24 dev ha0"]
        for tap, end, address4, address6 in (("lan0", "o", f"10.77.0.{host}", f"fd77::{host}"),
                                             ("inside0", "i", INSIDE[node], INSIDE6[node])):
            lines += [f"tuntap add {tap} mode tap", f"link set {tap} address {self.mac(node, end)}",
                      f"link set {tap} up", f"addr add {address4}/24 dev {tap}",
                      f"addr add {address6}/64 dev {tap} nodad"]
        self._batch(node, lines)

    def _furnish_server(self, who):
        gateway4, gateway6 = (GATEWAY4, GATEWAY6) if self.shared else (INSIDE[who[1]], INSIDE6[who[1]])
        # What the server sends from a VIP must not make it ask for its gateway in the name of that VIP.
        self.set_sysctl(who, {"net/ipv4/conf/all/arp_announce": 2, "net/ipv6/conf/all/accept_dad": 0,
                           "net/ipv6/conf/default/accept_dad": 0, "net/ipv6/conf/i0/accept_dad": 0})
        lines = ["link set lo up", "link set i0 up", f"addr add {SERVER4}/24 dev i0",
                 f"addr add {SERVER6}/64 dev i0 nodad"]
        if not self.nat:
            lines += [f"addr add {VIP4}/32 dev lo", f"addr add {VIP6}/128 dev lo nodad"]
        # Not a default route: a server that looks up a name is told at once that no name server can be reached.
        lines.append(f"route add 10.77.0.0/24 via {gateway4}")
        self._batch(who, lines)
        command("ip", "-n", self._own(who), "-6", "route", "add", "fd77::/64", "via", gateway6)
        self._offload_nothing(who, "i0")

    # A host that dies is dead inside too: with one server, it would hold the gateway there otherwise. With a server of
    # its own it harms nobody there, and is fit again at once when it is back.
    def _cables(self, node):
        return [f"{node}_lan", f"{node}_ha"] + ([self.inside_port(node)] if self.shared else [])

    def cut(self, node):
        return self._ports(self._cables(node), 0)

    def heal(self, node):
        return self._ports(self._cables(node), 3)

    def pull_inside(self, node, state):
        """Takes the cable of the node's inside port out (`down`) or puts it in (`up`)."""
        self._batch("sw", [f"link set {self.inside_port(node)} {state}"])

    @contextlib.contextmanager
    def at_server(self, node):
        with inside(self.name(self.server(node))):
            yield


def ha_section(mirror):
    """The HA cable as a port of the engine."""
    return (f'[[engine.ha]]\npath = "ha"\ndevice = "{_DEVICE.format(number=2, end="x")}"\n'
            f'kernel_interface = "ha0"\nmirror = "{mirror}"\n\n')


def engine_values(node, shared=False, nat=False, workers=1, ha=None):
    """What the example's configuration says of group and engine, for a node of this network.

    Several workers have a queue each of the outside port, and share the one of the inside port."""
    del node, ha
    mbufs = str(max(4096, 2048 * workers))
    if workers > 1:  # a key that the example does not have
        mbufs += f"\ncores = {list(range(workers))}"
    values = {
        ("group.0", "forwarding"): '"nat"' if nat else '"transparent"',
        ("group.0", "servers"): f'["{SERVER4}", "{SERVER6}"]',
        ("engine", "hugepages"): '"off"',
        ("engine", "memory_mb"): 96,
        ("engine", "mbufs"): mbufs,
        ("engine.outside", "device"): '"' + _DEVICE.format(number=0, end="o") + f',qpairs={workers}"',
        ("engine.outside", "kernel_interface"): '"lan0"',
        ("engine.inside", "device"): '"' + _DEVICE.format(number=1, end="i") + '"',
        ("engine.inside", "kernel_interface"): '"inside0"',
    }
    if shared:
        values[("group.mirror", "enabled")] = "false"  # one server: nothing to keep alike
    return values


INSIDE_VIPS = {"inside_vips": f'["{GATEWAY4}/24", "{GATEWAY6}/64"]'}
