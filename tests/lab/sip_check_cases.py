# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks by SIP and by a synthetic account: what a server answers, over what, and how soon its end is found."""

import contextlib
import os
import shutil

from tests.lab.figures import equal
from tests.lab.told import events, found_in_time, has, wait_down, well_pair
from tests.support.network import CLIENT4
from tests.support.sip_target import Garbage, SipTarget, name_server, silent_name_server
from tests.support.wait import monotonic_ns, wait_for

PATIENCE = 20.0
INTERVAL_MS, TIMEOUT_MS = 200, 1000
# What a kernel takes to say that nobody has a port, on a machine under load.
SLACK_MS = 5
GARBAGE_PORT = 5090
PASSWORD = "s3cret"


def _check(name, uri, method="sip", more=""):
    pace = f"interval_ms = {INTERVAL_MS}\ntimeout_ms = {TIMEOUT_MS}\n" if method == "sip" else \
        "interval_ms = 2000\ntimeout_ms = 10000\nstep_timeout_ms = 1000\n"
    return (f'[[group.check]]\nname = "{name}"\nmethod = "{method}"\nuri = "{uri}"\nauto_start = false\n{pace}{more}\n')


URIS = {"udp": f"sip:{CLIENT4}", "tcp": f"sip:{CLIENT4};transport=tcp", "tls": f"sips:{CLIENT4}"}
CHECKS = ("".join(_check(name, uri, more="verify = false" if name == "tls" else "") for name, uri in URIS.items()) +
          "".join(_check(f"{name}-codes", uri, more='response_codes = "5xx, 404"\n' +
                         ("verify = false" if name == "tls" else "")) for name, uri in URIS.items()) +
          _check("strict", URIS["tls"]) +
          _check("trusting", URIS["tls"], more='ca_file = "{directory}/sip-ca.pem"') +
          _check("garbage-tls", f"sips:{CLIENT4}:{GARBAGE_PORT}", more="verify = false") +
          _check("garbage-udp", f"sip:{CLIENT4}:{GARBAGE_PORT}") +
          _check("garbage-tcp", f"sip:{CLIENT4}:{GARBAGE_PORT};transport=tcp") +
          _check("closed", f"sip:{CLIENT4}:5999") +
          _check("named", "sip:service.test", more=f'name_servers = ["{CLIENT4}"]') +
          "".join(_check(name, f"sip:probe@{CLIENT4};transport={name[8:]}", "registration",
                         "") for name in
                  ("account-udp", "account-tcp")) +
          _check("account-auth", f"sip:probe@{CLIENT4}", "registration",
                 'password_file = "{directory}/sip.password"') +
          f'[[group.check]]\nname = "beside"\naddress = "{CLIENT4}"\nprofile = "fast"\nauto_start = false\n')
LAB = {"sections": CHECKS}


def _checks(node):
    return {check["name"]: check for check in node.ctl("checks")["checks"]}


def _is(node, check, state, detail=""):
    def so():
        now = _checks(node)[check]
        return now if now["state"] == state and detail in now["detail"] else None
    try:
        return wait_for(so, PATIENCE, f"check {check} is {state}", every=0.02)
    except Exception as error:
        raise AssertionError(f"check {check} is not {state} with \"{detail}\": {_checks(node)[check]}") from error


@contextlib.contextmanager
def _running(node, *checks):
    for check in checks:
        node.ctl("checks", "start", check)
    try:
        yield
    finally:
        for check in checks:
            node.ctl("checks", "stop", check)


def silence_is_found_in_time(lab, runs):
    """The server says nothing any more, over UDP, TCP and TLS: found within the time that is told, never later."""
    well_pair(lab)
    node = lab.nodes["a"]
    took = []
    with SipTarget(lab.network.name("c"), CLIENT4) as server:
        for _ in range(runs):
            server.answer(200)
            with _running(node, *URIS):
                for name in URIS:
                    _is(node, name, "up", "answers 200 (success)")
                before = monotonic_ns()
                server.answer(0)
                silent = monotonic_ns()
                for name in URIS:
                    equal("the worst case", _checks(node)[name]["worst_case_ms"], TIMEOUT_MS)
                    took.append(found_in_time(node, name, before, silent, TIMEOUT_MS))
                server.answer(200)
                for name in URIS:
                    _is(node, name, "up")
    return f"found within {min(took):.0f} to {max(took):.0f} ms of {TIMEOUT_MS} told; {runs} runs", {"silence_ms": took}


def codes_are_judged(lab, runs):
    """503 and 404 are answers where nothing is listed, and failures at once where they are."""
    well_pair(lab)
    node = lab.nodes["a"]
    took = []
    listed = [f"{name}-codes" for name in URIS]
    with SipTarget(lab.network.name("c"), CLIENT4) as server, _running(node, *URIS, *listed):
        for _ in range(runs):
            for code, word in ((503, "server failure"), (404, "request failure")):
                server.answer(200)
                for name in (*URIS, *listed):
                    _is(node, name, "up", "200")
                before = monotonic_ns()
                server.answer(code)
                for name in listed:
                    ms = (wait_down(node, name, before)["at_ns"] - before) / 1e6
                    took.append(round(ms, 1))
                    if ms > INTERVAL_MS + 50:
                        raise AssertionError(f"{name} was found after {ms:.1f} ms; the answer says it at once")
                    _is(node, name, "down", f"answers {code} ({word}) at {CLIENT4}")
                for name in URIS:
                    _is(node, name, "up", f"answers {code}")
    return f"a listed code was found within {max(took):.0f} ms, interval {INTERVAL_MS} ms", {"codes_ms": took}


def late_and_garbage(lab, runs):
    """What comes later than the time is no answer; what is not SIP is none over UDP and bad over TCP."""
    del runs
    well_pair(lab)
    node = lab.nodes["a"]
    with SipTarget(lab.network.name("c"), CLIENT4) as server, _running(node, "udp", "tcp"):
        for name in ("udp", "tcp"):
            _is(node, name, "up")
        server.answer(1)
        for name in ("udp", "tcp"):
            _is(node, name, "down")
        server.answer(200)
        for name in ("udp", "tcp"):
            _is(node, name, "up")
    with Garbage(lab.network.name("c"), CLIENT4, GARBAGE_PORT), _running(node, "garbage-udp", "garbage-tcp",
                                                                         "garbage-tls"):
        _is(node, "garbage-udp", "down")
        _is(node, "garbage-tcp", "down", "what came is not SIP")
        words = _is(node, "garbage-tls", "down", "TLS")["detail"]
    return f"late is silence, garbage is no answer; over TLS: {words}", {}


def refused_at_once(lab, runs):
    """Nobody has the port; a certificate that nobody vouches for; a server that comes back."""
    del runs
    well_pair(lab)
    node = lab.nodes["a"]
    took = []
    with _running(node, "closed", "tcp", "udp"):
        for name, words in (("closed", "nobody has the port"), ("udp", "nobody has the port"),
                            ("tcp", "connection refused")):
            _is(node, name, "down", words)
        with SipTarget(lab.network.name("c"), CLIENT4) as server, _running(node, "tls", "strict"):
            for name in ("udp", "tcp", "tls"):
                _is(node, name, "up", "answers 200")
            _is(node, "strict", "down", "certificate is refused")
            shutil.copy(os.path.join(server.directory, "server.pem"), os.path.join(node.directory, "sip-ca.pem"))
            with _running(node, "trusting"):
                _is(node, "trusting", "up", "answers 200")
            before = monotonic_ns()
            server.kill()
            # A host sends no more than one port-unreachable a second or so: over UDP it may be silence that tells.
            for name, limit in (("tcp", INTERVAL_MS + 100), ("udp", TIMEOUT_MS + SLACK_MS)):
                took.append((wait_down(node, name, before)["at_ns"] - before) / 1e6)
                if took[-1] > limit:
                    raise AssertionError(f"{name} was found after {took[-1]:.1f} ms, at most {limit}")
    return f"a server that died was found within {max(took):.0f} ms", {"refused_ms": [round(ms, 1) for ms in took]}


def names(lab, runs):
    """NAPTR, SRV and A lead to the server; a name server that falls silent delays nobody."""
    del runs
    well_pair(lab)
    node = lab.nodes["a"]
    where = lab.network.name("c")
    records = ["naptr-record=service.test,10,10,s,SIP+D2T,,_sip._tcp.service.test",
               "srv-host=_sip._tcp.service.test,pbx.test,5060,1,10", f"host-record=pbx.test,{CLIENT4}"]
    with SipTarget(where, CLIENT4), _running(node, "beside"):
        _is(node, "beside", "up")
        with name_server(where, CLIENT4, records), _running(node, "named"):
            _is(node, "named", "up", f"at {CLIENT4}:5060 over TCP")
        before = monotonic_ns()
        with silent_name_server(where, CLIENT4):
            with _running(node, "named"):  # its records hold for 5 s at least, then they have expired
                line = _is(node, "named", "up", "expired")
                has("the detail", line["detail"], "the name server does not answer")
                start = _checks(node)["beside"]
                wait_for(lambda: _checks(node)["beside"]["asked"] >= start["asked"] + 300, PATIENCE,
                         "the other check goes on")
                now = _checks(node)["beside"]
        equal("the check beside it went down", events(node, "check.down", before), [])
        lost = (now["asked"] - start["asked"]) - (now["answers"] - start["answers"])
        if lost > 2:
            raise AssertionError(f"{lost} of the other check's questions had no answer")
    return "NAPTR, SRV and A; a silent name server: the expired entry serves, a fast check beside it lost nothing", {}


def accounts(lab, runs):
    """A synthetic account registers, calls itself and unregisters; nothing of it stays."""
    del runs
    well_pair(lab)
    node = lab.nodes["a"]
    both = ("account-udp", "account-tcp")
    with SipTarget(lab.network.name("c"), CLIENT4) as server:
        with _running(node, *both):
            for name in both:
                _is(node, name, "up")
            server.answer(0)  # and no INVITE passes
            for name in both:
                _is(node, name, "down", "calling itself failed")
            server.answer(200)
            for name in both:
                _is(node, name, "up")
        wait_for(lambda: server.registrations() == 0, PATIENCE, "no contact is left", every=0.05)
        equal("the location table", server.dump(), [])
    with SipTarget(lab.network.name("c"), CLIENT4, auth="MD5"), _running(node, "account-udp"):
        _is(node, "account-udp", "down", "registering failed: the answer is 401")
    return "registered, called, unregistered over UDP and TCP; nothing is left", {}


def accounts_with_a_password(lab, runs):
    """Kamailio asks for a digest at REGISTER and INVITE, by either algorithm; a wrong password is told."""
    del runs
    well_pair(lab)
    node = lab.nodes["a"]
    secret = os.path.join(node.directory, "sip.password")

    def write(word):
        with open(secret, "w", encoding="ascii") as file:
            file.write(word + "\n")
        os.chmod(secret, 0o600)
    for algorithm in ("MD5", "SHA-256"):
        write(PASSWORD)
        with SipTarget(lab.network.name("c"), CLIENT4, auth=algorithm) as server:
            with _running(node, "account-auth"):
                _is(node, "account-auth", "up")
                write("another")
                line = _is(node, "account-auth", "down", "registering failed")
                equal("it shows the password", PASSWORD in str(line) or "another" in str(line), False)
                write(PASSWORD)
                _is(node, "account-auth", "up")
            wait_for(lambda server=server: server.registrations() == 0, PATIENCE, "no contact is left", every=0.05)
    return "MD5 and SHA-256: registered, called, unregistered; a wrong password is told and not shown", {}


CASES = (("sip checks: silence is found in time", silence_is_found_in_time, 5),
         ("sip checks: codes are judged", codes_are_judged, 3),
         ("sip checks: late answers and garbage", late_and_garbage, 0),
         ("sip checks: refused at once", refused_at_once, 0),
         ("sip checks: names", names, 0),
         ("sip checks: accounts", accounts, 0),
         ("sip checks: accounts with a password", accounts_with_a_password, 0))
