# SPDX-License-Identifier: GPL-3.0-or-later
"""From records to figures, statements and a table."""

import statistics


def quantile(values, share):
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


STATISTICS = {"median": statistics.median, "p90": lambda values: quantile(values, 90), "worst": max, "total": sum}


def figure(records, name):
    """{n, median, p90, worst, total} of one figure; None: no record has it."""
    values = [record[name] for record in records if name in record]
    if not values:
        return None
    return {"n": len(values), **{of: round(float(f(values)), 3) for of, f in STATISTICS.items()}}


def judge(cell, records):
    """What must hold, and whether it did: [{figure, of, most, is, held}]."""
    found = []
    for limit in cell.limits:
        stated = figure(records, limit.figure)
        value = stated[limit.of] if stated else None
        held = value is not None and value <= limit.most
        found.append({"figure": limit.figure, "of": limit.of, "most": limit.most, "is": value, "held": held})
        if not held and limit.figure == "outage_ms":
            # Beside it, and never taken off: how long the measuring phone itself stood still in those gaps.
            found[-1]["phone_stood_still_ms"] = [record["still_ms"] for record in records
                                                 if record[limit.figure] > limit.most and "still_ms" in record]
    return found


def summary(cell, sides):
    """{side: {figure: {n, median, p90, worst, total}}} of all numbers that the records hold."""
    found = {}
    for side in cell.sides:
        records = sides.get(side.label, {}).get("records", [])
        names = sorted({name for record in records for name, value in record.items()
                        if isinstance(value, (int, float))})
        found[side.label] = {name: figure(records, name) for name in names}
    return found


def worth_a_story(cell, record):
    """A run above one of the limits, or with more changes of roles than its fault explains."""
    return (record.get("role_changes", 0) > cell.of_one or
            any(record.get(limit.figure, 0) > limit.most for limit in cell.limits))


def exit_status(results):
    """0: everything was measured and held; 1: a cell was not measured; 3: a limit did not hold."""
    if not results or not all(result["measured"] for result in results):
        return 1
    return 0 if all(part["held"] for result in results for part in result["judged"]) else 3


_WORDS = {"outage_ms": "", "two_holders_ms": "two holders, ", "role_changes": "role changes, ", "lost": "lost, ",
          "alarm_ms": "alarm, ", "one_active_ms": "one active, ", "answers_old": "answers by the old node, ",
          "claims_old": "claims by the old node, ", "changes_after": "role changes after it, "}


def _text(value, digits=1):
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if digits and value < 1000 else f"{round(value)}"


HEAD = (f"{'':<36}{'n':>5}{'median':>9}{'p90':>9}{'worst':>9}{'lost':>8}{'changes':>9}{'two holders':>13}"
        f"{'stall':>8}")


def lines_of(cell, result):
    """The table's lines for one cell."""
    lines = [f"{cell.name}: {cell.title}"]
    for side in cell.sides:
        got = result["sides"].get(side.label, {})
        records = got.get("records", [])
        if not records:
            lines.append(f"  {side.label}: not measured: {got.get('error', 'no run')}")
        else:
            lines += _side_lines(cell, side, records)
            if side is cell.sides[0]:
                lines += _statements(result["judged"])
        if got.get("failures"):
            lines.append(f"    {len(got['failures'])} runs failed: {got['failures'][0]['error'][:300]}")
    return lines


def _common(records):
    """The columns that every side has, whatever is timed in the cell."""
    lost, changes, two, stall = (figure(records, name) for name in
                                 ("lost", "role_changes", "two_holders_ms", "stall_ms"))
    return (f"{_text(lost and lost['total'], 0):>8}{_text(changes and changes['total'], 0):>9}"
            f"{_text(two and two['worst']):>13}{_text(stall and stall['worst']):>8}")


def _side_lines(cell, side, records):
    if len(cell.shown) == 1:
        return [f"  {side.label:<34}{_numbers(figure(records, cell.shown[0][0]))}{_common(records)}"]
    lines = [f"  {side.label:<34}{len(records):>5}{'':>27}{_common(records)}"]
    return lines + [f"    {words:<32}{_numbers(figure(records, name))}" for name, words in cell.shown]


def _numbers(stated):
    if stated is None:
        return f"{'n/a':>32}"
    return "".join(f"{_text(stated[of], 0 if of == 'n' else 1):>{width}}"
                   for of, width in (("n", 5), ("median", 9), ("p90", 9), ("worst", 9)))


def _statements(judged):
    lines = []
    for part in judged:
        unit = " ms" if part["figure"].endswith("_ms") else ""
        digits = 1 if unit else 0
        lines.append(f"    limit: {_WORDS[part['figure']]}{part['of']} {part['most']:g}{unit}; is "
                     f"{_text(part['is'], digits)}{unit}: {'held' if part['held'] else 'NOT held'}")
        still = part.get("phone_stood_still_ms")
        if still:
            lines.append(f"      in {len(still)} gaps above it the phone itself stood still for up to "
                         f"{_text(max(still))} ms")
    return lines
