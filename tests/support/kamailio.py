# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kamailio server on a node of the lab."""

import json
import os
import re
import signal
import socket
import subprocess

from tests.support.network import VIP4, VIP6
from tests.support.process import Process, descendants
from tests.support.wait import wait_for

_TEMPLATE = os.path.join(os.path.dirname(__file__), "kamailio.cfg")


class Kamailio:
    """Listens on the VIPs. Its sockets and files are in a directory of its own."""

    def __init__(self, namespace, name, directory, vips=(VIP4, VIP6)):
        self.directory = directory
        self.pid_file = os.path.join(directory, "kamailio.pid")
        os.makedirs(directory, exist_ok=True)
        self._rpc = os.path.join(directory, "rpc")
        self._asked = 0
        listen = "\n".join(f"listen=udp:{f'[{vip}]' if ':' in vip else vip}:5060" for vip in vips)
        with open(_TEMPLATE, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("@NAME@", name).replace("@RUN_DIR@", directory).replace("@LISTEN@", listen)
        config = os.path.join(directory, "kamailio.cfg")
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        self.process = Process(namespace, ["kamailio", "-f", config, "-DD", "-E", "-m", "32", "-M", "4",
                                           "-Y", directory], os.path.join(directory, "kamailio.log"))
        # In the foreground it writes none itself; whoever watches the file never sees a half of it.
        with open(self.pid_file + ".new", "w", encoding="ascii") as file:
            file.write(f"{self.process.pid}\n")
        os.rename(self.pid_file + ".new", self.pid_file)

    def wait_ready(self, deadline=10.0):
        def answers():
            if not self.process.running():
                raise RuntimeError("kamailio ended:\n" + self.process.tail())
            try:
                return self.registrations() is not None
            except OSError:
                return False
        wait_for(answers, deadline, "kamailio answers on its control socket", every=0.05)

    def ask(self, method, *params):
        """One JSON-RPC request over the server's own socket; no process is started for it."""
        self._asked += 1
        reply_to = os.path.join(self.directory, f"reply.{os.getpid()}.{self._asked}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(reply_to)
                os.chmod(reply_to, 0o777)
                sock.settimeout(2.0)
                sock.connect(self._rpc)
                sock.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode())
                answer = json.loads(sock.recv(1 << 20))
            finally:
                if os.path.exists(reply_to):
                    os.unlink(reply_to)
        if "error" in answer:
            raise RuntimeError(f"kamailio: {method}: {answer['error']}")
        return answer["result"]

    def registrations(self):
        """How many contacts its location table holds, from its own statistics."""
        for line in self.ask("stats.get_statistics", "usrloc:"):
            found = re.fullmatch(r"usrloc:location[-_]contacts = (\d+)", line)
            if found:
                return int(found.group(1))
        raise RuntimeError("kamailio has no statistic of its contacts")

    def dump(self):
        """The users that really are in the location table: the slow way, to prove the quick one."""
        text = subprocess.run(["kamcmd", "-s", f"unix:{self.directory}/ctl", "ul.dump"], text=True,
                              capture_output=True, check=True).stdout
        return sorted(re.findall(r"^\s*AoR: (\S+)$", text, re.MULTILINE))

    def end(self):
        return self.process.end()

    def kill(self):
        """SIGKILL for all of its processes, the main one first, so that it cannot end the others in order.

        The main one is waited for: as long as nobody did, `kill -0` would take it for alive."""
        pids = [self.process.pid, *descendants(self.process.pid)]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.popen.wait(5.0)
