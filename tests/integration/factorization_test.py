"""Factorization models on data whose truth is known."""

import json
import unittest

from tests.testing.paramd_cluster import ClusterTestCase
from tests.testing.safetensors import read_model
from tests.testing.workloads import RATINGS_NOISE, config, ratings, write_ratings


class FactorizationMachineTest(ClusterTestCase):
    FIELDS = 10
    CONFIG = """
version: 1
cluster: {name: fm, servers: 2, workers: 2}
model: {MODEL}
data:
  DATA
  train: [log/train.FORMAT]
  eval: [log/test.FORMAT]
  batch_size: 256
  epochs: EPOCHS
output: {model: model.safetensors}
"""

    def train(self, model, log_format, epochs):
        data = "format: libsvm" if log_format == "libsvm" else f"format: libffm\n  libffm: {{fields: {self.FIELDS}}}"
        config = self.CONFIG.replace("MODEL", model).replace("DATA", data)
        return self.run_job(config.replace("FORMAT", log_format).replace("EPOCHS", str(epochs)))

    def check_learns_interactions(self, model, log_format, epochs, row):
        """`row`: values in a row of the table vectors."""
        made = self.paramctl("data", "generate", "--interactions", "--out", "log", "--rows", "100000", "--eval_rows",
                             "20000", "--features_per_row", str(self.FIELDS), "--cardinality", "50", "--format",
                             log_format, "-o", "json")
        bayes = json.loads(made.stdout)["bayes"]["logloss"]
        linear = self.train("type: logistic_regression", log_format, 5)["eval"]["logloss"]
        machine = self.train(f"type: {model}", log_format, epochs)
        loss = machine["eval"]["logloss"]
        closed = (linear - loss) / (linear - bayes)
        print(f"log loss: linear {linear:.4f}, {model} {loss:.4f}, best {bayes:.4f}; {closed:.1%} of the gap closed")
        self.assertGreater(linear, bayes + 0.02)
        self.assertGreaterEqual(closed, 0.8)

        # The saved model gives the figures of the run.
        done = self.paramctl("evaluate", "--model", machine["model"], "--data", f"log/test.{log_format}", "-o", "json")
        self.assertAlmostEqual(json.loads(done.stdout)["logloss"], loss, places=5)
        self.assertEqual(read_model(machine["model"])["vectors.values"].shape[1], row)

    def test_learns_the_interactions_that_a_linear_model_cannot(self):
        self.check_learns_interactions("factorization_machine", "libsvm", epochs=10, row=8)

    def test_field_aware(self):
        self.check_learns_interactions("field_aware_fm", "libffm", epochs=6, row=4 * self.FIELDS)

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
    def test_recovers_a_matrix_of_low_rank(self):
        write_ratings(self.dir)
        result = self.run_job(config("{type: matrix_factorization, dim: 8, init_scale: 0.3}", ratings(),
                                     optimizer="{type: adagrad, learning_rate: 0.3}"))
        rmse = result["eval"]["rmse"]
        print(f"RMSE {rmse:.4f}, noise {RATINGS_NOISE}, ratio {rmse / RATINGS_NOISE:.4f}")
        self.assertLessEqual(rmse, 1.05 * RATINGS_NOISE)

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
