# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile input at the HA ports and on the SIP side: counted by reason, no effect, no flood in the log."""

import glob
import os
import random
import socket
import struct
import subprocess

from tests.lab.figures import at_most, equal
from tests.support.lab import other
from tests.support.network import CLIENT4, HA, VIP4, inside
from tests.support.process import alive
from tests.support.wait import monotonic_ns, wait_for
from tests.build import ROOT

HEARTBEAT_PORT, MIRROR_PORT, STREAM_PORT = 7101, 7102, 7100
LOG_GROWTH_MAX = 64 * 1024


def _log_size(lab, node):
    return sum(os.path.getsize(os.path.join(lab.nodes[node].directory, name))
               for name in ("tandemd.log", "tandem-fast.log"))


def _checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _udp_packet(source, target, source_port, target_port, payload):
    udp = struct.pack("!HHHH", source_port, target_port, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + udp


def _capture(lab, node, port, count, interface="ha0"):
    """Payloads that really came to the node's HA port, as they were on the wire."""
    found = []
    with inside(lab.network.name(node)):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    with sock:
        sock.bind((interface, 0x0800))
        sock.settimeout(3.0)
        while len(found) < count:
            packet, address = sock.recvfrom(4096)
            if address[2] == socket.PACKET_HOST and packet[9] == socket.IPPROTO_UDP:
                offset = (packet[0] & 15) * 4
                if struct.unpack("!H", packet[offset + 2:offset + 4])[0] == port:
                    found.append(packet[offset + 8:])
    return found


def _unchanged(lab, active, before_changes):
    equal("the active", lab.active(), active)
    equal("changes of the holder", lab.holders.changes(VIP4)[before_changes:], [])
    for name, node in lab.nodes.items():
        equal(f"tandemd of node {name} runs", node.guard.running() and node.brain() is not None, True)


def _spoilt(genuine, chance):
    """What can be made of genuine datagrams without the key.

    Header: version, type, two spare octets, association (4), sequence (8). A number not used yet gets past the replay
    window and must fail at the seal; an association that does not exist must fail before it."""
    wrong_key = [p[:8] + struct.pack("!Q", (1 << 40) + n) + p[16:] for n, p in enumerate(genuine)]
    stranger = [p[:4] + bytes(b ^ 0x5A for b in p[4:8]) + p[8:] for p in genuine]
    truncated = [p[:chance.randint(0, len(p) - 1)] for p in genuine for _ in range(20)]
    garbage = [chance.randbytes(chance.randint(1, 1400)) for _ in range(5000)]
    return garbage + truncated + list(genuine) + wrong_key + stranger


def _inject(lab, source, target, port, payloads):
    """Datagrams that claim to come from the peer's HA address and port."""
    with inside(lab.network.name(source)):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        for payload in payloads:
            raw.sendto(_udp_packet(HA[source], HA[target], port, port, payload), (HA[target], 0))


def _hostile_at(lab, target, genuine, port, counters, reasons):
    """Injects and waits until each reason is counted; gives how many were sent and what was counted."""
    changes = len(lab.holders.changes(VIP4))
    brains = {name: node.brain() for name, node in lab.nodes.items()}
    active = lab.active()
    before, log_before = counters(), _log_size(lab, target)
    payloads = _spoilt(genuine, random.Random(1))
    _inject(lab, other(target), target, port, payloads)

    def grown():
        now = counters()
        return {reason: now.get(reason, 0) - before.get(reason, 0) for reason in reasons}
    wait_for(lambda: all(grown().values()), 5.0,
             f"every reason is counted at port {port}: {', '.join(reasons)}", every=0.05)
    _unchanged(lab, active, changes)
    equal("the brains are the same", {name: node.brain() for name, node in lab.nodes.items()}, brains)
    at_most("growth of the logs", _log_size(lab, target) - log_before, LOG_GROWTH_MAX, "octets")
    counted = grown()
    return (f"{len(payloads)} datagrams: " + ", ".join(f"{reason} {n}" for reason, n in counted.items()),
            {"sent": len(payloads), "counted": counted})


def hostile_heartbeats(lab, runs):
    """Garbage, truncated, replayed and wrongly keyed datagrams at the active's heartbeat port."""
    del runs
    active = lab.wait_pair()
    genuine = _capture(lab, active, HEARTBEAT_PORT, 50)
    return _hostile_at(lab, active, genuine, HEARTBEAT_PORT, lambda: lab.nodes[active].path_counters("ha"),
                       ("beats_truncated", "beats_version", "beats_association", "beats_unauthentic",
                        "beats_replayed"))


def hostile_mirror_datagrams(lab, runs):
    """The same at the standby's mirror port: nothing reaches the shadow server twice or uninvited."""
    del runs
    active = lab.wait_pair()
    standby = other(active)
    node = lab.nodes[standby]
    name = f"heard{lab.active()}{len(lab.holders.changes(VIP4))}x"
    known = lab.servers[standby].registrations()
    registering = lab.phones.begin_registering(name, 60, 60)
    genuine = _capture(lab, standby, MIRROR_PORT, 20)
    equal("registered meanwhile", registering.wait_end(20.0)["completed"], 60)
    wait_for(lambda: lab.servers[standby].registrations() == known + 60, 5.0, "the standby's server knows them too")
    delivered = node.counter("mirror_delivered")
    text, figures = _hostile_at(lab, standby, genuine, MIRROR_PORT, lambda: node.status()["self"]["counters"],
                                ("link_truncated", "link_version", "link_association", "link_unauthentic",
                                 "link_replayed"))
    equal("delivered by hostile datagrams", node.counter("mirror_delivered") - delivered, 0)
    return text, figures


def hostile_connections(lab, runs):
    """Garbage, silence and a wrong key at the stream port; and a stranger's connections."""
    del runs
    active = lab.wait_pair()
    changes = len(lab.holders.changes(VIP4))
    listener, peer = "a", "b"  # the node with the higher id connects
    node = lab.nodes[listener]
    before = {path: node.path_counters(path) for path in ("ha", "lan")}
    log_before = _log_size(lab, listener)
    chance = random.Random(2)
    held = []
    for _ in range(100):
        with inside(lab.network.name(peer)):
            sock = socket.socket()
        sock.settimeout(2.0)
        try:
            sock.connect((HA[listener], STREAM_PORT))
            sock.sendall(chance.randbytes(chance.randint(1, 4000)))
        except OSError:
            pass
        held.append(sock)
    for words in (("-psk", "00" * 32), ("-psk", "00" * 32, "-psk_identity", "lab"), ()):
        subprocess.run(["ip", "netns", "exec", lab.network.name(peer), "openssl", "s_client", "-connect",
                        f"{HA[listener]}:{STREAM_PORT}", "-tls1_3", *words], stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=20, check=False)
    for _ in range(50):
        with inside(lab.network.name("c")):
            sock = socket.socket()
        sock.settimeout(2.0)
        try:
            sock.connect(("10.77.0.1", STREAM_PORT))
            sock.sendall(b"hello")
        except OSError:
            pass
        held.append(sock)
    for sock in held:
        sock.close()

    def grown(path, reason):
        return node.path_counters(path).get(reason, 0) - before[path].get(reason, 0)
    wait_for(lambda: grown("ha", "stream_refused_handshake") >= 50, 10.0, "handshakes are refused and counted",
             every=0.1)
    wait_for(lambda: grown("lan", "stream_refused_address") >= 50, 10.0, "strangers are refused and counted",
             every=0.1)
    _unchanged(lab, active, changes)
    lab.wait_pair(active=active)
    at_most("growth of the logs", _log_size(lab, listener) - log_before, LOG_GROWTH_MAX, "octets")
    return (f"{grown('ha', 'stream_refused_handshake')} handshakes and "
            f"{grown('lan', 'stream_refused_address')} strangers refused", {})


def _torture():
    """Messages that break the rules: ours, and the shared corpus where it is there."""
    messages = [
        b"", b"\r\n\r\n", b"\0" * 200, b"REGISTER", b"REGISTER sip:x SIP/2.0\r\n", b"SIP/2.0 200\r\n\r\n",
        b"REGISTER sip:10.77.0.100 SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"REGISTER sip:10.77.0.100 SIP/2.0\r\n" + b"Via: " + b"x" * 1200 + b"\r\n\r\n",
        b"REGISTER sip:10.77.0.100 SIP/2.0\r\n" + b"v:\r\n" * 300 + b"\r\n",
        b"REGISTER sip:10.77.0.100 SIP/2.0\r\nCSeq: -1 REGISTER\r\nCall-ID:\r\n\r\n",
        b"\xff\xfe" + b"INVITE sip:\xc3\x28 SIP/2.0\r\n\r\n",
    ]
    chance = random.Random(3)
    messages += [chance.randbytes(chance.randint(1, 1400)) for _ in range(200)]
    shared = os.environ.get("TANDEM_CORPORA", os.path.join(ROOT, "..", "shared", "corpora"))
    for folder in ("rfc4475", "rfc5118"):
        for path in sorted(glob.glob(os.path.join(shared, "sip", folder, "**", "*"), recursive=True)):
            if os.path.isfile(path) and os.path.getsize(path) < 60000:
                with open(path, "rb") as file:
                    messages.append(file.read())
    return messages


def malformed_sip(lab, runs):
    """Malformed SIP at the VIP: the engine lives, the active still forwards it, it is counted."""
    del runs
    active = lab.wait_pair()
    node = lab.nodes[active]
    changes = len(lab.holders.changes(VIP4))
    engines = {name: n.fast.process.pid for name, n in lab.nodes.items()}
    counted_before = node.counter("sip_malformed")
    with inside(lab.network.name("c")):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    messages = _torture()
    probe = lab.probe(rate=200, warm_up=20)
    with sock:
        sock.bind((CLIENT4, 0))
        for message in messages:
            sock.sendto(message, (VIP4, 5060))
    wait_for(lambda: node.counter("sip_malformed") > counted_before, 5.0, "malformed messages are counted")
    # Forwarded: what the server was sent reached its socket, for it is still asked and still answers.
    last = monotonic_ns()
    wait_for(lambda: probe.last_answer_ns() > last + 200_000_000, 5.0, "the server is still served")
    summary = probe.stop()
    counted = node.counter("sip_malformed") - counted_before
    for name, pid in engines.items():
        equal(f"engine of node {name} is the same process", (lab.nodes[name].fast.process.pid, alive(pid)),
              (pid, True))
    _unchanged(lab, active, changes)
    equal("requests lost meanwhile", summary["lost"], 0)
    return f"{len(messages)} messages, {counted} counted as malformed, none fatal", {"counted": counted}
