# SPDX-License-Identifier: GPL-3.0-or-later
"""The row of an idle appliance: what it costs, and what its sleep adds to a packet's way."""

import json
import os
import statistics
import subprocess


def measure(build, runs):
    """The medians of so many runs: the part of a core, and microseconds added beside a worker that never sleeps."""
    program = os.path.join(build, "tests", "bench", "idle", "appliance_idle")
    done = subprocess.run([program], env={**os.environ, "RUNS": str(runs)}, capture_output=True, text=True,
                          timeout=60 * runs, check=False)
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or len(records) != runs:
        raise RuntimeError(f"appliance_idle: {(done.stdout + done.stderr)[-500:]}")
    added = [record["sleeping_us"] - record["polling_us"] for record in records]
    return {"core": statistics.median(record["core"] for record in records),
            "added_us": statistics.median(added), "runs": records}
