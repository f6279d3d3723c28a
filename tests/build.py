# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting up and compiling a build directory."""

import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def build_directory(sanitize=None):
    """`build`, or `build-address-undefined` and the like; TANDEM_BUILD names another place for the first."""
    if sanitize:
        return os.path.join(ROOT, "build-" + sanitize.replace(",", "-"))
    return os.environ.get("TANDEM_BUILD", os.path.join(ROOT, "build"))


def build(directory, sanitize=None, quiet=False):
    """Configures the directory when it is new and compiles everything. Raises CalledProcessError."""
    out = subprocess.DEVNULL if quiet else None
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        words = ["meson", "setup", directory, ROOT]
        if sanitize:
            # GCC warns of what cannot be when a sanitizer is in the way of its flow analysis; the plain build has no
            # warnings at all. Optimised less, it compiles sooner and runs fast enough.
            words += [f"-Db_sanitize={sanitize}", "-Db_lundef=false", "-Dwerror=false", "-Doptimization=1"]
        environment = dict(os.environ)
        if shutil.which("ccache"):
            environment.setdefault("CXX", "ccache g++")
        subprocess.run(words, check=True, stdout=out, env=environment)
    subprocess.run(["ninja", "-C", directory, f"-j{os.cpu_count()}"] + (["--quiet"] if quiet else []), check=True)
