# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of tools/bench fastpath: what each must reach, and how its figure is judged. Pure arithmetic."""

import dataclasses
import statistics

# On a machine where Kamailio's parser needs so many ns, a message is extracted in so many.
KAMAILIO_NS, EXTRACT_NS = 2500, 180
TIMES_FASTER = 12
FLAT = 2
MIB_MAX = 1024
COUNTS = (10_000, 100_000, 1_000_000)
NFQUEUE_SHARE = 0.8
RTP_SHARE = 0.6
# The limits of the port rows are of a machine on which testpmd's macswap reaches so many million packets a second.
TESTPMD_MPPS = 123
IDLE_CORE, IDLE_US = 0.03, 100


@dataclasses.dataclass
class Row:
    """One line of the table. `held` None: only told. `limit`: in words, with its unit."""
    name: str
    title: str
    figure: float | None = None
    unit: str = ""
    limit: str = "-"
    held: bool | None = None
    peer: str = "-"
    peer_figure: float | None = None
    cycles: float | None = None
    ns: float | None = None
    runs: list = dataclasses.field(default_factory=list)
    note: str = ""
    error: str = ""
    data: dict = dataclasses.field(default_factory=dict)

    @property
    def ratio(self):
        """This side's figure to the peer's."""
        return self.figure / self.peer_figure if self.figure is not None and self.peer_figure else None


@dataclasses.dataclass(frozen=True)
class PortRow:
    """A row of the DPDK program."""
    name: str
    title: str
    least: float | None  # million packets a second
    prototype: float | None = None
    ordinary: bool = False  # also without hugepages, which has no limit


PORT_ROWS = (
    PortRow("match", "look, match, verdict; 1 in 8 mirrored, clear", 35, 57, True),
    PortRow("copy", "the same, every packet copied to the mirror", 14, 18.7, True),
    PortRow("track", "the same, every message extracted and tracked", 5, 6.4, True),
    PortRow("match-l3", "match, 65,536 buffers in turn", 13, 19.7),
    PortRow("copy-l3", "copy, likewise", 4, 5.6),
    PortRow("track-l3", "track, likewise", 2.5, 3.2),
    PortRow("seal", "the same as match, every packet sealed", 2.5, None),
    PortRow("rtp", "RTP forwarded, 172 octets", None),
)


def port_row(row, record, testpmd=None, pages="hugepages"):
    """A row from the program's record; `testpmd`: the runs of testpmd's macswap with packets of that length."""
    made = Row(row.name, row.title, record["mpps"], "Mpps", cycles=record["cycles"], ns=record["ns"],
               runs=record["runs"], data=record)
    made.note = f"{record['pool']} buffers, {pages}, {record['octets']:.0f} octets"
    if record.get("calm", 1.0) < 0.95:
        made.note += f", {record['calm']:.0%} of the slices undisturbed"
    if row.prototype:
        made.note += f"; the prototype: {row.prototype}"
    if testpmd:
        made.peer, made.peer_figure = "testpmd macswap", statistics.median(testpmd)
    if pages != "hugepages":
        made.name += "-nohuge"
        return made
    least = row.least
    if row.name == "rtp":
        least = RTP_SHARE * made.peer_figure if made.peer_figure else None
        made.limit = f">= {RTP_SHARE:.0%} of testpmd"
    elif least is not None:
        made.limit = f">= {least:g} Mpps"
        if made.peer_figure:
            made.note += f"; {made.figure * TESTPMD_MPPS / made.peer_figure:.3g} where testpmd reaches {TESTPMD_MPPS}"
    made.held = least is not None and made.figure >= least and bool(record.get("right", True))
    if not record.get("right", True):
        made.error = "its packets were not what they must be"
    return made


def extract_rows(result):
    """The limit's message and the mix, each against the fastest peer and against Kamailio."""
    different = {peer: found["different"] for peer, found in result["fields"].items() if found["different"]}
    rows = []
    for name, title in (("invite", "742 octets, a call"), ("mix", "the mix, 730 octets on average")):
        times = result["times"][name]
        ours = times["ours"]
        # Kamailio with whichever of its allocators is the fastest for it.
        peers = {label: each["ns"] for label, each in times.items() if label != "ours"}
        fastest = min(peers, key=peers.get)
        kamailio = min(ns for label, ns in peers.items() if label.startswith("kamailio"))
        scaled = EXTRACT_NS * kamailio / KAMAILIO_NS
        row = Row(f"extract-{name}", f"all header fields, {title}", ours["ns"], "ns", peer=fastest,
                  peer_figure=peers[fastest], cycles=ours["ticks"], ns=ours["ns"], runs=ours["runs"])
        row.limit = f"<= 1/{TIMES_FASTER} and {scaled:.0f} ns"
        row.held = (ours["ns"] <= peers[fastest] / TIMES_FASTER and ours["ns"] <= scaled and not different)
        row.note = "; ".join(f"{label} {ns:.0f} ns = 1/{ns / ours['ns']:.1f}" for label, ns in sorted(peers.items()))
        rows.append(row)
    rows.append(_fields_row(result, different))
    return rows


def _fields_row(result, different):
    total = sum(len(found["different"]) for found in result["fields"].values())
    row = Row("extract-fields", f"fields equal over {result['messages']} messages", total, "differ", "= 0", not different)
    row.note = "; ".join(f"{peer}: {found['same']} equal, {len(found['known'])} differ as known, "
                         f"{len(found['only_ours'])} it refuses, {len(found['only_theirs'])} tandem refuses"
                         for peer, found in result["fields"].items())
    row.data = result["fields"]
    if different:
        first = next(iter(different.values()))[0]
        row.error = f"{next(iter(different))}: {first['message']}: {first['fields']}"
    # Nothing compared is nothing shown.
    if any(found["same"] == 0 for found in result["fields"].values()):
        row.held, row.error = False, "no message was compared"
    return row


def registration_rows(records):
    """`records`: {count: [record]} of the program's runs."""
    middle = {count: {figure: statistics.median(record[figure] for record in runs)
                      for figure in ("insert_ns", "look_up_ns", "refresh_ns", "read_ns", "memory_mib", "ticks_per_ns")}
              for count, runs in records.items()}
    least, most = middle[min(middle)], middle[max(middle)]
    whole = all(record["tracked"] == count and record["refreshed"] == count and record["evicted"] == 0
                for count, runs in records.items() for record in runs)
    rows = [Row("registrations-memory", f"{max(middle):,} registrations", most["memory_mib"], "MiB", f"<= {MIB_MAX} MiB",
                most["memory_mib"] <= MIB_MAX and whole, runs=[record["memory_mib"] for record in records[max(middle)]])]
    for figure, what in (("insert_ns", "insert"), ("look_up_ns", "look-up"), ("refresh_ns", "refresh")):
        # What a REGISTER costs: to be read, and to be put where it belongs.
        small, large = least[figure] + least["read_ns"], most[figure] + most["read_ns"]
        row = Row(f"registrations-{what}", f"{what} with reading, {min(middle):,} to {max(middle):,}", large, "ns",
                  f"<= {FLAT} times", large <= FLAT * small and whole, f"of {min(middle):,}", small,
                  large * most["ticks_per_ns"], large,
                  [record[figure] + record["read_ns"] for record in records[max(middle)]])
        row.note = "the table alone: " + ", ".join(f"{each[figure]:.0f}" for _, each in sorted(middle.items())) + " ns"
        if what == "refresh":
            row.limit, row.held = "-", None
        rows.append(row)
    return rows


def nfqueue_rows(got):
    """`got`: {side: [record]}; the share of the plain program's packets for a second of its time."""
    middle = {side: statistics.median(record["pps_of_core"] for record in runs) for side, runs in got.items()}
    wall = {side: statistics.median(record["pps"] for record in runs) for side, runs in got.items()}
    rows = []
    for side, limit in (("tandem-fast", True), ("tandem-fast, mirroring", False)):
        row = Row("nfqueue" if limit else "nfqueue-mirroring", "packets for a second of the core's time", middle[side] / 1e6,
                  "Mpps", peer="bare", peer_figure=middle["bare"] / 1e6, ns=1e9 / middle[side],
                  runs=[record["pps_of_core"] / 1e6 for record in got[side]])
        if limit:
            row.limit = f">= {NFQUEUE_SHARE:.0%} of bare"
            row.held = middle[side] >= NFQUEUE_SHARE * middle["bare"]
        row.note = (f"{middle[side] / middle['bare, batched']:.0%} of a bare one that answers in batches; by the clock "
                    f"{wall[side] / 1e6:.3f}, bare {wall['bare'] / 1e6:.3f} Mpps")
        rows.append(row)
    return rows


def idle_row(record):
    """`record`: {core: share of a core, added_us: 99th percentile of the added latency, peer_us}."""
    held = record["core"] <= IDLE_CORE and record["added_us"] <= IDLE_US
    return Row("idle", "an idle node that sleeps", 100 * record["core"], "% core", f"<= {IDLE_CORE:.0%}, {IDLE_US} us", held,
               note=f"added latency {record['added_us']:.0f} us", data=record, runs=record.get("runs", []))


HEAD = (f"{'row':<24}{'figure':>9} {'':<7}{'limit':<24}{'holds':<7}{'peer':<24}{'its':>9}{'ratio':>8}{'cycles':>9}{'ns':>9}")


def _number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"


def line_of(row):
    """The row's lines in the table."""
    if row.error and row.figure is None:
        return f"{row.name:<24}not measured: {row.error}"
    holds = {True: "yes", False: "NO", None: "-"}[row.held]
    text = (f"{row.name:<24}{_number(row.figure):>9} {row.unit:<7}{row.limit:<24}{holds:<7}{row.peer:<24}"
            f"{_number(row.peer_figure):>9}{_number(row.ratio):>8}{_number(row.cycles):>9}{_number(row.ns):>9}")
    return text + "".join(f"\n    {words}" for words in (row.title, row.note, row.error) if words)


def verdict(rows):
    """(the last line, the exit status): 0 all hold, 1 something was not measured, 3 something does not hold."""
    missed = [row.name for row in rows if row.figure is None]
    broken = [row.name for row in rows if row.figure is not None and row.held is False]
    if not missed and not broken and rows:
        return "all hold", 0
    words = ["not measured: " + ", ".join(missed)] if missed or not rows else []
    if broken:
        words.append("does not hold: " + ", ".join(broken))
    return "; ".join(words), 1 if missed or not rows else 3
