# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks by every plain method, against real services on the phones' host that go away, refuse, or grow old."""

import contextlib
import os
import socket
import subprocess
import tempfile
import threading

from tests.lab.check_cases import PATIENCE, _checks, _is
from tests.lab.figures import equal
from tests.lab.told import found_in_time, has, wait_down, well_pair
from tests.support.network import CLIENT4, CLIENT6, inside
from tests.support.wait import monotonic_ns, wait_for

REFUSAL_MS = 5
TCP_PORT, UDP_PORT, TLS_PORT = 7801, 7802, 7803
INTERVAL_MS, TIMEOUT_MS, RETRY = 50, 500, 2
RHYTHM = f"interval_ms = {INTERVAL_MS}\ntimeout_ms = {TIMEOUT_MS}\nretry = {RETRY}\n"


def _section(name, method, *lines):
    return "\n".join(["[[group.check]]", f'name = "{name}"', f'method = "{method}"', *lines]) + "\n" + RHYTHM


LAB = {"sections": "".join((
    _section("tcp", "tcp", f'address = "{CLIENT4}"', f"port = {TCP_PORT}"),
    _section("udp", "udp", f'address = "{CLIENT4}"', f"port = {UDP_PORT}"),
    _section("tls", "tls", f'address = "{CLIENT4}"', f"port = {TLS_PORT}", "verify = false"),
    _section("arp", "arp", f'address = "{CLIENT4}"', 'interface = "lan0"'),
    _section("nd", "nd", f'address = "{CLIENT6}"', 'interface = "lan0"'),
    _section("link", "link", 'interface = "lan0"'),
    _section("script", "script", 'command = ["/bin/true"]'),
    _section("process", "process", 'process = "{directory}/guest.pid"')))}


@contextlib.contextmanager
def _listener(lab):
    """Whom connections are accepted by, on the phones' host."""
    with inside(lab.network.name("c")):
        service = socket.create_server((CLIENT4, TCP_PORT), backlog=1024)
    try:
        yield service
    finally:
        service.close()


@contextlib.contextmanager
def _tls_server(lab, days):
    """OpenSSL's server, with a certificate that is valid for so many days."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", certificate, "-days", str(days), "-subj", "/CN=lab"],
                       check=True, capture_output=True)
        server = subprocess.Popen(["ip", "netns", "exec", lab.network.name("c"), "openssl", "s_server", "-accept",
                                   f"{CLIENT4}:{TLS_PORT}", "-key", key, "-cert", certificate, "-quiet"],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield server
        finally:
            server.kill()
            server.wait()


@contextlib.contextmanager
def _talker(lab):
    """Who answers every datagram, on the phones' host."""
    with inside(lab.network.name("c")):
        service = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    service.bind((CLIENT4, UDP_PORT))
    service.settimeout(0.1)
    over = threading.Event()

    def talk():
        while not over.is_set():
            with contextlib.suppress(OSError):
                _, sender = service.recvfrom(2048)
                service.sendto(b"here", sender)
    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        service.close()


@contextlib.contextmanager
def _guest(node):
    """A program on the node, known by a pid file."""
    guest = subprocess.Popen(["ip", "netns", "exec", node.namespace, "sleep", "1000"])
    with open(os.path.join(node.directory, "guest.pid"), "w", encoding="ascii") as file:
        file.write(f"{guest.pid}\n")
    try:
        yield guest
    finally:
        guest.kill()
        guest.wait()


def _answer_arp(lab, yes):
    """Whether the phones' host answers for its address."""
    lab.network.set_sysctl("c", {"net/ipv4/conf/all/arp_ignore": "0" if yes else "8"})


def _detail(node, check, text):
    return wait_for(lambda: text in _checks(node)[check]["detail"] and _checks(node)[check]["detail"], PATIENCE,
                    f"check {check} says {text}", every=0.05)


def services_go_and_come(lab, runs):
    """A listener that is closed refuses, a neighbour that is deaf is silent: both are found in their time."""
    well_pair(lab)
    figures = {"tcp_ms": [], "arp_ms": []}
    worst = max(TIMEOUT_MS, INTERVAL_MS * (RETRY + 2))
    for node in lab.nodes.values():
        equal("the time that is told", _checks(node)["tcp"]["worst_case_ms"], worst)
        for check in ("arp", "nd", "link", "script"):
            _is(node, check, "up")
        has("the neighbour's MAC address", _detail(node, "arp", "is at "), lab.network.mac("c"))
        has("the list", node.text("checks"), "METHOD")
    for _ in range(runs):
        with _listener(lab):
            for node in lab.nodes.values():
                _is(node, "tcp", "up")
            before = monotonic_ns()
        # Refused: as many questions as must fail, no timeout, and a moment for the kernel to say so.
        for node in lab.nodes.values():
            took = (wait_down(node, "tcp", before)["at_ns"] - before) / 1e6
            figures["tcp_ms"].append(round(took, 2))
            if took > INTERVAL_MS * (RETRY + 1) + REFUSAL_MS:
                raise AssertionError(f"tcp was found after {took:.2f} ms: three refusals take less")
        for node in lab.nodes.values():
            _detail(node, "tcp", "refuses the connection")
        _answer_arp(lab, False)
        before = monotonic_ns()
        for node in lab.nodes.values():
            figures["arp_ms"].append(found_in_time(node, "arp", before, before, worst))
        _answer_arp(lab, True)
        for node in lab.nodes.values():
            _is(node, "arp", "up")
    words = ", ".join(f"{name[:-3]} {max(taken):.0f} ms" for name, taken in figures.items())
    return f"found within {words}; {runs} runs", figures


def others_go_and_come(lab, runs):
    """A port that is closed, a neighbour whose IPv6 address is gone, a process that is killed: found in their time."""
    well_pair(lab)
    figures = {"udp_ms": [], "nd_ms": [], "process_ms": []}
    worst = max(TIMEOUT_MS, INTERVAL_MS * (RETRY + 2))
    node = lab.nodes["a"]
    for _ in range(runs):
        with _talker(lab):
            _is(node, "udp", "up")
            before = monotonic_ns()
        closed = monotonic_ns()
        # A host refuses no more than one a second or so: it may be silence that tells.
        took = (wait_down(node, "udp", before)["at_ns"] - closed) / 1e6
        figures["udp_ms"].append(round(took, 2))
        if took > worst + REFUSAL_MS:
            raise AssertionError(f"udp was found after {took:.2f} ms, {worst} were told")
        before = monotonic_ns()
        lab.network.address("c", "del", f"{CLIENT6}/64")
        try:
            figures["nd_ms"].append(found_in_time(node, "nd", before, monotonic_ns(), worst))
        finally:
            lab.network.address("c", "add", f"{CLIENT6}/64")
        _is(node, "nd", "up")
        with _guest(node) as guest:
            _is(node, "process", "up")
            before = monotonic_ns()
            guest.kill()
            guest.wait()
            took = (wait_down(node, "process", before)["at_ns"] - before) / 1e6
            figures["process_ms"].append(round(took, 2))
            if took > INTERVAL_MS * (RETRY + 1) + REFUSAL_MS:
                raise AssertionError(f"process was found after {took:.2f} ms: three looks take less")
    words = ", ".join(f"{name[:-3]} {max(taken):.0f} ms" for name, taken in figures.items())
    return f"found within {words}; {runs} runs", figures


def certificates_grow_old(lab, runs):
    """A certificate that lasts, one that is about to end, and no server at all."""
    del runs
    node = lab.nodes["a"]
    with _tls_server(lab, 100):
        _is(node, "tls", "up")
        _detail(node, "tls", "has a certificate for another ")
    with _tls_server(lab, 3):
        _detail(node, "tls", "has a certificate that expires in ")
        _is(node, "tls", "down")
    _detail(node, "tls", "refuses the connection")
    _is(node, "udp", "down")
    _detail(node, "udp", "has closed the port")
    return "valid, about to end, gone", {}


CASES = (("checks: services go and come", services_go_and_come, 10),
         ("checks: others go and come", others_go_and_come, 5),
         ("checks: certificates grow old", certificates_grow_old, 0))
