# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP messages for the comparison of parsers: a generated mix, and what the corpora hold.

The mix is what a registrar with calls sees: registrations with and without credentials and their answers, calls with
their bodies, keep-alive requests, subscriptions; 740 octets on average. The corpora are files of one message, the list
of messages in one file, and what the captures carry in UDP."""

import os
import pathlib
import struct

# The shares are those of phones that register every hour, call now and then, and are asked for their state.
_SHARES = (("register", 3), ("register_auth", 4), ("ok_register", 4), ("unauthorized", 2), ("invite", 4), ("trying", 2),
           ("ringing", 3), ("ok_invite", 4), ("ack", 3), ("bye", 2), ("ok_bye", 2), ("options", 3), ("subscribe", 1),
           ("notify", 1), ("message", 1))

_ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE, PRACK, UPDATE"
_AGENT = "User-Agent: Phone 5.4 build 2087"


def _sdp(user):
    lines = ("v=0", f"o=- {user} 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0",
             "m=audio 8000 RTP/AVP 0 8 9 18 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:9 G722/8000",
             "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16",
             "a=ptime:20", "a=sendrecv")
    return "".join(line + "\r\n" for line in lines)


class _Words:
    """The header fields of one phone's messages."""

    def __init__(self, number):
        self.user = 1000000 + number
        self.cseq = 1 + number % 900
        self.branch = f"z9hG4bK-524287-1---{number * 2654435761 % 2 ** 64:016x}"
        self.tag = f"{number * 40503 % 2 ** 32:08x}"
        self.call_id = f"2hB0s9Xk1QmTz7vYpLw3Rg..{self.user}@198.51.100.7"

    def message(self, start, method, *fields, body="", to_tag=True, via=";rport", between="198.51.100.20"):
        lines = [start, f"Via: SIP/2.0/UDP {between}:5060;branch={self.branch}{via}", "Max-Forwards: 70", *fields,
                 f"To: <sip:{self.user + 7}@example.net>" + (f";tag=9{self.tag}" if to_tag else ""),
                 f'From: "Alice {self.user}" <sip:{self.user}@example.net>;tag={self.tag}', f"Call-ID: {self.call_id}",
                 f"CSeq: {self.cseq} {method}"]
        if body:
            lines.append("Content-Type: " + ("application/sdp" if body.startswith("v=") else "text/plain"))
        lines += [f"Content-Length: {len(body)}", "", ""]
        return ("\r\n".join(lines) + body).encode()

    def contact(self, more=""):
        return f"Contact: <sip:{self.user}@198.51.100.7:5060;transport=UDP;rinstance={self.tag}>{more}"

    def digest(self, name="Authorization"):
        return (f'{name}: Digest username="{self.user}",realm="example.net",nonce="5f3e9c1a8b7d6e5f4a3b2c1d0e9f8a7b",'
                f'uri="sip:example.net",response="{self.tag * 4}",algorithm=MD5,cnonce="{self.tag}",nc=00000001,qop=auth')


_SEEN = ";rport=5060;received=198.51.100.7"
_ROUTE = "<sip:198.51.100.20:5060;transport=udp;lr>"


def _register(words, *more):
    return words.message("REGISTER sip:example.net SIP/2.0", "REGISTER", words.contact(";expires=3600"), "Expires: 3600",
                         *more, _ALLOW, _AGENT, "Supported: replaces, outbound, path, gruu", to_tag=False)


def _request(words, method, *more, body=""):
    return words.message(f"{method} sip:{words.user + 7}@198.51.100.9:5062;transport=UDP SIP/2.0", method, *more, _AGENT,
                         body=body, to_tag=method not in ("INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE"))


def _response(words, line, method, *more, body=""):
    return words.message(f"SIP/2.0 {line}", method, *more, "Server: Registrar 2.1", body=body, via=_SEEN,
                         to_tag=not line.startswith("100"))


_KINDS = {
    "register": _register,
    "register_auth": lambda w: _register(w, w.digest()),
    "ok_register": lambda w: _response(w, "200 OK", "REGISTER", w.contact(";expires=3600"),
                                       f"Contact: <sip:{w.user}@203.0.113.99:5060>;expires=1200;q=0.5", "Path: " + _ROUTE,
                                       "Date: Sat, 21 Nov 2026 12:00:00 GMT", _ALLOW),
    "unauthorized": lambda w: _response(w, "401 Unauthorized", "REGISTER", 'WWW-Authenticate: Digest realm="example.net",'
                                        'nonce="5f3e9c1a8b7d6e5f4a3b2c1d0e9f8a7b",algorithm=MD5,qop="auth",stale=false'),
    "invite": lambda w: _request(w, "INVITE", w.contact(), "Route: " + _ROUTE, w.digest("Proxy-Authorization"), _ALLOW,
                                 "Allow-Events: presence, kpml, talk", "Session-Expires: 1800", body=_sdp(w.user)),
    "trying": lambda w: _response(w, "100 Trying", "INVITE"),
    "ringing": lambda w: _response(w, "180 Ringing", "INVITE", w.contact(), "Record-Route: " + _ROUTE, _ALLOW,
                                   "Allow-Events: presence, kpml, talk"),
    "ok_invite": lambda w: _response(w, "200 OK", "INVITE", w.contact(), "Record-Route: " + _ROUTE, _ALLOW,
                                     "Supported: replaces, timer", "Session-Expires: 1800;refresher=uac",
                                     body=_sdp(w.user)),
    "ack": lambda w: _request(w, "ACK", w.contact(), "Route: " + _ROUTE),
    "bye": lambda w: _request(w, "BYE", "Route: " + _ROUTE, w.digest("Proxy-Authorization")),
    "ok_bye": lambda w: _response(w, "200 OK", "BYE", w.contact(), _ALLOW),
    "options": lambda w: _request(w, "OPTIONS", w.contact(), "Accept: application/sdp, application/dtmf-relay", _ALLOW),
    "subscribe": lambda w: _request(w, "SUBSCRIBE", w.contact(), "Expires: 600", "Event: message-summary",
                                    "Accept: application/simple-message-summary", w.digest(), _ALLOW),
    "notify": lambda w: _request(w, "NOTIFY", w.contact(), "Event: message-summary",
                                 "Subscription-State: active;expires=540",
                                 body="Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n"),
    "message": lambda w: _request(w, "MESSAGE", "Date: Sat, 21 Nov 2026 12:00:00 GMT", w.digest(),
                                  body="the meeting begins at nine, room 4, second floor"),
}


def mix(number=117):
    """So many messages, the kinds well stirred and the same at every call."""
    kinds = [kind for kind, share in _SHARES for _ in range(share)]
    return [_KINDS[kinds[i * 16 % len(kinds)]](_Words(i)) for i in range(number)]


def invite():
    """One call with a body, 742 octets: the message of the limit."""
    lines = ("INVITE sip:bob@203.0.113.10 SIP/2.0",
             "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-524287-1---3f2b7e6d8a1c4f90;rport", "Max-Forwards: 70",
             "Contact: <sip:alice@198.51.100.7:5060;transport=UDP>", "To: <sip:bob@203.0.113.10>",
             'From: "Alice" <sip:alice@203.0.113.10>;tag=8f3a2c71', "Call-ID: 2hB0s9Xk1QmTz7vYpLw3Rg..@198.51.100.7",
             "CSeq: 1 INVITE",
             "Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE",
             "Content-Type: application/sdp", "User-Agent: Phone 5.4", "Allow-Events: presence, kpml, talk",
             "Content-Length: 207", "", "v=0", "o=- 1 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0",
             "m=audio 8000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
             "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=sendrecv", "")
    return "\r\n".join(lines).encode()


def write_pack(path, messages):
    """The form that the parsers' programs read."""
    with open(path, "wb") as file:
        for message in messages:
            file.write(struct.pack("<I", len(message)) + message)


def _from_list(path):
    """The messages of a file that separates them by lines of `=` and a line that names each."""
    found = []
    for part in path.read_bytes().split(b"=" * 44 + b"\r\n"):
        name, blank, text = part.partition(b"\r\n\r\n")
        if blank and name.startswith(b"name ="):
            title = name.split(b'"')[1].decode(errors="replace")
            found.append((f"{path.name}:{title}", text))
    return found


def _records(octets):
    """(link type, packet) of a pcap or pcapng file in this machine's order; what is damaged ends it."""
    if octets[:4] == b"\x0a\x0d\x0d\x0a":
        links, at = [], 0
        while at + 12 <= len(octets):
            kind, length = struct.unpack_from("<II", octets, at)
            if length < 12 or at + length > len(octets):
                return
            if kind == 1:
                links.append(struct.unpack_from("<H", octets, at + 8)[0])
            elif kind == 6:
                interface, _, _, captured = struct.unpack_from("<IIII", octets, at + 8)
                yield links[interface], octets[at + 28:at + 28 + captured]
            at += length
        return
    link, at = struct.unpack_from("<I", octets, 20)[0] & 0xffff, 24
    while at + 16 <= len(octets):
        captured = struct.unpack_from("<I", octets, at + 8)[0]
        yield link, octets[at + 16:at + 16 + captured]
        at += 16 + captured


_ETHERNET, _RAW, _COOKED = 1, 101, 113


def _udp_payload(link, packet):
    """What a UDP datagram over IPv4 or IPv6 carries; empty: it is none, or a fragment."""
    if link == _ETHERNET:
        at = 14
        while packet[at - 2:at] in (b"\x81\x00", b"\x88\xa8"):
            at += 4
    else:
        at = {_RAW: 0, _COOKED: 16}.get(link, len(packet))
    if len(packet) < at + 28:
        return b""
    version = packet[at] >> 4
    if version == 4 and packet[at + 9] == 17 and not struct.unpack_from(">H", packet, at + 6)[0] & 0x3fff:
        at += (packet[at] & 15) * 4
    elif version == 6 and packet[at + 6] == 17:
        at += 40
    else:
        return b""
    if len(packet) < at + 8:
        return b""
    return packet[at + 8:at + struct.unpack_from(">H", packet, at + 4)[0]]


def _from_capture(path):
    found = []
    for number, (link, packet) in enumerate(_records(path.read_bytes()), 1):
        payload = _udp_payload(link, packet)
        if b"SIP/2.0" in payload[:2000]:
            found.append((f"{path.name}:{number}", payload))
    return found


def shared_corpora(root):
    """Where the shared corpora are; they need not be there."""
    return pathlib.Path(os.environ.get("TANDEM_CORPORA", pathlib.Path(root) / "../shared/corpora"))


def corpus(root):
    """[(name, octets)] of all messages: those of the tree, and the shared ones where they are."""
    found = [(f"own/{path.name}", path.read_bytes()) for path in sorted(pathlib.Path(root, "tests/corpus/sip").iterdir())]
    for path in sorted(shared_corpora(root).glob("sip/*/*")):
        if path.suffix in (".pcap", ".pcapng"):
            found += [(f"{path.parent.name}/{name}", octets) for name, octets in _from_capture(path)]
        elif path.parent.name == "lists":
            found += [(f"{path.parent.name}/{name}", octets) for name, octets in _from_list(path)]
        elif path.suffix in (".sip", ".dat", ".txt", ".raw"):
            found.append((f"{path.parent.name}/{path.name}", path.read_bytes()))
    return found
