"""What a multi-layer perceptron reaches on MNIST, held against scikit-learn: 0.953 after 15 epochs of the same network."""

import gzip
import json
import os
import unittest

import numpy as np

from tests.testing.paramd_cluster import ClusterTestCase, data_dir
from tests.testing.safetensors import read_model


class MlpTest(ClusterTestCase):
    def write_mnist(self):
        """The first 8,000 images of the test set to train on, the last 2,000 to evaluate on."""
        folder = data_dir("mnist")
        with gzip.open(os.path.join(folder, "t10k-images-idx3-ubyte.gz")) as file:
            images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(10000, 784)
        with gzip.open(os.path.join(folder, "t10k-labels-idx1-ubyte.gz")) as file:
            labels = np.frombuffer(file.read(), np.uint8, offset=8)
        rows = np.column_stack([labels, images / 255.0])
        np.savetxt(self.path("train.csv"), rows[:8000], fmt="%.4g", delimiter=",")
        np.savetxt(self.path("test.csv"), rows[8000:], fmt="%.4g", delimiter=",")

    def config(self, consistency):
        return f"""
version: 1
cluster: {{name: mnist, servers: 2, workers: 4}}
consistency: {consistency}
model: {{type: mlp, classes: 10, hidden: [128]}}
data: {{format: csv, train: [train.csv], eval: [test.csv], batch_size: 16, epochs: 15}}
output: {{model: model.safetensors}}
"""

    def check(self, consistency):
        self.write_mnist()
        result = self.run_job(self.config(consistency))
        self.assertEqual(result["examples"], 8000 * 15)
        self.assertGreaterEqual(result["eval"]["accuracy"], 0.950)
        return result

    def test_ssp(self):
        result = self.check("{mode: ssp, staleness: 4}")
        model = read_model(result["model"])
        shapes = {name: table.shape for name, table in model.items()}
        self.assertEqual(shapes, {"layer0.weights": (784, 128), "layer0.bias": (1, 128),
                                  "layer1.weights": (128, 10), "layer1.bias": (1, 10)})
        done = self.paramctl("evaluate", "--model", result["model"], "--data", self.path("test.csv"), "-o", "json")
        figures = json.loads(done.stdout.splitlines()[-1])
        for name in ("logloss", "accuracy"):
            self.assertAlmostEqual(figures[name], result["eval"][name], places=5)

    def test_bsp(self):
        self.check("{mode: bsp}")

    def test_sparse(self):
        folder = data_dir("a9a")
        with open(os.path.join(folder, "test.libsvm")) as file:
            lines = file.read().splitlines()[:2000]
        # A feature that training has not seen has its initial weights, also when the saved model is evaluated.
        with open(self.path("test.libsvm"), "w") as file:
            file.writelines(f"{line.strip()} {1000 + i}:1\n" for i, line in enumerate(lines))
        result = self.run_job(f"""
version: 1
cluster: {{name: a9a, servers: 2, workers: 2}}
model: {{type: mlp, objective: binary, hidden: [16], dropout: 0.1}}
data: {{format: libsvm, train: [{folder}/train.libsvm], eval: [{folder}/test.libsvm, test.libsvm], epochs: 3}}
output: {{model: model.safetensors}}
""")
        self.assertGreaterEqual(result["eval"]["auc"], 0.89)
        done = self.paramctl("evaluate", "--model", result["model"], "--data", os.path.join(folder, "test.libsvm"),
                             "--data", self.path("test.libsvm"), "-o", "json")
        figures = json.loads(done.stdout.splitlines()[-1])
        for name in ("auc", "logloss", "accuracy"):
            self.assertAlmostEqual(figures[name], result["eval"][name], places=6)


if __name__ == "__main__":
    unittest.main()
