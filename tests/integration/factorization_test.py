"""Factorization models on data whose truth is known."""

import json
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model


class FactorizationMachineTest(ClusterTestCase):
    CONFIG = """
version: 1
cluster: {name: fm, servers: 2, workers: 2}
model: {MODEL}
data:
  train: [log/train.libsvm]
  eval: [log/test.libsvm]
  batch_size: 256
  epochs: EPOCHS
output: {model: model.safetensors}
"""

    def train(self, model, epochs=5):
        return self.run_job(self.CONFIG.replace("MODEL", model).replace("EPOCHS", str(epochs)))

    def test_learns_the_interactions_that_a_linear_model_cannot(self):
        made = self.paramctl("data", "generate", "--interactions", "--out", "log", "--rows", "100000", "--eval_rows",
                             "20000", "--features_per_row", "10", "--cardinality", "50", "-o", "json")
        bayes = json.loads(made.stdout)["bayes"]["logloss"]
        linear = self.train("type: logistic_regression")["eval"]["logloss"]
        machine = self.train("type: factorization_machine", epochs=10)
        closed = (linear - machine["eval"]["logloss"]) / (linear - bayes)
        print(f"log loss: linear {linear:.4f}, machine {machine['eval']['logloss']:.4f}, best {bayes:.4f}; "
              f"{closed:.1%} of the gap closed")
        self.assertGreater(linear, bayes + 0.02)
        self.assertGreaterEqual(closed, 0.8)

        # The saved model gives the figures of the run.
        done = self.paramctl("evaluate", "--model", machine["model"], "--data", "log/test.libsvm", "-o", "json")
        self.assertAlmostEqual(json.loads(done.stdout)["logloss"], machine["eval"]["logloss"], places=5)
        self.assertEqual(read_model(machine["model"])["vectors.values"].shape[1], 8)

    def test_fields_are_needed(self):
        self.write("train.libsvm", "1 1:1 2:1\n0 3:1\n")
        path = self.write("job.yaml", """
version: 1
model: {type: field_aware_fm}
data: {train: [train.libsvm]}
""")
        self.assertRegex(self.paramctl("run", path, expect=78).stderr, r"job\.yaml:3:\d+: model\.type: .*fields")

    def test_an_objective_that_it_does_not_have(self):
        path = self.write("job.yaml", """
version: 1
model: {type: factorization_machine, objective: multiclass}
data: {train: [train.libsvm]}
""")
        self.assertRegex(self.paramctl("run", path, expect=78).stderr, r"job\.yaml:3:\d+: model\.objective: ")


class MatrixFactorizationTest(ClusterTestCase):
    NOISE = 0.5

    def write_ratings(self, users=500, items=400, rank=8, share=0.7):
        """A matrix of rank `rank` with biases and noise; what is in the file test is not in train."""
        random = np.random.default_rng(7)
        truth = 3.5 + random.normal(0, 0.5, (users, 1)) + random.normal(0, 0.5, items)
        truth += random.normal(0, 0.6, (users, rank)) @ random.normal(0, 0.6, (rank, items))
        ratings = truth + random.normal(0, self.NOISE, truth.shape)
        cells = random.permutation(users * items)
        train, test = np.split(cells, [int(share * len(cells))])
        for name, part in (("train", train), ("test", test)):
            lines = (f"{ratings.flat[c]:.5f} {c // items}:1 {users + c % items}:1\n" for c in part)
            self.write(name + ".libsvm", "".join(lines))

    def test_recovers_a_matrix_of_low_rank(self):
        self.write_ratings()
        result = self.run_job("""
version: 1
cluster: {name: mf, servers: 2, workers: 2}
model: {type: matrix_factorization, dim: 8, init_scale: 0.3}
optimizer: {type: adagrad, learning_rate: 0.3}
data: {train: [train.libsvm], eval: [test.libsvm], batch_size: 256, epochs: 15}
""")
        rmse = result["eval"]["rmse"]
        print(f"RMSE {rmse:.4f}, noise {self.NOISE}, ratio {rmse / self.NOISE:.4f}")
        self.assertLessEqual(rmse, 1.05 * self.NOISE)

    def test_rows_that_are_no_ratings(self):
        self.write("train.libsvm", "4 1:1 7:1\n" * 5 + "3 1:1\n")
        result = self.run_job("""
version: 1
model: {type: matrix_factorization}
data: {train: [train.libsvm]}
""", expect=65)
        self.assertRegex(result["message"], "1 features: matrix factorization needs exactly two")


if __name__ == "__main__":
    unittest.main()
