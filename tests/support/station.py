# SPDX-License-Identifier: GPL-3.0-or-later
"""A third machine on the LAN: one that claims a VIP by ARP, and one that answers OPTIONS. Both sit at the client."""

import re
import socket
import struct
import threading

from tests.support.network import CLIENT4, inside

STRANGER_MAC = bytes.fromhex("020000005a5a")


class Stranger:
    """Says again and again that a VIP is at its own link-layer address (RFC 826, an announcement)."""

    def __init__(self, network, vip, every=0.1):
        with inside(network.name("c")):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.bind(("lan0", 0))
        address = socket.inet_aton(vip)
        self._frame = (b"\xff" * 6 + STRANGER_MAC + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + STRANGER_MAC
                       + address + b"\0" * 6 + address)
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._claim, daemon=True)

    def _claim(self):
        while True:
            self._socket.send(self._frame)
            if self._stopping.wait(self._every):
                return

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._socket.close()


class Endpoint:
    """Answers OPTIONS (RFC 3261 section 11.2) at the client's address while `answering` is set."""

    def __init__(self, network, port):
        with inside(network.name("c")):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((CLIENT4, port))
        self._socket.settimeout(0.1)
        self.answering = True
        self.asked = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self):
        while not self._stopping.is_set():
            try:
                question, asker = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            if not question.startswith(b"OPTIONS "):
                continue
            self.asked += 1
            if self.answering:
                kept = re.findall(rb"(?mi)^(?:via|from|to|call-id|cseq):.*\r\n", question)
                self._socket.sendto(b"SIP/2.0 200 OK\r\n" + b"".join(kept) + b"Content-Length: 0\r\n\r\n", asker)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._socket.close()
