"""Files of every format, from the reader to the saved model: what a model that adds rows up counts, and what one learns."""

import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model

COUNT = """
version: 1
cluster: {{name: count, servers: 2, workers: 2}}
consistency: {{mode: asp}}
model: {{type: feature_sum}}
optimizer: {{type: sgd, learning_rate: 1}}
data: {{{data}, batch_size: 97, epochs: 2}}
output: {{model: model.safetensors}}
"""

LEARN = """
version: 1
cluster: {{name: learn, servers: 2, workers: 2}}
model: {{type: logistic_regression}}
data: {{{data}, batch_size: 64, epochs: 3}}
output: {{model: model.safetensors}}
"""


class FormatsTest(ClusterTestCase):
    def count(self, data, rows):
        """The sum of every feature over one epoch, by key."""
        result = self.run_job(COUNT.format(data=data))
        self.assertEqual(result["examples"], 2 * rows)
        model = read_model(result["model"])
        return dict(zip(model["weights.keys"].tolist(), (model["weights.values"][:, 0] / 2).tolist()))

    def learn(self, data, held_out, auc=0.95):
        """Trains and evaluates; the saved model evaluates the same."""
        result = self.run_job(LEARN.format(data=data + f", eval: [{held_out}]"))
        self.assertGreaterEqual(result["eval"]["auc"], auc)
        done = self.paramctl("evaluate", "--model", result["model"], "--data", held_out, "-o", "json")
        self.assertIn(f'"auc":{result["eval"]["auc"]}', done.stdout)
        return result

    def test_libffm(self):
        rng = np.random.default_rng(1)
        kinds = rng.integers(0, 50, (3000, 3))
        labels = (kinds.sum(axis=1) > 73).astype(int)
        lines = [f"{y} " + " ".join(f"{f}:{100 * f + k}:1" for f, k in enumerate(row)) + "\n"
                 for y, row in zip(labels, kinds)]
        self.write("a.ffm", "".join(lines))
        self.write("b.ffm", "".join(lines[:500]))
        data = "format: libffm, libffm: {fields: 3}, train: [a.ffm]"
        keys, counts = np.unique(kinds + 100 * np.arange(3), return_counts=True)
        self.assertEqual(self.count(data, 3000), dict(zip(keys.tolist(), counts.tolist())))
        self.learn(data, self.path("b.ffm"))
        # Features that collide add up, and the saved model says how it was read.
        hashed = self.count(data + ", hash_bits: 4", 3000)
        self.assertLessEqual(max(hashed), 15)
        self.assertEqual(sum(hashed.values()), 9000)
        self.learn(data + ", hash_bits: 16", self.path("b.ffm"))


if __name__ == "__main__":
    unittest.main()
