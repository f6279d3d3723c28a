# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for conditions. A test never sleeps for a guess: it asks until the answer is yes or the deadline is over."""

import time


class Late(AssertionError):
    """A condition that did not come true before its deadline."""


def wait_for(condition, deadline, what, every=0.005):
    """Asks `condition` until it gives something true, and gives that. After `deadline` seconds: Late(what)."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= end:
            raise Late(f"not within {deadline} s: {what}")
        time.sleep(every)


def holds_for(condition, duration, what, every=0.02):
    """The other way round: the condition must stay true for `duration` seconds."""
    end = time.monotonic() + duration
    while time.monotonic() < end:
        if not condition():
            raise AssertionError(f"no longer true: {what}")
        time.sleep(every)


def monotonic_ns():
    """CLOCK_MONOTONIC, the clock of every time in the lab."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
