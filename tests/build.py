# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting up and compiling a build directory."""

import json
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def build_directory(sanitize=None):
    """`build`, or `build-address-undefined` and the like; TANDEM_BUILD names another place for the first."""
    if sanitize:
        return os.path.join(ROOT, "build-" + sanitize.replace(",", "-"))
    return os.environ.get("TANDEM_BUILD", os.path.join(ROOT, "build"))


def introspect(directory, what):
    """What meson knows of a build directory's `tests` or `targets`."""
    listed = subprocess.run(["meson", "introspect", f"--{what}", directory], text=True, capture_output=True, check=True)
    return json.loads(listed.stdout)


def layer_of(test):
    """The layer that a test of meson's belongs to: its suite."""
    return next((suite.split(":")[-1] for suite in test["suite"]), "other")


def programs_for(directory, layers):
    """The files that the tests of these layers run and need, as ninja knows them."""
    files = {target["id"]: target["filename"] for target in introspect(directory, "targets")}
    needed = {file for test in introspect(directory, "tests") if layer_of(test) in layers
              for target in test["depends"] for file in files.get(target, ())}
    return sorted(os.path.relpath(file, os.path.realpath(directory)) for file in needed)


def build(directory, sanitize=None, quiet=False, layers=None):
    """Configures the directory when it is new and compiles everything, or what the tests of `layers` need. Raises
    CalledProcessError."""
    out = subprocess.DEVNULL if quiet else None
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        # Lines and functions, for a trace of the stack, but not every variable: a third of the compile time less.
        words = ["meson", "setup", directory, ROOT, "-Dcpp_args=-g1"]
        if sanitize:
            # GCC warns of what cannot be when a sanitizer is in the way of its flow analysis; the plain build has no
            # warnings at all. Not optimised, it compiles in a third of the time and runs fast enough.
            words += [f"-Db_sanitize={sanitize}", "-Db_lundef=false", "-Dwerror=false", "-Doptimization=0"]
        environment = dict(os.environ)
        if shutil.which("ccache"):
            environment.setdefault("CXX", "ccache g++")
        subprocess.run(words, check=True, stdout=out, env=environment)
    words = ["ninja", "-C", directory, f"-j{os.cpu_count()}"] + (["--quiet"] if quiet else [])
    subprocess.run(words + (programs_for(directory, layers) if layers else []), check=True)
