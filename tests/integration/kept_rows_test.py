"""Which keys of a sparse table have a row, in whole clusters."""

import random
import unittest

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model

USUAL = 400
ONCE = 20000


def config(rows, epochs=2):
    return f"""
version: 1
cluster: {{name: rows, servers: 2, workers: 2}}
model: {{type: logistic_regression}}
sharding: {{shards_per_table: 16}}
data: {{format: libsvm, train: [train.libsvm], batch_size: 64, epochs: {epochs}}}
output: {{model: model.safetensors}}
tables:
- {{name: weights, rows: {rows}}}
"""


class KeptRowsTest(ClusterTestCase):
    def setUp(self):
        super().setUp()
        # In each row two of the usual keys and two that come once.
        draw = random.Random(1)
        lines, once = [], USUAL
        for _ in range(ONCE // 2):
            usual = sorted(draw.sample(range(USUAL), 2))
            keys = [*usual, once, once + 1]
            once += 2
            lines.append(f"{int(usual[0] < USUAL // 4)} " + " ".join(f"{key}:1" for key in keys))
        self.write("train.libsvm", "\n".join(lines) + "\n")

    def keys_after(self, rows, epochs=2):
        result = self.run_job(config(rows, epochs))
        self.assertEqual(result["state"], "Succeeded")
        self.assertEqual(result["examples"], epochs * ONCE // 2)
        return set(read_model(result["model"])["weights.keys"].tolist())

    def test_without_rules_every_key_has_a_row(self):
        self.assertEqual(len(self.keys_after("{}")), USUAL + ONCE)

    def test_keys_that_come_once_get_no_row(self):
        keys = self.keys_after("{min_count: 3}", epochs=1)
        self.assertTrue(keys.issuperset(range(USUAL)))
        self.assertLessEqual(len(keys), 1.2 * USUAL)

    def test_the_table_has_no_more_rows_than_allowed(self):
        keys = self.keys_after("{max_rows: 2000}")
        self.assertLessEqual(len(keys), 2000)
        self.assertGreaterEqual(len(keys), 1800)
        self.assertGreaterEqual(len(keys.intersection(range(USUAL))), 0.95 * USUAL)

    def test_rows_that_nobody_pushes_to_go(self):
        keys = self.keys_after("{ttl: 20}")
        self.assertGreaterEqual(len(keys.intersection(range(USUAL))), 0.95 * USUAL)
        self.assertLessEqual(len(keys), ONCE // 2)

    def test_rules_that_a_table_cannot_have(self):
        for rows, table, text in (("{max_rows: 8}", "weights", "16 shards"), ("{ttl: 5}", "bias", "dense")):
            with self.subTest(rows=rows):
                result = self.run_job(config(rows).replace("name: weights", f"name: {table}"), expect=78)
                self.assertIn(text, result["message"])


if __name__ == "__main__":
    unittest.main()
