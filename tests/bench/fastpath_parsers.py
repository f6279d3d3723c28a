# SPDX-License-Identifier: GPL-3.0-or-later
"""Four SIP parsers on the same messages: do they say the same, and what does it take.

Every parser is a program of its own (tests/bench/parsers) that reads a file of messages. Where tandem's parser and
another one both accept a message, all fields must be equal; the differences that are known, each with its reason, are
in KNOWN, and any other one fails the row. Kamailio's parser runs in a worker of a started Kamailio, with the allocator
that Kamailio takes by itself; what it takes with its other allocators is told beside it."""

import dataclasses
import fnmatch
import json
import os
import statistics
import subprocess
import tempfile
import urllib.parse

from tests.bench.fastpath_messages import corpus, invite, mix, write_pack

PROGRAMS = ("ours", "osip", "sofia", "kamailio")
PEERS = {"osip": "libosip2", "sofia": "sofia-sip", "kamailio": "Kamailio"}
# What Kamailio takes by itself, and the two that a configuration can name.
ALLOCATOR = "qm"
OTHER_ALLOCATORS = ("fm", "tlsf")
_CONFIG = """#!KAMAILIO
debug=-1
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_mode", 0)
request_route { sl_send_reply("200", "OK"); }
"""


@dataclasses.dataclass(frozen=True)
class Known:
    """One way in which another parser is known to differ: `same` says whether a pair of values is that way."""
    peer: str
    message: str
    field: str
    reason: str
    same: object


def _any(_ours, _theirs):
    return True


def _unescaped(ours, theirs):
    return _decoded(ours) == _decoded(theirs)


def _decoded(value):
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return urllib.parse.unquote(value) if isinstance(value, str) else value


def _sorted(ours, theirs):
    return sorted(map(str, ours)) == sorted(map(str, theirs))


KNOWN = (
    Known("osip", "*", "content_length", "it takes the length of the body for a field that is not there",
          lambda ours, theirs: ours is None and theirs is not None),
    Known("osip", "*", "uri", "it reads escapes and writes its own", _unescaped),
    Known("osip", "*", "contacts", "it reads escapes and writes its own", _unescaped),
    Known("sofia", "*", "uri", "it writes escapes its own way", _unescaped),
    Known("osip", "*/wiki-metasploit-sip-invite-spoof.pcap:*", "uri", "it leaves out an at sign without a user before it",
          lambda ours, theirs: ours.replace("@", "") == theirs),
    Known("osip", "sofia-tests/own6.txt", "record_routes", "it leaves out a blank inside a URI",
          lambda ours, theirs: [uri.replace(" ", "") for uri in ours] == theirs),
    Known("sofia", "own/subscribe-several-vias-one-field.sip", "expires", "a number beyond 32 bits: it keeps what is left "
          "of it; RFC 3261 section 20.19 says 2^32-1", lambda ours, theirs: ours == 0xffffffff and theirs is not None),
    Known("sofia", "sofia-tests/test4.txt", "expires", "a date of RFC 2543: it counts the time left, none", _any),
    Known("sofia", "sofia-tests/test30.txt", "expires", "a date of RFC 2543: it counts the time left, none", _any),
    Known("kamailio", "own/*", "expires", "a number beyond 32 bits: it refuses the field",
          lambda ours, theirs: ours == 0xffffffff and theirs is None),
    Known("kamailio", "own/register-two-contacts-one-field.sip", "contacts", "it sorts contacts by their q", _sorted),
)


def compare(peer, names, ours, theirs):
    """How one peer's fields compare: {same, known, different, only_ours, only_theirs, neither}."""
    found = {"same": 0, "known": [], "different": [], "only_ours": [], "only_theirs": [], "neither": 0}
    for name, mine, other in zip(names, ours, theirs, strict=True):
        if mine is None or other is None:
            if mine is other:
                found["neither"] += 1
            else:
                found["only_theirs" if mine is None else "only_ours"].append(name)
            continue
        fields = [field for field in mine if mine[field] != other[field]]
        reasons = {field: _reason(peer, name, field, mine[field], other[field]) for field in fields}
        if not fields:
            found["same"] += 1
        elif all(reasons.values()):
            found["known"].append({"message": name, "fields": reasons})
        else:
            found["different"].append({"message": name, "fields": {field: [mine[field], other[field]] for field in fields
                                                                   if not reasons[field]}})
    return found


def _reason(peer, name, field, ours, theirs):
    for known in KNOWN:
        if known.peer == peer and known.field == field and fnmatch.fnmatch(name, known.message) and \
                known.same(ours, theirs):
            return known.reason
    return None


class Parsers:
    """The programs of a build directory."""

    def __init__(self, build, directory):
        self.programs = os.path.join(build, "tests/bench/parsers")
        self.directory = directory
        self.config = os.path.join(directory, "kamailio.cfg")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(_CONFIG)

    def run(self, program, *words, allocator=ALLOCATOR):
        """The lines that a program prints."""
        if program == "kamailio":
            return self._kamailio(words, allocator)
        path = os.path.join(self.programs, "parser_" + program)
        if not os.path.exists(path):
            raise RuntimeError(f"{path} is not built: is its library installed?")
        done = subprocess.run([path, *map(str, words)], text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{path}: {done.stderr.strip() or done.returncode}")
        return done.stdout.splitlines()

    def _kamailio(self, words, allocator):
        """Kamailio in a network of its own, with our object preloaded; its own words are not wanted."""
        answers = os.path.join(self.directory, "answers")
        start = (f"ip link set lo up; exec env LD_PRELOAD={self.programs}/libparser_kamailio.so kamailio -DD -E "
                 f"-X {allocator} -m 32 -M 8 -Y {self.directory} -f {self.config}")
        subprocess.run(["unshare", "-n", "sh", "-c", start], check=False, timeout=60, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "TANDEM_PARSER": " ".join(map(str, words)), "TANDEM_PARSER_ANSWERS": answers})
        try:
            with open(answers, encoding="utf-8") as file:
                lines = file.read().splitlines()
            os.remove(answers)
        except OSError:
            raise RuntimeError("kamailio (5.6.3 is what is known) did not run with the object preloaded") from None
        return lines


def _fields(parsers, messages):
    """{peer: comparison} over named messages."""
    pack = os.path.join(parsers.directory, "corpus")
    write_pack(pack, [octets for _, octets in messages])
    said = {program: [json.loads(line) for line in parsers.run(program, "fields", pack)] for program in PROGRAMS}
    names = [name for name, _ in messages]
    return {peer: compare(peer, names, said["ours"], said[peer]) for peer in PEERS}


def _times(parsers, name, messages, runs, seconds):
    """{program: [record]}; the programs take turns. Kamailio's other allocators have the same turns."""
    pack = os.path.join(parsers.directory, name)
    write_pack(pack, messages)
    got = {}
    for _ in range(runs):
        for program in PROGRAMS:
            for allocator in (ALLOCATOR, *OTHER_ALLOCATORS) if program == "kamailio" else (ALLOCATOR,):
                label = program if allocator == ALLOCATOR else f"{program}, {allocator}"
                record = json.loads(parsers.run(program, "time", pack, seconds, allocator=allocator)[0])
                if record["accepted"] != record["messages"]:
                    raise RuntimeError(f"{label} refuses {record['messages'] - record['accepted']} of its messages")
                got.setdefault(label, []).append(record)
    return got


def measure(root, build, runs, seconds):
    """{"fields": {peer: comparison}, "times": {"invite" | "mix": {program: {ns, ticks, runs}}}, "messages": N}."""
    with tempfile.TemporaryDirectory(prefix="tdbench") as directory:
        parsers = Parsers(build, directory)
        messages = corpus(root)
        result = {"messages": len(messages), "fields": _fields(parsers, messages), "times": {}}
        for name, chosen in (("invite", [invite()]), ("mix", mix())):
            times = _times(parsers, name, chosen, runs, seconds)
            result["times"][name] = {
                label: {"ns": statistics.median(record["ns"] for record in records),
                        "ticks": statistics.median(record["ticks"] for record in records),
                        "with": records[0]["with"], "runs": [record["ns"] for record in records]}
                for label, records in times.items()}
        return result
