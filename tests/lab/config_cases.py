# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations that must be refused: with file, line and hint, and without a trace in the kernel."""

import difflib
import os
import re
import subprocess

from tests.support.network import command
from tests.support.node import config_text, rewrite


def _line_of(text, beginning):
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(beginning))


def _insert_after(text, beginning, line):
    at = _line_of(text, beginning)
    lines = text.splitlines()
    return "\n".join(lines[:at] + [line] + lines[at:]) + "\n", at + 1


def _unknown_key(text, _key):
    return _insert_after(text, "[group.mirror]", "enabeld = true")


def _wrong_type(text, _key):
    return rewrite(text, {("pair", "multiplier"): '"three"'}), _line_of(text, "multiplier")


def _outside_network(text, _key):
    return rewrite(text, {("group.0", "vips"): '["192.0.2.10"]'}), _line_of(text, "vips")


def _duplicate_vip(text, _key):
    return rewrite(text, {("group.0", "vips"): '["10.77.0.100", "10.77.0.100"]'}), _line_of(text, "vips")


def _missing_key_file(text, key):
    return rewrite(text, {("pair", "key_file"): f'"{key}.absent"'}), _line_of(text, "key_file")


def _readable_key_file(text, key):
    readable = f"{key}.readable"
    with open(key, "rb") as source, open(readable, "wb") as copy:
        copy.write(source.read())
    os.chmod(readable, 0o644)
    return rewrite(text, {("pair", "key_file"): f'"{readable}"'}), _line_of(text, "key_file")


def _unknown_interface(text, _key):
    return rewrite(text, {("group.0", "interface"): '"lan9"'}), _line_of(text, "interface")


def _not_toml(text, _key):
    return _insert_after(text, "[pair]", "interval_ms = = 5")


ROWS = {
    "unknown key": _unknown_key,
    "wrong type": _wrong_type,
    "address outside the interface's networks": _outside_network,
    "duplicate VIP": _duplicate_vip,
    "missing key file": _missing_key_file,
    "world-readable key file": _readable_key_file,
    "unknown interface": _unknown_interface,
    "not TOML": _not_toml,
}


def _kernel_state(lab, node):
    """What tandemd could have changed."""
    name = lab.network.name(node)
    state = [command("ip", "-n", name, *words) for words in
             (("-o", "addr"), ("-o", "link"), ("rule",), ("-6", "rule"), ("route", "show", "table", "all"))]
    # The lifetimes of router-less IPv6 routes do not count down; counters are not shown.
    state.append(command("ip", "netns", "exec", name, "iptables-save", check=False).split("*", 1)[-1])
    return [line for part in state for line in re.sub(r"#.*\n|\[\d+:\d+\]", "", part).splitlines()]


def refused(lab, row):
    """One row: tandemd refuses to start, `tandemctl check` agrees, nothing is changed."""
    node = lab.nodes["a"]
    key = os.path.join(lab.directory, "pair.key")
    text, line = ROWS[row](config_text("a", node.directory, key), key)
    path = os.path.join(node.directory, "bad.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    before = _kernel_state(lab, "a")
    for words in ([node.program("tandemd"), "--config", path], [node.program("tandemctl"), "check", path]):
        name = os.path.basename(words[0])
        done = subprocess.run(["ip", "netns", "exec", node.namespace, *words], text=True, capture_output=True,
                              timeout=10, check=False)
        said = done.stdout + done.stderr
        if done.returncode != 1:
            raise AssertionError(f"{name} ended with {done.returncode}, wanted 1; it said: {said[:500]}")
        if not re.search(rf"{re.escape(path)}:{line}\b.*\(.+\)", said):
            raise AssertionError(f"{name} names no {os.path.basename(path)}:{line} with a hint; "
                                 f"it said: {said[:500]}")
    after = _kernel_state(lab, "a")
    if after != before:
        changed = [line for line in difflib.unified_diff(before, after, "before", "after", "", "", 0, "")]
        raise AssertionError("the kernel's state has changed: " + " | ".join(changed))
    return "refused with file, line and hint; nothing changed", {}
