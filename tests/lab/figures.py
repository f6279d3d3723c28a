# SPDX-License-Identifier: GPL-3.0-or-later
"""From measurements to a verdict: medians, and the words in which a case reports them."""

import statistics


class TooLate(AssertionError):
    """A time on the monotonic clock that was missed: by how much, and in which span. A machine that could not be had for
    that long in that span has missed it, not what was measured."""

    def __init__(self, text, since_ns, until_ns, by_ms):
        super().__init__(text)
        self.since_ns, self.until_ns, self.by_ms = since_ns, until_ns, by_ms


def spread(values):
    """{median, worst, runs} of some milliseconds."""
    return {"median_ms": round(statistics.median(values), 3), "worst_ms": round(max(values), 3),
            "runs_ms": [round(value, 3) for value in values]}


def words(label, values):
    return f"{label}: median {statistics.median(values):.1f} ms, worst {max(values):.1f} ms, {len(values)} runs"


def at_most(label, value, limit, unit="ms"):
    """A requirement: the value may not exceed the limit."""
    if value > limit:
        raise AssertionError(f"{label}: {value:.3f} {unit}, allowed {limit} {unit}")


def equal(label, value, wanted):
    if value != wanted:
        raise AssertionError(f"{label}: {value}, wanted {wanted}")
