# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that checks ask: a Kamailio whose answers are told while it runs, one that talks garbage, name servers."""

import contextlib
import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading

from tests.support.kamailio import Kamailio
from tests.support.network import inside
from tests.support.process import Process
from tests.support.wait import wait_for

_TEMPLATE = os.path.join(os.path.dirname(__file__), "sip_target.cfg")


class SipTarget(Kamailio):
    """Over UDP and TCP on port 5060 and over TLS on 5061 of one address. `auth`: none, or a digest algorithm."""

    def __init__(self, namespace, address, auth=None):  # pylint: disable=super-init-not-called
        self.directory = tempfile.mkdtemp(prefix="td-sip-")
        self._rpc = os.path.join(self.directory, "rpc")
        self._asked = 0
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                        "-days", "2", "-subj", "/CN=target", "-addext", f"subjectAltName=IP:{address}",
                        "-keyout", f"{self.directory}/server.key", "-out", f"{self.directory}/server.pem"],
                       check=True, capture_output=True)
        with open(_TEMPLATE, encoding="utf-8") as file:
            text = file.read()
        listen = "\n".join(f"listen={kind}:{address}:{port}" for kind, port in
                           (("udp", 5060), ("tcp", 5060), ("tls", 5061)))
        for word, value in (("LISTEN", listen), ("RUN_DIR", self.directory), ("AUTH", "1" if auth else "0"),
                            ("ALGORITHM", auth or "MD5")):
            text = text.replace(f"@{word}@", value)
        config = os.path.join(self.directory, "kamailio.cfg")
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        self.process = Process(namespace, ["kamailio", "-f", config, "-DD", "-E", "-m", "64", "-M", "8", "-Y",
                                           self.directory], os.path.join(self.directory, "kamailio.log"))
        try:
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def answer(self, mode):
        """A status; 0: nothing, 1: 200 after 1.4 s."""
        self.ask("pv.shvSet", "mode", "int", mode)

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Garbage:
    """Answers everything with octets that are no SIP, over UDP and TCP."""

    def __init__(self, namespace, address, port):
        self._end = threading.Event()
        with inside(namespace):
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._udp.bind((address, port))
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind((address, port))
        self._tcp.listen(8)
        for sock in (self._udp, self._tcp):
            sock.settimeout(0.1)
        self._threads = [threading.Thread(target=work) for work in (self._datagrams, self._streams)]
        for thread in self._threads:
            thread.start()

    def _datagrams(self):
        while not self._end.is_set():
            with contextlib.suppress(OSError):
                text, sender = self._udp.recvfrom(65535)
                for answer in (b"\x00\xff" * 200, b"SIP/2.0 200 OK\r\n\r\n", b"SIP/2.0 200 OK\r\nVia: ;;;\r\n" * 900,
                               text):
                    self._udp.sendto(answer, sender)

    def _streams(self):
        while not self._end.is_set():
            with contextlib.suppress(OSError):
                stream, _ = self._tcp.accept()
                with stream:
                    stream.settimeout(0.5)
                    stream.recv(4096)
                    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join(5.0)
        self._udp.close()
        self._tcp.close()


@contextlib.contextmanager
def silent_name_server(namespace, address):
    """A socket that takes questions and never answers; whether it was asked."""
    with inside(namespace):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.bind((address, 53))
        yield lambda: bool(select.select([sock], [], [], 0)[0])


@contextlib.contextmanager
def name_server(namespace, address, records):
    """dnsmasq with these options (`naptr-record=...`), and nothing else."""
    directory = tempfile.mkdtemp(prefix="td-dns-")
    config = os.path.join(directory, "dnsmasq.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write("\n".join(["no-resolv", "no-hosts", "no-daemon", "bind-interfaces", "user=root",
                              f"listen-address={address}", "local=/test/", "local-ttl=1", *records]) + "\n")
    process = Process(namespace, ["dnsmasq", "-C", config, "--pid-file="], os.path.join(directory, "log"))

    def listens():
        if not process.running():
            raise RuntimeError("dnsmasq ended:\n" + process.tail())
        with inside(namespace):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sock:
            sock.settimeout(0.5)
            sock.connect((address, 53))
            question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04test\x00\x00\x01\x00\x01"
            try:
                sock.send(question)
                return bool(sock.recv(512))
            except OSError:
                return False
    try:
        wait_for(listens, 10.0, "the name server answers", every=0.05)
        yield process
    finally:
        process.end()
        shutil.rmtree(directory, ignore_errors=True)
