"""The oracle sees what is lost, doubled or out of order, and nothing else."""

import os
import tempfile
import unittest

import numpy as np

from tests.testing.oracle import DENSE_ROWS, DIM, KEYS, ROWS, StepLog, differences

# Two shards of each table.
SHARDS = (f"shards counts {' '.join(str(key % 2) for key in range(KEYS))}\n"
          f"shards totals {' '.join(str(row // 8) for row in range(DENSE_ROWS))}\n")


def push(clock, value, keys=(3, 4)):
    """12 x value to some keys, and 24 x value to all dense rows."""
    sparse = " ".join([str(12 * value)] * DIM * len(keys))
    dense = " ".join([str(24 * value)] * DIM * DENSE_ROWS)
    return f"push {clock} {' '.join(map(str, keys))} | {sparse} | {dense}\n"


def rows_after(*values, keys=(3, 4)):
    rows = np.zeros((ROWS, DIM), np.float32)
    rows[list(keys)] = -12 * sum(values)
    rows[KEYS:] = -24 * sum(values)
    return rows


class DifferencesTest(unittest.TestCase):
    def log(self, text):
        with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as folder:
            path = os.path.join(folder, "log")
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            return StepLog(path)

    def assert_right(self, rows, *logs, synchronous=False):
        self.assertEqual(differences(rows, [self.log(text) for text in logs], synchronous), [])

    def assert_wrong(self, shards, rows, *logs, synchronous=False):
        self.assertEqual(len(differences(rows, [self.log(text) for text in logs], synchronous)), shards)

    def test_acknowledged_steps_count_once(self):
        log = SHARDS + push(0, 1) + "ack 0\n" + push(1, 3) + "ack 1\n"
        self.assert_right(rows_after(1, 3), log)
        self.assert_wrong(4, rows_after(1), log)
        self.assert_wrong(4, rows_after(1, 3, 3), log)

    def test_one_wrong_value_is_seen(self):
        log = SHARDS + push(0, 1) + "ack 0\n"
        for row in (3, 1000, KEYS + 9):
            rows = rows_after(1)
            rows[row, 1] += 1
            self.assert_wrong(1, rows, log)

    def test_workers_add_up(self):
        logs = [SHARDS + push(0, 1) + "ack 0\n", SHARDS + push(0, 5) + "ack 0\n", ""]
        self.assert_right(rows_after(1, 5), *logs)
        self.assert_wrong(4, rows_after(5), *logs)

    def test_what_was_not_answered_may_be_there_in_order(self):
        log = SHARDS + push(0, 1) + "ack 0\n" + push(1, 3) + push(2, 9)
        for taken in ((1,), (1, 3), (1, 3, 9)):
            self.assert_right(rows_after(*taken), log)
        for taken in ((), (1, 9), (1, 3, 3), (3, 9)):
            self.assert_wrong(4, rows_after(*taken), log)

    def test_each_shard_for_itself_but_as_a_whole(self):
        log = SHARDS + push(0, 1, keys=(3, 4, 5)) + "ack 0\n" + push(1, 3, keys=(3, 4, 5))
        rows = rows_after(1, keys=(3, 4, 5))
        rows[4] = -12 * 4  # alone in its shard
        self.assert_right(rows, log)
        rows[3] = -12 * 4  # 5 lacks it
        self.assert_wrong(1, rows, log)

    def test_a_line_that_was_cut_short_did_not_happen(self):
        whole = SHARDS + push(0, 1) + "ack 0\n"
        for line in (push(1, 3), "ack 1\n"):
            self.assert_right(rows_after(1), whole + line[:-1])

    def test_synchronous_steps_are_means(self):
        logs = [SHARDS + push(0, 2) + "ack 0\n" + push(1, 4) + "ack 1\n", SHARDS + push(0, 6) + "ack 0\n"]
        self.assert_right(rows_after(4, 4), *logs, synchronous=True)
        self.assert_wrong(4, rows_after(8, 4), *logs, synchronous=True)
        # Of two workers at clock 1 one was not answered.
        logs[1] += push(1, 2)
        self.assert_right(rows_after(4, 4), *logs, synchronous=True)
        self.assert_right(rows_after(4, 3), *logs, synchronous=True)
        self.assert_wrong(4, rows_after(4, 2), *logs, synchronous=True)


if __name__ == "__main__":
    unittest.main()
