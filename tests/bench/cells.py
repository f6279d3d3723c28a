# SPDX-License-Identifier: GPL-3.0-or-later
"""What `tools/bench failover` measures: the faults, who suffers them side by side, and what must hold for tandem."""

import dataclasses
from typing import Callable

from tests.bench import faults
from tests.support.keepalived import KeepalivedLab
from tests.support.lab import Lab

# A restarted server counts as well sooner than by default, so that the runs follow each other; a death counts at once.
WATCH_SERVER = {"process": '"{directory}/kamailio/kamailio.pid"', "listener": "true", "rise_ms": "500"}


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the labs that a cell compares. `run` gives records."""
    label: str
    make: Callable[[str], Lab]
    run: Callable[[Lab], list] | None = None
    runs: int = 0  # instead of those of the cell
    brief: bool = False  # let alone under load for a part of the time only


@dataclasses.dataclass(frozen=True)
class Limit:
    """`figure`: of the records; `of`: median, p90, worst (of the runs) or total."""
    figure: str
    of: str
    most: float


@dataclasses.dataclass(frozen=True)
class Cell:
    """`of_one`: how many takers of the VIP a run has; a run with more is kept with its story."""
    name: str
    title: str
    sides: tuple[Side, ...]
    limits: tuple[Limit, ...]
    shown: tuple[tuple[str, str], ...] = (("outage_ms", "outage"),)  # figure, words
    together: bool = False  # the sides' runs at the same time, where waiting is most of a run
    of_one: int = 1
    runs: int = 0  # instead of those of the command line
    load: dict | None = None  # a cell that lets the pairs alone for some minutes under this load
    share: float = 1.0  # of the command line's minutes


def tandem(run=None, interval_ms=5, multiplier=3, **settings):
    return Side(f"tandem {interval_ms} ms x {multiplier}",
                lambda build: Lab(build, interval_ms=interval_ms, multiplier=multiplier, **settings), run)


def keepalived(run=None, words="", runs=0, brief=False, **settings):
    return Side("keepalived 10 ms" + words, lambda build: KeepalivedLab(build, **settings), run, runs=runs, brief=brief)


def _alone(name, title, load, share=1.0):
    return Cell(name, title,
                (tandem(), keepalived(brief=True), keepalived(words=", real-time", brief=True, realtime=True)),
                (Limit("role_changes", "total", 0),), shown=(), of_one=0, load=load,
                share=share)


CELLS = (
    Cell("crash", "node crash", (tandem(faults.node_crash), keepalived(faults.node_crash)),
         (Limit("outage_ms", "median", 16), Limit("outage_ms", "p90", 20))),
    Cell("crash-1ms", "node crash, tandem at 1 ms x 4",
         (tandem(faults.node_crash, 1, 4), keepalived(faults.node_crash)),
         (Limit("outage_ms", "median", 6), Limit("outage_ms", "p90", 10))),
    Cell("brain", "deciding process killed", (tandem(faults.brain), keepalived(faults.brain_keepalived)),
         (Limit("outage_ms", "median", 5), Limit("two_holders_ms", "worst", 10))),
    Cell("daemon", "all of the daemon's processes killed at once",
         (tandem(faults.daemon_tandem), keepalived(faults.daemon_keepalived)), ()),
    Cell("carrier", "carrier lost at the active's outside port", (tandem(faults.carrier), keepalived(faults.carrier)),
         (Limit("outage_ms", "median", 5),)),
    Cell("server", "SIP server killed; from the SIGKILL to the first answer by the other node",
         (tandem(faults.server_tandem, watch=WATCH_SERVER),
          # Its process monitor needs the kernel's process connector, which a network namespace does not have.
          keepalived(faults.server, ", script every 1 s", script=True)),
         (Limit("outage_ms", "median", 15),),
         shown=(("outage_ms", "first answer by the other"), ("gap_ms", "outage seen by the client"))),
    Cell("planned", "planned switchover, both ways",
         (tandem(lambda lab: faults.planned_tandem(lab, 4)),
          keepalived(lambda lab: faults.planned_keepalived(lab, 4), ", preempts", preempt=True)),
         (Limit("lost", "total", 0),)),
    Cell("planned-1000", "planned switchover, both ways, 1,000 in a row",
         (tandem(lambda lab: faults.planned_tandem(lab, 50)),
          keepalived(lambda lab: faults.planned_keepalived(lab, 20), ", preempts", runs=20, preempt=True)),
         (Limit("lost", "total", 0),), runs=1000),
    Cell("ha-cut", "HA link cut, data LAN alive",
         (tandem(faults.path_cut_tandem),
          keepalived(faults.path_cut_keepalived, ", over the HA link", over="ha0")),
         (Limit("role_changes", "total", 0), Limit("alarm_ms", "worst", 1000)),
         shown=(("alarm_ms", "alarm after"), ("outage_ms", "longest gap")), together=True, of_one=0),
    Cell("partition-old", "full partition healed; client with the old active",
         (tandem(faults.partition_old), keepalived(faults.partition_old)),
         (Limit("outage_ms", "worst", 20), Limit("one_active_ms", "worst", 10), Limit("changes_after", "total", 0)),
         shown=(("outage_ms", "gap from the heal on"), ("still_ms", "the phone stood still in it"),
                ("gap_lost", "requests lost in it"), ("one_active_ms", "one active after"))),
    Cell("partition-new", "full partition healed; client with the new active",
         (tandem(faults.partition_new), keepalived(faults.partition_new)),
         (Limit("outage_ms", "worst", 20), Limit("one_active_ms", "worst", 10), Limit("changes_after", "total", 0)),
         shown=(("outage_ms", "gap from the heal on"), ("still_ms", "the phone stood still in it"),
                ("gap_lost", "requests lost in it"), ("one_active_ms", "one active after"))),
    # Both sides at the same time: two counters and two long waits.
    Cell("pause", "active's processes frozen for 5 s, then continued", (tandem(faults.pause), keepalived(faults.pause)),
         (Limit("answers_old", "total", 0), Limit("claims_old", "total", 0), Limit("changes_after", "total", 0)),
         shown=(("outage_ms", "outage when frozen"), ("gap_ms", "gap from the resume on"),
                ("still_ms", "the phone stood still in it"),
                ("answers_old", "answers by the old node"), ("claims_old", "ARP, ND claims by the old node"),
                ("two_after_ms", "two holders after it")), together=True),
    _alone("saturation", "both cores saturated by two busy loops", {"busy": 2}),
    _alone("saturation-stress", "4 busy loops, 4 memory and 4 disk loops", {"busy": 4, "memory": 4, "disk": 4},
           share=0.2),
)
# What must hold, each once: about 45 minutes.
MUST = tuple(cell.name for cell in CELLS if cell.name not in ("planned", "daemon"))
# Without names: the others, which take minutes.
LONG = ("planned-1000", "saturation", "saturation-stress")
