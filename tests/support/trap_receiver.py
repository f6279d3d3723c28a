# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is notified by SNMP: net-snmp's snmptrapd, which prints names out of our MIB, and one who never acknowledges."""

import contextlib
import os
import shutil
import socket
import tempfile

from tests.support.network import inside
from tests.support.process import Process
from tests.support.wait import wait_for

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Debian ships none of the IETF's modules.
_MIBS = ":".join((os.path.join(_ROOT, "tests", "support", "mibs"), os.path.join(_ROOT, "packaging", "snmp")))


class TrapReceiver:
    """`lines`: of its configuration: who may notify it."""

    def __init__(self, namespace, address, lines):
        self.directory = tempfile.mkdtemp(prefix="td-trap-")
        config = os.path.join(self.directory, "snmptrapd.conf")
        with open(os.open(config, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write("\n".join(("doNotRetainNotificationLogs yes", *lines)) + "\n")
        words = ["env", f"SNMP_PERSISTENT_DIR={self.directory}", "snmptrapd", "-f", "-n", "-C", "-c", config, "-Lo", "-M",
                 _MIBS, "-m", "TANDEM-MIB:SNMPv2-MIB", "-F", "%v\\n", "-O", "Q", "-x", f"unix:{self.directory}/agentx",
                 f"udp:{address}:162"]
        self.process = Process(namespace, words, os.path.join(self.directory, "log"))
        try:
            wait_for(lambda: "NET-SNMP version" in self.text(), 10.0, "snmptrapd runs: " + self.text(), every=0.05)
        except BaseException:
            self.close()
            raise

    def text(self):
        with open(self.process.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def notifications(self):
        """All that came, each as {object: value}, the names without their module and instance."""
        found = []
        for line in self.text().splitlines():
            pairs = [pair.partition(" = ") for pair in line.split("\t") if " = " in pair]
            if any("snmpTrapOID" in name for name, _, _ in pairs):
                found.append({name.rpartition("::")[2].removesuffix(".0"): value.strip('"').rpartition("::")[2]
                              for name, _, value in pairs})
        return found

    def close(self):
        self.process.end()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextlib.contextmanager
def silent_receiver(namespace, address, port):
    """Takes notifications and says nothing. Yields how many octets wait to be read: more than none once one came."""
    with inside(namespace):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.bind((address, port))
        sock.setblocking(False)

        def came():
            try:
                return len(sock.recv(65535, socket.MSG_PEEK))
            except BlockingIOError:
                return 0
        yield came
