# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not SIP at a VIP: echo servers on the server's machine, and clients on the LAN that count what comes back.

A stream of RTP packets (RFC 3550: 172 octets every 20 ms, or closer together) and a TCP connection that carries numbered
lines. Both go on through whatever happens, and tell afterwards what was lost."""

import contextlib
import random
import select
import socket
import struct
import threading
import time

from tests.support.network import inside
from tests.support.wait import monotonic_ns

_RTP = struct.Struct("!BBHIIQ")  # the header, and the time of sending in the place of the first eight samples
_PAYLOAD = bytes(172 - _RTP.size)
_LINE = 64


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Echo:
    """Sends back what it gets, by UDP and by TCP, in the namespace in which it is made."""

    def __init__(self, namespace, address, port):
        with inside(namespace):
            self._udp = socket.socket(_family(address), socket.SOCK_DGRAM)
            self._tcp = socket.socket(_family(address), socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for one in (self._udp, self._tcp):
            one.bind((address, port))
            one.setblocking(False)
        self._tcp.listen(8)
        self._open = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self):
        while not self._stopping.is_set():
            for ready in select.select([self._udp, self._tcp, *self._open], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    if ready is self._udp:
                        data, sender = self._udp.recvfrom(4096)
                        self._udp.sendto(data, sender)
                    elif ready is self._tcp:
                        self._open.append(self._tcp.accept()[0])
                    elif data := ready.recv(65536):
                        ready.sendall(data)
                    else:
                        self._open.remove(ready)
                        ready.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        for one in (self._udp, self._tcp, *self._open):
            one.close()


class Stream:
    """RTP to an echo, one packet every `every` seconds. After the end: `lost`, `sent`, `longest_gap_ms`."""

    def __init__(self, namespace, local, target, port, every=0.005):
        with inside(namespace):
            self._socket = socket.socket(_family(target), socket.SOCK_DGRAM)
        self._socket.bind((local, 0))
        self._socket.connect((target, port))
        self._socket.setblocking(False)
        self._every = every
        self._source = random.getrandbits(32)
        self._answered = {}
        self.sent = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        due = time.monotonic()
        while not self._stopping.is_set():
            packet = _RTP.pack(0x80, 0, self.sent & 0xffff, self.sent * 160 & 0xffffffff, self._source, self.sent)
            with contextlib.suppress(OSError):
                self._socket.send(packet + _PAYLOAD)
            self.sent += 1
            due = max(due + self._every, time.monotonic())
            while (left := due - time.monotonic()) > 0:
                if select.select([self._socket], [], [], left)[0]:
                    self._read()

    def _read(self):
        with contextlib.suppress(OSError):
            while True:
                data = self._socket.recv(4096)
                if len(data) == _RTP.size + len(_PAYLOAD):
                    self._answered.setdefault(_RTP.unpack_from(data)[5], monotonic_ns())

    def answered(self):
        return len(self._answered)

    @property
    def lost(self):
        return self.sent - len(self._answered)

    @property
    def longest_gap_ms(self):
        times = sorted(self._answered.values())
        return max((b - a for a, b in zip(times, times[1:])), default=0) / 1e6

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        end = time.monotonic() + 1.0
        while self.lost and (left := end - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                self._read()
        self._socket.close()


class Connection:
    """A TCP connection to an echo that sends a numbered line every few milliseconds and wants it back in order."""

    def __init__(self, namespace, local, target, port, every=0.01):
        with inside(namespace):
            self._socket = socket.socket(_family(target), socket.SOCK_STREAM)
        self._socket.bind((local, 0))
        self._socket.settimeout(5.0)
        self._socket.connect((target, port))
        self._every = every
        self.lines = 0
        self.failure = None
        self.longest_gap_ms = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self._stopping.wait(self._every):
                line = f"{self.lines:020d}".ljust(_LINE, ".").encode()
                asked = monotonic_ns()
                self._socket.sendall(line)
                back = b""
                while len(back) < _LINE:
                    data = self._socket.recv(_LINE - len(back))
                    if not data:
                        raise ConnectionError("closed by the other end")
                    back += data
                if back != line:
                    raise ConnectionError("another line came back")
                self.longest_gap_ms = max(self.longest_gap_ms, (monotonic_ns() - asked) / 1e6)
                self.lines += 1
        except OSError as error:
            self.failure = f"after {self.lines} lines: {error}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._socket.close()
