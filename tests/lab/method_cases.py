# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks by every plain method, against real services on the phones' host that go away, refuse, or grow old."""

import contextlib
import os
import socket
import subprocess
import tempfile

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
    _section("script", "script", 'command = ["/bin/true"]')))}


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
         ("checks: certificates grow old", certificates_grow_old, 0))
