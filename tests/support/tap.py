# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node sends from the VIPs, seen at its port of the switch: the proof that a node served, or that it did not.

The kernel filters, so that a tap costs nothing while the node is silent."""

import ctypes
import dataclasses
import socket
import struct
import time

from tests.support.network import VIP4, VIP6, inside

_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_ETH_P_ALL = 3
_LOAD_WORD, _LOAD_HALF, _LOAD_OCTET, _EQUAL, _RETURN = 0x20, 0x28, 0x30, 0x15, 0x06
_SOLICITATION, _ADVERTISEMENT = 135, 136
_CLAIMS = ("ARP request", "ARP reply", "neighbour advertisement", "duplicate address detection")


class _Program:
    """A classic BPF program of blocks. In a block every test must hold, else the next block begins."""

    def __init__(self):
        self._blocks = []

    def block(self, *tests):
        """`tests`: (load, offset, value)."""
        self._blocks.append(tests)

    def code(self):
        steps = []
        for tests in self._blocks:
            left = 2 * len(tests) + 1
            for load, offset, value in tests:
                left -= 2
                steps += [struct.pack("=HBBI", load, 0, 0, offset), struct.pack("=HBBI", _EQUAL, 0, left, value)]
            steps.append(struct.pack("=HBBI", _RETURN, 0, 0, 0x40000))
        steps.append(struct.pack("=HBBI", _RETURN, 0, 0, 0))
        return b"".join(steps)


def _words(offset, address):
    """Tests for all words of an IPv6 address."""
    octets = socket.inet_pton(socket.AF_INET6, address)
    return [(_LOAD_WORD, offset + at, struct.unpack_from("!I", octets, at)[0]) for at in range(0, 16, 4)]


def _filter(vip4, vip6, port):
    """UDP from a VIP's SIP port; ARP whose sender is the VIP; neighbour discovery whose target is the VIP."""
    program = _Program()
    word4 = struct.unpack("!I", socket.inet_aton(vip4))[0]
    # The VIPs' packets carry neither IP options nor extension headers.
    program.block((_LOAD_HALF, 12, 0x0800), (_LOAD_OCTET, 23, 17), (_LOAD_WORD, 26, word4), (_LOAD_HALF, 34, port))
    program.block((_LOAD_HALF, 12, 0x0806), (_LOAD_WORD, 28, word4))
    ipv6 = (_LOAD_HALF, 12, 0x86dd)
    program.block(ipv6, (_LOAD_OCTET, 20, 17), *_words(22, vip6), (_LOAD_HALF, 54, port))
    for kind in (_SOLICITATION, _ADVERTISEMENT):
        program.block(ipv6, (_LOAD_OCTET, 20, 58), (_LOAD_OCTET, 54, kind), *_words(62, vip6))
    return program.code()


@dataclasses.dataclass(frozen=True)
class Seen:
    ns: int  # CLOCK_MONOTONIC
    kind: str  # "SIP", one of _CLAIMS, or "neighbour solicitation", which claims nothing


def _kind(packet):
    ether_type = struct.unpack_from("!H", packet, 12)[0]
    if ether_type == 0x0806:
        return "ARP reply" if struct.unpack_from("!H", packet, 20)[0] == 2 else "ARP request"
    if ether_type == 0x0800 or packet[20] == 17:
        return "SIP"
    if packet[54] == _ADVERTISEMENT:
        return "neighbour advertisement"
    return "duplicate address detection" if packet[22:38] == bytes(16) else "neighbour solicitation"


class Tap:
    """`with Tap(network, node) as tap:` ... `tap.answers(after_ns)`, `tap.claims(after_ns)`."""

    def __init__(self, network, node, vip4=VIP4, vip6=VIP6, port=5060):
        code = _filter(vip4, vip6, port)
        program = ctypes.create_string_buffer(code, len(code))
        with inside(network.name("sw")):
            # Protocol 0: nothing arrives before the filter is there.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER,
                                struct.pack("HL", len(code) // 8, ctypes.addressof(program)))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        with inside(network.name("sw")):
            self._socket.bind((f"{node}_lan", _ETH_P_ALL))
        self._socket.setblocking(False)
        self._seen = []

    def seen(self):
        """All that has come so far."""
        offset = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - time.time_ns()
        while True:
            try:
                packet, extra, _, address = self._socket.recvmsg(128, 64)
            except BlockingIOError:
                return self._seen
            if address[2] == socket.PACKET_OUTGOING:
                continue
            seconds, nanoseconds = struct.unpack("=qq", extra[0][2][:16])
            self._seen.append(Seen(seconds * 1_000_000_000 + nanoseconds + offset, _kind(packet)))

    def answers(self, after_ns):
        """When SIP left the node from a VIP, after a moment."""
        return [seen.ns for seen in self.seen() if seen.kind == "SIP" and seen.ns >= after_ns]

    def claimed(self, after_ns):
        """How the node claimed a VIP, after a moment: [Seen]."""
        return [seen for seen in self.seen() if seen.kind in _CLAIMS and seen.ns >= after_ns]

    def claims(self, after_ns):
        """When it did."""
        return [seen.ns for seen in self.claimed(after_ns)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()
