"""What whole clusters reach on real data, held against LIBLINEAR and scikit-learn (shared/data/REFERENCE.md)."""

import gzip
import json
import os
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase, data_dir
from tests.testing.safetensors import read_model


def a9a_config(consistency="{mode: ssp, staleness: 4}", extra="", data_extra="", batch=256, epochs=5,
               optimizer="{type: ftrl, alpha: 0.05, beta: 1.0, l1: 0.0, l2: 1.0}"):
    folder = data_dir("a9a")
    return f"""
version: 1
cluster: {{name: a9a, servers: 2, workers: 2}}
consistency: {consistency}
model: {{type: logistic_regression, seed: 42}}
optimizer: {optimizer}
data:
  format: libsvm
  train: [{folder}/train.libsvm]
  eval: [{folder}/test.libsvm]
  batch_size: {batch}
  epochs: {epochs}
{data_extra}
output: {{model: model.safetensors}}
{extra}
"""


class A9aTest(ClusterTestCase):
    ROWS = 32561

    def check(self, result, epochs=5):
        self.assertEqual(result["state"], "Succeeded")
        self.assertEqual(result["examples"], self.ROWS * epochs)
        # LIBLINEAR's optimum: AUC 0.9022, accuracy 0.850, log loss 0.3241.
        self.assertGreaterEqual(result["eval"]["auc"], 0.901)
        self.assertGreaterEqual(result["eval"]["accuracy"], 0.848)
        self.assertLessEqual(result["eval"]["logloss"], 0.328)

    def test_asp(self):
        self.check(self.run_job(a9a_config("{mode: asp}")))

    def test_ssp(self):
        self.check(self.run_job(a9a_config("{mode: ssp, staleness: 4}")))

    def test_ssp_without_staleness(self):
        self.check(self.run_job(a9a_config("{mode: ssp, staleness: 0}")))

    def test_bsp(self):
        self.check(self.run_job(a9a_config("{mode: bsp}", batch=128)))

    def test_adagrad(self):
        self.check(self.run_job(a9a_config(optimizer="{type: adagrad, learning_rate: 0.1}")))

    def test_sgd(self):
        # Needs more passes than the adaptive ones.
        result = self.run_job(a9a_config(optimizer="{type: sgd, learning_rate: 0.3}", epochs=10))
        self.check(result, epochs=10)

    def test_a_policy_for_one_table(self):
        extra = "tables:\n- {name: bias, consistency: {mode: bsp}, optimizer: {type: adagrad, learning_rate: 0.1}}"
        self.check(self.run_job(a9a_config("{mode: asp}", extra=extra)))

    def test_any_number_of_servers_and_workers(self):
        for servers in (1, 2, 3, 5):
            for workers in (1, 2, 3, 4):
                with self.subTest(servers=servers, workers=workers):
                    result = self.run_job(a9a_config(), "--servers", str(servers), "--workers", str(workers))
                    self.assertEqual((result["servers"], result["workers"]), (servers, workers))
                    self.check(result)

    def test_evaluate_gives_the_figures_of_the_run(self):
        result = self.run_job(a9a_config())
        done = self.paramctl("evaluate", "--model", result["model"], "--data",
                             os.path.join(data_dir("a9a"), "test.libsvm"), "-o", "json")
        figures = json.loads(done.stdout.splitlines()[-1])
        for name in ("auc", "logloss", "accuracy"):
            self.assertAlmostEqual(figures[name], result["eval"][name], places=6)

    def test_bsp_does_not_depend_on_the_number_of_workers(self):
        # Steps of 1024 examples, by one worker or by four.
        models = []
        for workers in (1, 4):
            config = a9a_config("{mode: bsp}", batch=1024 // workers, epochs=5)
            result = self.run_job(config, "--workers", str(workers), "--servers", "2")
            self.assertEqual(result["examples"], self.ROWS * 5)
            models.append(read_model(result["model"]))
        one, four = models
        np.testing.assert_array_equal(one["weights.keys"], four["weights.keys"])
        np.testing.assert_allclose(one["weights.values"], four["weights.values"], rtol=0, atol=1e-4)
        np.testing.assert_allclose(one["bias"], four["bias"], rtol=0, atol=1e-4)
        self.assertGreater(np.abs(one["weights.values"]).max(), 0.1)


class MnistTest(ClusterTestCase):
    def test_softmax(self):
        folder = data_dir("mnist")
        with gzip.open(os.path.join(folder, "t10k-images-idx3-ubyte.gz")) as file:
            images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(10000, 784)
        with gzip.open(os.path.join(folder, "t10k-labels-idx1-ubyte.gz")) as file:
            labels = np.frombuffer(file.read(), np.uint8, offset=8)
        rows = np.column_stack([labels, images / 255.0])
        np.savetxt(self.path("train.csv"), rows[:8000], fmt="%.4g", delimiter=",")
        np.savetxt(self.path("test.csv"), rows[8000:], fmt="%.4g", delimiter=",")
        result = self.run_job("""
version: 1
cluster: {name: mnist, servers: 2, workers: 2}
model: {type: softmax_regression, classes: 10}
optimizer: {type: adagrad, learning_rate: 0.05}
data: {format: csv, train: [train.csv], eval: [test.csv], batch_size: 64, epochs: 12}
output: {model: model.safetensors}
""")
        # scikit-learn's optimum: 0.9345.
        self.assertGreaterEqual(result["eval"]["accuracy"], 0.92)
        model = read_model(result["model"])
        self.assertEqual(model["weights"].shape, (784, 10))


if __name__ == "__main__":
    unittest.main()
