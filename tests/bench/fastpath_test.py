# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of tools/bench fastpath: limits, verdicts, comparison of fields, the messages. `N passed, N failed`."""

import os
import struct
import sys
import tempfile
import unittest

from tests.bench import fastpath_messages as messages
from tests.bench.fastpath_parsers import compare
from tests.bench.fastpath_dpdk import undisturbed
from tests.bench.fastpath_rows import (PORT_ROWS, Row, extract_rows, line_of, nfqueue_rows, port_row, registration_rows,
                                       verdict)

EQUAL = {"same": 9, "known": [], "different": [], "only_ours": [], "only_theirs": [], "neither": 0}


def extraction(ours, kamailio, different=()):
    times = {label: {"ns": ns, "ticks": 2 * ns, "runs": [ns]} for label, ns in
             (("ours", ours), ("osip", 9000), ("sofia", 4000), ("kamailio", 30000), ("kamailio, fm", kamailio))}
    fields = {peer: {**EQUAL, "different": list(different)} for peer in ("osip", "sofia", "kamailio")}
    return {"messages": 9, "fields": fields, "times": {"invite": times, "mix": times}}


def registrations(insert, memory=900.0):
    def record(count, each):
        return {"tracked": count, "refreshed": count, "evicted": 0, "insert_ns": each, "look_up_ns": each, "refresh_ns": each,
                "read_ns": 100, "memory_mib": memory, "ticks_per_ns": 2.0}
    return {10_000: [record(10_000, 300)], 1_000_000: [record(1_000_000, insert)]}


class Limits(unittest.TestCase):
    def port(self, name, mpps, **more):
        row = next(row for row in PORT_ROWS if row.name == name)
        record = {"mpps": mpps, "cycles": 1, "ns": 1, "runs": [mpps], "pool": 4096, "octets": 740, "right": True, **more}
        return port_row(row, record, [100.0, 120.0, 110.0])

    def test_ports(self):
        self.assertTrue(self.port("match", 35).held)
        self.assertFalse(self.port("match", 34.9).held)
        self.assertTrue(self.port("rtp", 66).held)
        self.assertFalse(self.port("rtp", 65.9).held)
        self.assertFalse(self.port("match", 50, right=False).held)

    def test_what_disturbed_a_row_is_told(self):
        self.assertIn("63% of the slices undisturbed", self.port("match", 35, calm=0.63).note)
        self.assertNotIn("undisturbed", self.port("match", 35, calm=0.99).note)
        # The median of testpmd's runs is 110: of another machine.
        self.assertIn("39.1 where testpmd reaches 123", self.port("match", 35).note)

    def test_testpmd_is_judged_by_its_calm_runs(self):
        runs = [(60, 0.1), (110, 0.95), (80, 0.5), (112, 1.0), (70, 0.3)]
        self.assertEqual(undisturbed(runs, 2), [110, 112])
        # Too few were calm: 20 more for four tenths of a core that is calm.
        self.assertAlmostEqual(undisturbed([(60, 0.1), (80, 0.5), (70, 0.3), (1, 0.4)], 1)[0], 105)
        self.assertEqual(undisturbed([(60, 0.0)], 1), [60])

    def test_fast_and_slow_extraction(self):
        self.assertEqual([row.held for row in extract_rows(extraction(180, 2500))], [True, True, True])
        # A twelfth of the fastest alone is not enough, and neither is the share of Kamailio's time.
        self.assertEqual([row.held for row in extract_rows(extraction(181, 2500))], [False, False, True])
        self.assertEqual([row.held for row in extract_rows(extraction(340, 5000))][0], False)

    def test_unequal_fields_fail_all(self):
        different = [{"message": "m", "fields": {"uri": ["a", "b"]}}]
        self.assertEqual([row.held for row in extract_rows(extraction(100, 2500, different))], [False, False, False])

    def test_registrations(self):
        self.assertEqual([row.held for row in registration_rows(registrations(700))], [True, True, True, None])
        self.assertEqual([row.held for row in registration_rows(registrations(701))], [True, False, False, None])
        self.assertFalse(registration_rows(registrations(300, 1024.1))[0].held)
        lost = registrations(300)
        lost[1_000_000][0]["tracked"] = 999_999
        self.assertFalse(registration_rows(lost)[0].held)

    def test_nfqueue(self):
        def got(ours):
            return {side: [{"pps_of_core": pps, "pps": pps / 2}] for side, pps in
                    (("bare", 1e6), ("bare, batched", 2e6), ("tandem-fast", ours), ("tandem-fast, mirroring", 1.0))}
        self.assertTrue(nfqueue_rows(got(8e5))[0].held)
        self.assertFalse(nfqueue_rows(got(7.99e5))[0].held)

    def test_verdict(self):
        good, bad, told = Row("g", "", 1.0, held=True), Row("b", "", 1.0, held=False), Row("t", "", 1.0)
        missed = Row("m", "", error="no")
        self.assertEqual(verdict([good, told]), ("all hold", 0))
        self.assertEqual(verdict([good, bad])[1], 3)
        self.assertEqual(verdict([bad, missed])[1], 1)
        self.assertEqual(verdict([])[1], 1)
        self.assertIn("not measured", line_of(missed))
        self.assertIn("NO", line_of(bad))


class Fields(unittest.TestCase):
    def test_differences(self):
        same = {"uri": "sip:a@b", "content_length": 3}
        found = compare("osip", ["x/a", "x/b", "x/c", "x/d", "x/e"], [same, same, None, None, {**same, "content_length": None}],
                        [same, None, same, None, {**same, "content_length": 7}])
        self.assertEqual((found["same"], found["only_ours"], found["only_theirs"], found["neither"], len(found["known"])),
                         (1, ["x/b"], ["x/c"], 1, 1))

    def test_unknown_difference(self):
        found = compare("osip", ["x/a"], [{"uri": "sip:a@b", "content_length": 3}], [{"uri": "sip:a@b", "content_length": 4}])
        self.assertEqual(found["different"][0]["fields"], {"content_length": [3, 4]})
        # What is known of one library excuses no other one.
        found = compare("sofia", ["x/a"], [{"content_length": None}], [{"content_length": 4}])
        self.assertEqual(len(found["different"]), 1)

    def test_escapes(self):
        found = compare("sofia", ["x/a", "x/b"], [{"uri": "sip:a%3b@b"}, {"uri": "sip:a%3b@b"}],
                        [{"uri": "sip:a%3B@b"}, {"uri": "sip:a%3C@b"}])
        self.assertEqual((len(found["known"]), len(found["different"])), (1, 1))


class Messages(unittest.TestCase):
    def test_mix(self):
        made = messages.mix()
        average = sum(map(len, made)) / len(made)
        self.assertTrue(700 < average < 780, average)
        self.assertEqual(made, messages.mix())
        self.assertEqual(len(messages.invite()), 742)

    def test_capture(self):
        payload = b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"
        udp = struct.pack(">HHHH", 5060, 5060, 8 + len(payload), 0) + payload
        ip = bytes([0x45, 0]) + struct.pack(">HHHBBH", 20 + len(udp), 0, 0, 64, 17, 0) + bytes(8) + udp
        frame = bytes(12) + b"\x08\x00" + ip
        fragment = bytes(12) + b"\x08\x00" + ip[:6] + b"\x20\x00" + ip[8:]
        octets = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
        for each in (frame, fragment, frame[:20]):
            octets += struct.pack("<IIII", 0, 0, len(each), len(each)) + each
        with tempfile.TemporaryDirectory() as directory:
            path = messages.pathlib.Path(directory, "a.pcap")
            path.write_bytes(octets + b"\x00" * 5)
            self.assertEqual(messages._from_capture(path), [("a.pcap:1", payload)])

    def test_own_corpus(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.assertGreater(len(messages.corpus(root)), 50)


def main():
    done = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    wrong = len(done.failures) + len(done.errors)
    print(f"{done.testsRun - wrong} passed, {wrong} failed")
    return 1 if wrong or not done.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
