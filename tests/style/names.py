# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of events and the codes of alarms: what the sources use, and what docs/events.md lists."""

import re

DOCUMENT = "docs/events.md"
SETTINGS = "control/config/ledger_settings.hh"
_NAME = re.compile(r'"([a-z_]+(?:\.[a-z_]+)*)"')


def _arguments(text, begin):
    """The arguments of a call whose bracket has been opened, as they are written."""
    parts, part, depth, quoted, i = [], "", 1, False, begin
    while depth and i < len(text):
        c = text[i]
        if quoted and c == "\\":
            part += text[i:i + 2]
            i += 2
            continue
        if c == '"':
            quoted = not quoted
        elif not quoted and c in "([{":
            depth += 1
        elif not quoted and c in ")]}":
            depth -= 1
        if not quoted and c == "," and depth == 1:
            parts.append(part)
            part = ""
        elif depth:
            part += c
        i += 1
    return parts + [part]


def event_names(sources):
    """The literals in the place of the name of every journal entry, and of what is passed on to one."""
    names = set()
    for name, text in sources.items():
        if name.startswith("control/"):
            for call in re.finditer(r"\bjournal_?\s*(?:\.|->)\s*add\(", text):
                arguments = _arguments(text, call.end())
                if len(arguments) > 1:
                    names |= set(_NAME.findall(arguments[1]))
            # Names that a function chooses, with or without their severity.
            names |= set(re.findall(r'\{"([a-z_]+\.[a-z_]+)", Severity::', text))
            names |= set(re.findall(r'return "(action\.[a-z_]+)";', text))
        if name == "control/ha/text.cc":
            names |= set(re.findall(r'\{Event::\w+,\s*"([a-z_.]+)"', text))
        if name.startswith("control/watch/"):
            for call in re.finditer(r"\bstand\(", text):
                arguments = _arguments(text, call.end())
                if len(arguments) > 4:
                    names |= set(_NAME.findall(",".join(arguments[-2:])))
            for code in re.finditer(r"\.code = ([^,}]*)", text):
                names |= {found for found in _NAME.findall(code.group(1)) if "." in found}
    return names


def alarm_codes(sources):
    """What stands first in a condition."""
    codes = set()
    for name, text in sources.items():
        if not name.startswith("control/app/"):
            continue
        if name == "control/app/alarms.cc":
            for call in re.finditer(r"\badd\(", text):
                codes |= set(_NAME.findall(_arguments(text, call.end())[0]))
        codes |= set(re.findall(r'push_back\(\s*\{"([a-z_.]+)"', text))
        codes |= set(re.findall(r'\{\{"([a-z_]+\.[a-z_]+)", "", "",', text))
        codes |= set(re.findall(r'\bCondition\s*\w*\{\s*"([a-z_.]+)"', text))
    return codes


def listed(text, heading):
    """The names in the first column of the tables below a heading."""
    part = text.split(f"\n## {heading}\n", 1)[-1].split("\n## ", 1)[0]
    return re.findall(r"(?m)^\| `([^`]+)` \|", part)


def configured_codes(text):
    array = text.split("alarm_codes", 1)[-1].split(";", 1)[0]
    return set(_NAME.findall(array))


def differences(sources, document, settings):
    """A line for each name that one side has and the other has not."""
    sides = (("event", event_names(sources), listed(document, "Names of events")),
             ("alarm code", alarm_codes(sources), listed(document, "Alarms")))
    for kind, used, known in sides:
        for name in sorted(used - set(known)):
            yield f"{DOCUMENT}: {kind} {name} is in the sources and not in the list"
        for name in sorted(set(known) - used):
            yield f"{DOCUMENT}: {kind} {name} is in the list and not in the sources"
        for name in sorted({name for name in known if known.count(name) > 1}):
            yield f"{DOCUMENT}: {kind} {name} is listed twice"
    used = alarm_codes(sources)
    for name in sorted(used ^ configured_codes(settings)):
        yield f"{SETTINGS}: alarm code {name} is {'missing' if name in used else 'in no source'}"


def check(files, read):
    sources = {name: read(name) for name in files if name.startswith("control/") and name.endswith(".cc")}
    return differences(sources, read(DOCUMENT), read(SETTINGS))
