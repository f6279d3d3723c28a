# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/check: style and layers as tests. Each check looks at the whole tree and names every place that breaks it."""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys

from tests.build import ROOT, build_directory
from tests.style import names
from tests.style.layers import PLAIN, THIRD_PARTY, rule_for

LINES_MAX = 600
FUNCTION_LINES_MAX = 70
SPDX = "SPDX-License-Identifier: GPL-3.0-or-later"
CODE = (".cc", ".hh", ".h")
NO_SPDX = (".pem", ".bin", ".pcap", ".json", ".csv")   # data, which has no comments
# Data and what git itself reads carry no licence line.
NO_SPDX_PLACES = (".gitignore", "LICENSE", "COPYING", "tests/corpus/", "tests/scenario/transcripts/")

SHIPPED = ("control/", "dataplane/", "netlink/", "tools/")

BANNED = (
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|tmpnam|mktemp|alloca)\s*\(", CODE, "",
     "an unbounded or unchecked call"),
    (r"(?<![\w.>:])(std::)?system\s*\(|\bpopen\s*\(", CODE, SHIPPED, "a shell"),
    (r"\b(sleep|usleep|nanosleep|sleep_for|sleep_until)\s*\(", CODE, "tests/", "a blind wait in a test"),
    (r"\btime\.sleep\s*\(", (".py",), "tests/lab/", "a blind wait in a test: use wait_for"),
    (r"\b(pkill|killall)\b", (".py", ".sh"), "", "ends processes by name"),
    (r"\busing namespace std\s*;", CODE, "", "a whole namespace let in"),
    (r"\bif\s*\(\s*(is_)?test(ing|_mode)?\s*\)", CODE, "", "code that knows it is tested"),
)

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.MULTILINE)


def project_files():
    """What git tracks or would track, as paths from the root."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:  # an unpacked archive
        names = [os.path.relpath(os.path.join(folder, name), ROOT) for folder, _, found in os.walk(ROOT)
                 for name in found if "/build" not in folder and "/.git" not in folder]
    return sorted(name for name in set(names) if name and os.path.isfile(os.path.join(ROOT, name)))


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def without_comments(text):
    """Comments and string literals blanked, line numbers kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def check_licence(files):
    for name in files:
        if name.endswith(NO_SPDX) or name.startswith(NO_SPDX_PLACES):
            continue
        if SPDX not in "\n".join(read(name).splitlines()[:4]):
            yield f"{name}: no licence line ({SPDX})"


def check_length(files):
    for name in files:
        if name.endswith(CODE + (".py", ".sh", ".build")):
            lines = read(name).count("\n")
            if lines > LINES_MAX:
                yield f"{name}: {lines} lines, more than {LINES_MAX}"


def check_functions(files):
    """A body that opens and closes at the left margin; namespaces and types are none."""
    for name in files:
        if not name.endswith(".cc"):
            continue
        opened = None
        for number, line in enumerate(without_comments(read(name)).splitlines(), 1):
            if opened is None and re.match(r"[\w:~}\[\]].*\{\s*$|\{\s*$", line):
                if not re.match(r"(inline )?namespace|(class|struct|union|enum|extern|template)\b|.*=\s*\{", line):
                    opened = number
            elif line.startswith("}"):
                if opened is not None and number - opened + 1 > FUNCTION_LINES_MAX:
                    yield f"{name}:{opened}: a function of {number - opened + 1} lines"
                opened = None


def _allowed(rule, home, folder, bracket, target):
    if bracket == '"':
        target_folder = os.path.dirname(target)
        own = target_folder == "" or target_folder == folder or (target_folder + "/").startswith(home + "/")
        return own or any(target == allowed or (target + "/").startswith(allowed + "/") for allowed in rule.project)
    if target.startswith(THIRD_PARTY):
        return target.startswith(rule.third_party) if rule.third_party else False
    if not target.endswith(".h") or target in PLAIN:
        return True  # the C++ library
    return rule.system == "yes" or (isinstance(rule.system, tuple) and target in rule.system)


def check_layers(files):
    for name in files:
        if not name.endswith(CODE):
            continue
        folder = os.path.dirname(name)
        home, rule = rule_for(folder)
        if rule is None:
            yield f"{name}: its folder has no rule in tests/style/layers.py"
            continue
        text = read(name)
        for match in _INCLUDE.finditer(text):
            if not _allowed(rule, home, folder, match.group(1), match.group(2)):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{name}:{line}: {home} may not include {match.group(2)}"


def check_banned(files):
    for pattern, endings, under, why in BANNED:
        for name in files:
            if not name.endswith(endings) or not name.startswith(under) or name.startswith("tests/style/"):
                continue
            text = read(name)
            if name.endswith(CODE):
                text = without_comments(text)
            for match in re.finditer(pattern, text):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{name}:{line}: {match.group(0).strip()}: {why}"


def check_format(files):
    names = [name for name in files if name.endswith(CODE)]
    for start in range(0, len(names), 50):
        done = subprocess.run(["clang-format-14", "--dry-run", "--ferror-limit=1", *names[start:start + 50]],
                              cwd=ROOT, text=True, capture_output=True, check=False)
        for name in sorted(set(re.findall(r"^(\S+?):\d+:\d+: (?:warning|error)", done.stderr, re.MULTILINE))):
            yield f"{name}: not as clang-format-14 writes it"


def check_python(files):
    for name in files:
        if name.endswith(".py"):
            try:
                compile(read(name), name, "exec")
            except SyntaxError as error:
                yield f"{name}:{error.lineno}: {error.msg}"


def _signature(name, known):
    """A hash of a header and of every project header that it reaches."""
    reached, todo = set(), [name]
    while todo:
        now = todo.pop()
        if now in reached or now not in known:
            continue
        reached.add(now)
        for bracket, target in _INCLUDE.findall(read(now)):
            if bracket == '"':
                todo += [target, os.path.join(os.path.dirname(now), target)]
    digest = hashlib.sha256()
    for one in sorted(reached):
        digest.update(one.encode() + b"\0" + read(one).encode() + b"\0")
    return digest.hexdigest()


def _compiles_alone(name, flags):
    done = subprocess.run(["g++", "-std=c++23", "-fsyntax-only", "-D_GNU_SOURCE", '-DTANDEM_VERSION=""', "-Wall",
                           "-Wextra", "-I", ROOT, *flags, "-include", os.path.join(ROOT, name), "-x", "c++", "/dev/null"],
                          text=True, capture_output=True, check=False)
    if done.returncode == 0:
        return None
    return next((line for line in done.stderr.splitlines() if "error" in line), "does not compile alone")


def _shown_by_build(directory):
    """Headers that a source file of a finished build includes before anything else: the build has compiled them alone."""
    try:
        with open(os.path.join(directory, "compile_commands.json"), encoding="utf-8") as file:
            sources = {os.path.relpath(os.path.join(each["directory"], each["file"]), ROOT) for each in json.load(file)}
    except (FileNotFoundError, json.JSONDecodeError):
        return set()
    first = (re.match(r'(?://[^\n]*\n|\s)*#include "([^"]+)"', read(source)) for source in sources
             if os.path.exists(os.path.join(ROOT, source)))
    return {match[1] for match in first if match}


def check_headers_alone(files, directory=None):
    """Each header alone in a translation unit; what passed is remembered in the build directory by its content. After a
    build of `directory`, without those that it has shown."""
    shown = _shown_by_build(directory) if directory else set()
    headers = [name for name in files if name.endswith(".hh") and name not in shown]
    remembered = os.path.join(directory or build_directory(), "headers-alone.json")
    try:
        with open(remembered, encoding="ascii") as file:
            good = set(json.load(file))
    except (FileNotFoundError, json.JSONDecodeError):
        good = set()
    flags = subprocess.run(["pkg-config", "--cflags", "libnl-route-3.0"], text=True, capture_output=True,
                           check=False).stdout.split()
    signatures = {name: _signature(name, set(files)) for name in headers}
    todo = [name for name in headers if signatures[name] not in good]
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for name, problem in zip(todo, pool.map(lambda n: _compiles_alone(n, flags), todo)):
            if problem:
                yield f"{name}: {problem}"
            else:
                good.add(signatures[name])
    if os.path.isdir(os.path.dirname(remembered)):
        with open(remembered, "w", encoding="ascii") as file:
            json.dump(sorted(good & set(signatures.values())), file)


def check_names(files):
    return names.check(files, read)


CHECKS = (
    ("licence line", check_licence),
    ("layers", check_layers),
    ("file length", check_length),
    ("function length", check_functions),
    ("banned calls", check_banned),
    ("format", check_format),
    ("python compiles", check_python),
    ("names of events and alarms", check_names),
    ("headers compile alone", check_headers_alone),
)


def run(directory=None):
    """Runs every check; gives (passed, failed)."""
    files = project_files()
    passed = failed = 0
    for label, check in CHECKS:
        problems = list(check(files, directory) if check is check_headers_alone else check(files))
        print(f"  style/{label}: " + ("passed" if not problems else f"FAILED, {len(problems)} places"), flush=True)
        for problem in problems:
            print(f"    {problem}", flush=True)
        passed += not problems
        failed += bool(problems)
    return passed, failed


def main():
    passed, failed = run()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
