# SPDX-License-Identifier: GPL-3.0-or-later
"""A real mail server in a namespace of the lab: Exim for SMTP, Dovecot for POP3. Everything is below one directory."""

import os
import pwd
import select
import shutil
import socket
import subprocess

from tests.support.network import inside
from tests.support.process import Process
from tests.support.wait import wait_for

USER, PASSWORD = "node", "correct-horse"
SMTP, SMTPS, SUBMISSION, POP3 = 25, 465, 587, 110
_EXIM_USER = "Debian-exim"

# Who may send: after a login; with `pop`, also for a minute after a POP3 login from the same address; with `open`,
# anybody. Letters are files in one folder. `tls_on_connect` is for port 465 only.
_EXIM = """
primary_hostname = mail.lab.example
spool_directory = {directory}/spool
log_file_path = {directory}/log/%slog
pid_file_path = {directory}/exim.pid
exim_user = {user}
exim_group = {user}
never_users =
domainlist local_domains = lab.example
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
local_interfaces = {address}
daemon_smtp_ports = 25 : 465 : 587
tls_on_connect_ports = 465
tls_advertise_hosts = *
tls_certificate = {directory}/server.pem
tls_privatekey = {directory}/server.key
auth_advertise_hosts = *
host_lookup =
rfc1413_hosts =
rfc1413_query_timeout = 0s
dns_dnssec_ok = 0
smtp_accept_max = 50

begin acl
acl_mail:
  accept
acl_rcpt:
  deny condition = {{if eq{{$local_part}}{{gone}}}}
       message = no such user
  accept authenticated = *
  accept condition = {{if and{{{{eq{{{allow}}}{{pop}}}}{{exists{{{directory}/pop/$sender_host_address}}}}}}}}
  accept condition = {{if eq{{{allow}}}{{open}}}}
  deny message = log in first

begin routers
all:
  driver = accept
  domains = +local_domains
  transport = folder

begin transports
folder:
  driver = appendfile
  directory = {directory}/letters
  maildir_format
  create_directory
  user = {user}
  delivery_date_add
  envelope_to_add

begin retry
* * F,1h,1m

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = {{if and{{{{eq{{$auth2}}{{{login}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = {{if and{{{{eq{{$auth1}}{{{login}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""

# A script runs after each login: it is what makes the address known to Exim.
_DOVECOT = """
protocols = pop3
listen = {address}
base_dir = {directory}/dovecot
state_dir = {directory}/dovecot-state
log_path = {directory}/log/dovecot
instance_name = lab-{name}
ssl = no
disable_plaintext_auth = no
default_login_user = dovenull
default_internal_user = dovecot
first_valid_uid = 1
mail_location = maildir:{directory}/popbox
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}/popbox
}}
service pop3-login {{
  inet_listener pop3 {{
    port = 110
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service pop3 {{
  executable = pop3 poplogin
}}
service poplogin {{
  executable = script-login {directory}/poplogin.sh
  user = {user}
  unix_listener poplogin {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


def make_certificates(directory, names, hosts=()):
    """A CA (ca.pem) and a certificate of each name (NAME.pem, NAME.key), with the addresses as alternative names."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "2", "-subj", "/CN=lab CA")
    alternative = ",".join([f"IP:{host}" for host in hosts] + ["DNS:mail.lab.example"])
    for name in names:
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", f"/CN={name}")
        with open(os.path.join(directory, f"{name}.ext"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName={alternative}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def listens(namespace, address, port):
    """Whether somebody listens there."""
    shown = subprocess.run(["ip", "netns", "exec", namespace, "ss", "-Hltn", f"sport = :{port}"], text=True,
                           capture_output=True, check=False).stdout
    return any(f"{host}:{port}" in shown for host in (address, "*", "0.0.0.0"))


class MailServer:
    """`allow`: who may send without a login: "nobody", "pop" or "open"."""

    def __init__(self, namespace, directory, address, allow="nobody"):
        self.namespace = namespace
        self.directory = directory
        self.address = address
        self._exim = self._dovecot = None
        account = pwd.getpwnam(_EXIM_USER)
        # Exim gives up root's rights: it must be able to walk down to its files.
        path = directory
        while path not in ("/", "/tmp"):
            os.chmod(path, os.stat(path).st_mode | 0o011)
            path = os.path.dirname(path)
        for part in ("spool", "log", "letters", "pop", "popbox"):
            os.makedirs(os.path.join(directory, part), exist_ok=True)
            os.chown(os.path.join(directory, part), account.pw_uid, account.pw_gid)
        for part in ("dovecot", "dovecot-state"):
            os.makedirs(os.path.join(directory, part), exist_ok=True)
        make_certificates(directory, ["server"], [address])
        os.chown(os.path.join(directory, "server.key"), account.pw_uid, account.pw_gid)
        values = {"directory": directory, "address": address, "user": _EXIM_USER, "login": USER, "password": PASSWORD,
                  "allow": allow, "uid": account.pw_uid, "gid": account.pw_gid, "name": namespace}
        # Exim expands what follows a dollar sign: the braces of its conditions get theirs here.
        exim = _EXIM.format(**values).replace("condition = {", "condition = ${")
        self._write("exim.conf", exim)
        self._write("dovecot.conf", _DOVECOT.format(**values))
        self._write("poplogin.sh", f"#!/bin/sh\n: > {directory}/pop/$IP\nexec \"$@\"\n", 0o755)

    def _write(self, name, text, mode=0o644):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    @property
    def ca_file(self):
        return os.path.join(self.directory, "ca.pem")

    def start(self):
        self._exim = Process(self.namespace, ["exim4", "-C", os.path.join(self.directory, "exim.conf"), "-bdf", "-q1m"],
                             os.path.join(self.directory, "exim.out"))
        wait_for(lambda: listens(self.namespace, self.address, SMTP), 10.0, f"Exim listens\n{self.tail()}", every=0.05)

    def start_pop(self):
        self._dovecot = Process(self.namespace, ["dovecot", "-F", "-c", os.path.join(self.directory, "dovecot.conf")],
                                os.path.join(self.directory, "dovecot.out"))
        wait_for(lambda: listens(self.namespace, self.address, POP3), 10.0, "Dovecot listens", every=0.05)

    def end(self):
        for process in (self._exim, self._dovecot):
            if process is not None:
                process.end()
        self._exim = self._dovecot = None

    def letters(self):
        """All that were delivered, as text, in the order of their coming."""
        folder = os.path.join(self.directory, "letters", "new")
        try:
            names = sorted(os.listdir(folder), key=lambda name: os.stat(os.path.join(folder, name)).st_mtime_ns)
        except FileNotFoundError:
            return []
        texts = []
        for name in names:
            with open(os.path.join(folder, name), encoding="ascii") as file:
                texts.append(file.read())
        return texts

    def forget(self):
        """No letter has come and nobody has logged in."""
        for folder in ("letters/new", "pop"):
            shutil.rmtree(os.path.join(self.directory, folder), ignore_errors=True)
        os.makedirs(os.path.join(self.directory, "pop"), exist_ok=True)
        account = pwd.getpwnam(_EXIM_USER)
        os.chown(os.path.join(self.directory, "pop"), account.pw_uid, account.pw_gid)

    def log(self, names=("mainlog", "rejectlog", "paniclog", "dovecot")):
        """What Exim and Dovecot noted."""
        text = ""
        for name in names:
            path = os.path.join(self.directory, "log", name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text

    def tail(self):
        return (self._exim.tail() if self._exim else "") + self.log()[-2000:]


class Silent:
    """Accepts connections on a port of a namespace and says nothing, ever."""

    def __init__(self, namespace, address, port):
        self._held = []
        with inside(namespace):
            self._socket = socket.create_server((address, port), backlog=64)

    def accepted(self):
        """How many connections have come so far."""
        while select.select([self._socket], [], [], 0)[0]:
            self._held.append(self._socket.accept()[0])
        return len(self._held)

    def close(self):
        for connection in self._held:
            connection.close()
        self._socket.close()
