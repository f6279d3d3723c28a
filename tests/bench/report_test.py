# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's arithmetic, without a lab: records to figures, limits, table, exit status. `N passed, N failed`."""

import json
import os
import sys
import tempfile
import types
import unittest

from tests.bench import failover
from tests.bench.cells import CELLS, LONG, Cell, Limit, Side
from tests.bench.faults import _still_ms
from tests.bench.report import HEAD, exit_status, figure, judge, lines_of, quantile, summary, worth_a_story
from tests.support.phone import Outage

OURS, THEIRS = Side("ours", make=None), Side("theirs", make=None)


def cell(*limits, **more):
    return Cell("x", "a fault", (OURS, THEIRS), limits, **more)


def records(*outages, **more):
    return [{"outage_ms": outage, "lost": 1, "role_changes": 1, "two_holders_ms": 0.0, "stall_ms": 0.5, **more}
            for outage in outages]


def result(of, ours, theirs=(), measured=True):
    sides = {"ours": {"records": list(ours), "failures": [], "stories": []},
             "theirs": {"records": list(theirs), "failures": [], "stories": []}}
    return {"sides": sides, "judged": judge(of, list(ours)), "summary": summary(of, sides), "measured": measured}


class Figures(unittest.TestCase):
    def test_quantile_is_a_value_that_was_measured(self):
        self.assertEqual(quantile(range(1, 21), 90), 18)
        self.assertEqual(quantile([7], 90), 7)
        self.assertEqual(quantile([3, 1, 2], 100), 3)

    def test_figure(self):
        self.assertEqual(figure(records(4.0, 1.0, 2.0, 9.0), "outage_ms"),
                         {"n": 4, "median": 3.0, "p90": 9.0, "worst": 9.0, "total": 16.0})

    def test_records_without_the_figure_do_not_count(self):
        self.assertEqual(figure([{"a": 1}, {"b": 2}], "a")["n"], 1)
        self.assertIsNone(figure([{"b": 2}], "a"))
        self.assertIsNone(figure([], "a"))

    def test_summary_holds_every_number_of_every_side(self):
        of = cell()
        found = result(of, records(1.0, claims_were={"ARP reply": 1}), records(2.0))["summary"]
        self.assertEqual(found["theirs"]["outage_ms"]["median"], 2.0)
        self.assertNotIn("claims_were", found["ours"])


class Limits(unittest.TestCase):
    def test_at_the_limit_it_held_above_it_did_not(self):
        of = cell(Limit("outage_ms", "median", 6), Limit("outage_ms", "p90", 10))
        self.assertEqual([part["held"] for part in judge(of, records(5.0, 6.0, 10.0))], [True, True])
        self.assertEqual([part["held"] for part in judge(of, records(6.001, 6.001, 10.001))], [False, False])

    def test_each_kind_of_limit_can_be_broken(self):
        for kind, values in (("median", (1, 9, 9)), ("p90", (1, 1, 9)), ("worst", (1, 1, 9)), ("total", (2, 2, 2))):
            with self.subTest(kind):
                self.assertFalse(judge(cell(Limit("outage_ms", kind, 5)), records(*values))[0]["held"])
                self.assertTrue(judge(cell(Limit("outage_ms", kind, 9)), records(*values))[0]["held"])

    def test_what_was_not_measured_did_not_hold(self):
        self.assertFalse(judge(cell(Limit("claims_old", "total", 0)), records(1.0))[0]["held"])
        self.assertFalse(judge(cell(Limit("outage_ms", "median", 5)), [])[0]["held"])

    def test_the_phones_own_stall_is_told_beside_and_not_taken_off(self):
        ours = records(5.0) + records(21.5, still_ms=20.0)
        part = judge(cell(Limit("outage_ms", "worst", 20)), ours)[0]
        self.assertEqual((part["is"], part["held"], part["phone_stood_still_ms"]), (21.5, False, [20.0]))
        self.assertNotIn("phone_stood_still_ms", judge(cell(Limit("outage_ms", "worst", 22)), ours)[0])

    def test_a_story_is_kept_of_a_run_that_is_strange(self):
        of = cell(Limit("outage_ms", "median", 6))
        self.assertFalse(worth_a_story(of, records(6.0)[0]))
        self.assertTrue(worth_a_story(of, records(6.1)[0]))
        self.assertTrue(worth_a_story(of, records(1.0, role_changes=2)[0]))
        self.assertTrue(worth_a_story(cell(of_one=0), records(1.0)[0]))


class Status(unittest.TestCase):
    of = cell(Limit("outage_ms", "median", 6))

    def test_all_held(self):
        self.assertEqual(exit_status([result(self.of, records(5.0)), result(cell(), records(99.0))]), 0)

    def test_a_broken_limit(self):
        self.assertEqual(exit_status([result(self.of, records(5.0)), result(self.of, records(7.0))]), 3)

    def test_nothing_measured_outweighs_a_broken_limit(self):
        self.assertEqual(exit_status([result(self.of, records(7.0)), result(self.of, [], measured=False)]), 1)
        self.assertEqual(exit_status([]), 1)


class Table(unittest.TestCase):
    of = cell(Limit("outage_ms", "median", 6), Limit("lost", "total", 0))

    def test_figures_and_statements(self):
        lines = lines_of(self.of, result(self.of, records(5.0, 6.0, 7.0), records(30.0)))
        self.assertEqual(lines[0], "x: a fault")
        self.assertEqual(lines[1].split(), ["ours", "3", "6.0", "7.0", "7.0", "3", "3", "0.0", "0.5"])
        self.assertEqual(len(lines[1]), len(HEAD))
        self.assertEqual(lines[2].strip(), "limit: median 6 ms; is 6.0 ms: held")
        self.assertEqual(lines[3].strip(), "limit: lost, total 0; is 3: NOT held")
        self.assertEqual(lines[4].split()[:3], ["theirs", "1", "30.0"])

    def test_a_side_that_failed_is_told_of(self):
        of = result(self.of, records(5.0), measured=False)
        of["sides"]["theirs"].update(error="no pair", failures=[{"error": "no pair", "story": {}}] * 4)
        text = "\n".join(lines_of(self.of, of))
        self.assertIn("theirs: not measured: no pair", text)
        self.assertIn("4 runs failed: no pair", text)

    def test_several_figures(self):
        of = cell(shown=(("outage_ms", "outage"), ("alarm_ms", "alarm")))
        lines = lines_of(of, result(of, records(5.0), records(6.0)))
        self.assertEqual(lines[2].split(), ["outage", "1", "5.0", "5.0", "5.0"])
        self.assertEqual(lines[3].split(), ["alarm", "n/a"])

    def test_every_cell_has_a_table(self):
        for each in CELLS:
            ours = records(5.0, **{limit.figure: 0 for limit in each.limits})
            sides = {side.label: {"records": ours, "failures": []} for side in each.sides}
            self.assertEqual(len(sides), len(each.sides), f"two sides of {each.name} have one label")
            judged = judge(each, ours)
            self.assertTrue(all(part["held"] for part in judged), each.name)
            self.assertIn(each.title, lines_of(each, {"sides": sides, "judged": judged})[0])


class Stall(unittest.TestCase):
    @staticmethod
    def probe(*sent_ms):
        return types.SimpleNamespace(rate=1000, entries=lambda: [(int(ms * 1e6), 0, 0, 0) for ms in sent_ms])

    def test_a_phone_that_kept_sending_did_not_stand_still(self):
        self.assertEqual(_still_ms(self.probe(*range(100, 131)), Outage(110_000_000, 125_000_000, 0)), 0)

    def test_only_what_lies_in_the_gap_counts(self):
        gap = Outage(110_000_000, 131_000_000, 0)
        self.assertEqual(_still_ms(self.probe(*range(100, 111), 130, 131), gap), 19.0)
        self.assertEqual(_still_ms(self.probe(*range(60, 80), *range(105, 132)), gap), 0)


class CommandLine(unittest.TestCase):
    def test_without_names_all_but_the_long_ones(self):
        self.assertEqual([each.name for each, _ in failover.chosen([])],
                         [each.name for each in CELLS if each.name not in LONG])

    def test_names_with_and_without_a_number(self):
        self.assertEqual([(each.name, count) for each, count in failover.chosen(["saturation:2.5,crash", "pause:3"])],
                         [("crash", None), ("pause", 3.0), ("saturation", 2.5)])
        self.assertEqual(len(failover.chosen(["all", "crash:2"])), len(CELLS))
        self.assertIn(("crash", 2.0), [(each.name, count) for each, count in failover.chosen(["crash:2", "all"])])

    def test_what_must_hold_is_there_once(self):
        names = [each.name for each, _ in failover.chosen(["must", "saturation:3"])]
        self.assertEqual(sorted(names), sorted(set(names)))
        for name in ("crash", "crash-1ms", "brain", "carrier", "server", "planned-1000", "ha-cut", "partition-old",
                     "partition-new", "pause", "saturation"):
            self.assertIn(name, names)
        self.assertTrue(all(each.limits for each, _ in failover.chosen(["must"])))

    def test_bad_names_and_numbers_are_refused(self):
        for word in ("nonsense", "all:3", "crash:many", "crash:0", "crash:-1", "crash:nan", "crash:1e9"):
            with self.subTest(word), self.assertRaises(SystemExit):
                failover.chosen([word])

    def test_the_file_is_replaced_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "out.json")
            for count in (1, 2):
                failover.keep(name, {"cores": 2}, [{"name": "x"}] * count)
                with open(name, encoding="utf-8") as file:
                    self.assertEqual(len(json.load(file)["cells"]), count)
            self.assertEqual(os.listdir(folder), ["out.json"])


def main():
    done = unittest.TextTestRunner(stream=sys.stderr, verbosity=1).run(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    wrong = len(done.failures) + len(done.errors)
    print(f"{done.testsRun - wrong} passed, {wrong} failed", flush=True)
    return 1 if wrong or not done.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
